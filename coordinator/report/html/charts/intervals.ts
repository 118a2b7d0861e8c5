/** Dots with intervals, a row each: rates by variant with their blocks, and ratios with their intervals (a forest plot). */

import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams, SeriesOption } from 'echarts';
import { type ColourName, standIn } from '../palette.ts';
import { axisLine, type Drawing, gridLines, inkText, mutedText } from './draw.ts';

export interface IntervalRow {
  readonly label: string;
  readonly center: number;
  /** Null: too few blocks for an interval. */
  readonly low: number | null;
  readonly high: number | null;
  /** Single blocks, drawn small. */
  readonly points: readonly number[];
  readonly colour: ColourName;
  /** Drawn hollow: the figure is a bound, or nothing is claimed of it. */
  readonly hollow: boolean;
}

export interface IntervalChart {
  readonly says: string;
  readonly rows: readonly IntervalRow[];
  readonly axisName: string;
  readonly tick: (value: number) => string;
  /** Where to put ticks in what is shown; null: where the axis likes. */
  readonly ticksIn?: (least: number, most: number, wanted: number) => readonly number[];
  /** A line to compare with, and the zone round it that does not matter. */
  readonly reference: { readonly at: number; readonly low: number; readonly high: number } | null;
}

const rowHeight = 34;
/** Three lines, where a label of two has to be broken once more. */
const tallRowHeight = 50;
/** Single blocks stand under their interval, or it would hide them. */
const pointsBelow = 11;

export function intervalDrawing(
  chart: IntervalChart,
  width: number,
  size: 'wide' | 'narrow',
): Omit<Drawing, 'id'> {
  // The first row on top: a category axis counts from below.
  const rows = [...chart.rows].reverse();
  // Wider than it is measured here may a browser's font be: left of the label some room stays.
  const labelWidth = size === 'wide' ? 190 : 92;
  const hasPoints = rows.some(({ points }) => points.length > 0);
  const isTall = size === 'narrow' && !hasPoints && rows.some(({ label }) => label.includes('\n'));
  const height = hasPoints ? rowHeight + 14 : isTall ? tallRowHeight : rowHeight;
  const wantedTicks = size === 'wide' ? 6 : 3;
  const shown = range(chart);
  const ticks = chart.ticksIn?.(shown.min, shown.max, wantedTicks);
  const customTicks = ticks === undefined ? {} : { customValues: [...ticks] };
  return {
    says: chart.says,
    width,
    height: rows.length * height + 64,
    option: {
      grid: { left: size === 'wide' ? 232 : 126, right: size === 'wide' ? 28 : 18, top: 8, bottom: 52 },
      xAxis: {
        type: 'value',
        ...shown,
        name: chart.axisName,
        nameLocation: 'middle',
        nameGap: 30,
        nameTextStyle: mutedText,
        axisLabel: {
          ...mutedText,
          ...customTicks,
          formatter: chart.tick,
          hideOverlap: true,
          ...(ticks === undefined && { showMinLabel: false, showMaxLabel: false }),
        },
        axisTick: { show: false, ...customTicks },
        splitNumber: wantedTicks,
        splitLine: gridLines,
        axisLine,
      },
      yAxis: {
        type: 'category',
        data: rows.map(({ label }) => label),
        axisLabel: {
          ...inkText,
          fontSize: size === 'wide' ? 12 : 11,
          width: labelWidth,
          overflow: 'break',
          interval: 0,
          lineHeight: 14,
        },
        axisTick: { show: false },
        axisLine: { show: false },
      },
      series: [...referenceSeries(chart), pointSeries(rows), intervalSeries(rows), centerSeries(rows)],
    },
  };
}

/** Round the data and the reference, with a twentieth to spare on either side. */
function range({ rows, reference }: IntervalChart): { readonly min: number; readonly max: number } {
  const values = rows.flatMap(({ center, low, high, points }) => [
    center,
    ...(low === null || high === null ? [] : [low, high]),
    ...points,
  ]);
  if (reference !== null) values.push(reference.at, reference.low, reference.high);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const spare = (most - least || Math.abs(most) || 1) * 0.05;
  const step = 10 ** Math.floor(Math.log10(spare));
  return { min: Math.floor((least - spare) / step) * step, max: Math.ceil((most + spare) / step) * step };
}

function referenceSeries({ reference }: IntervalChart): SeriesOption[] {
  if (reference === null) return [];
  return [
    {
      type: 'scatter',
      silent: true,
      data: [],
      markArea: {
        silent: true,
        itemStyle: { color: standIn('zone') },
        data: [[{ xAxis: reference.low }, { xAxis: reference.high }]],
      },
      markLine: {
        silent: true,
        symbol: 'none',
        label: { show: false },
        lineStyle: { color: standIn('ink'), width: 1, type: 'solid' },
        data: [{ xAxis: reference.at }],
      },
    },
  ];
}

function pointSeries(rows: readonly IntervalRow[]): SeriesOption {
  return {
    type: 'scatter',
    silent: true,
    symbolSize: 5,
    symbolOffset: [0, pointsBelow],
    data: rows.flatMap(({ points, colour }, row) =>
      points.map((point) => ({ value: [point, row], itemStyle: { color: standIn(colour), opacity: 0.6 } })),
    ),
  };
}

function intervalSeries(rows: readonly IntervalRow[]): SeriesOption {
  return {
    type: 'custom',
    silent: true,
    z: 3,
    encode: { x: [0, 1], y: 2 },
    data: rows.flatMap(({ low, high }, row) => (low === null || high === null ? [] : [[low, high, row]])),
    renderItem: (_: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) => {
      const row = Number(api.value(2));
      const [x1, y] = api.coord([api.value(0), row]);
      const [x2] = api.coord([api.value(1), row]);
      const stroke = standIn(rows[row].colour);
      const line = (shape: { x1: number; y1: number; x2: number; y2: number }, lineWidth: number) =>
        ({ type: 'line', shape, style: { stroke, lineWidth } }) as const;
      return {
        type: 'group',
        children: [
          line({ x1, y1: y, x2, y2: y }, 2.5),
          line({ x1, y1: y - 5, x2: x1, y2: y + 5 }, 2),
          line({ x1: x2, y1: y - 5, x2, y2: y + 5 }, 2),
        ],
      };
    },
  };
}

function centerSeries(rows: readonly IntervalRow[]): SeriesOption {
  return {
    type: 'scatter',
    silent: true,
    z: 4,
    symbol: 'diamond',
    symbolSize: 13,
    data: rows.map(({ center, colour, hollow }, row) => ({
      value: [center, row],
      itemStyle: {
        color: standIn(hollow ? 'page' : colour),
        borderColor: standIn(hollow ? colour : 'page'),
        borderWidth: hollow ? 2 : 1,
      },
    })),
  };
}
