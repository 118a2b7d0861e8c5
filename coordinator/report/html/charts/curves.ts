/**
 * Curves by number: what was simulated as a line, what was published as marks over it, the same colour for both. A mark
 * read from a bitmap is hollow: it is known to ±2 % only.
 */

import type { SeriesOption } from 'echarts';
import { seriesColour, standIn } from '../palette.ts';
import { scaledTick } from './cores.ts';
import { axisLine, type Drawing, gridLines, inkText, mutedText } from './draw.ts';

export type Points = readonly (readonly [x: number, y: number])[];

export interface DrawnCurve {
  readonly name: string;
  /** Counts colours: the same system has the same one. */
  readonly colour: number;
  readonly simulated: Points;
  readonly published: Points;
  /** Published points are read from a bitmap. */
  readonly coarse: boolean;
}

export interface CurveChart {
  readonly says: string;
  readonly xName: string;
  readonly yName: string;
  readonly curves: readonly DrawnCurve[];
}

const dashes = ['solid', 'dashed', 'dotted'] as const;
const marks = ['circle', 'rect', 'triangle', 'diamond'] as const;

export function curveDrawing(
  { says, xName, yName, curves }: CurveChart,
  width: number,
  size: 'wide' | 'narrow',
): Omit<Drawing, 'id'> {
  const xs = curves.flatMap(({ simulated, published }) => [...simulated, ...published].map(([x]) => x));
  const isWide = isGeometric(xs);
  const perRow = size === 'wide' ? 4 : 2;
  const legendRows = Math.ceil(curves.length / perRow);
  return {
    says,
    width,
    height: (size === 'wide' ? 340 : 300) + legendRows * 22,
    option: {
      legend: {
        top: 0,
        left: 0,
        itemWidth: 26,
        itemHeight: 10,
        itemGap: 20,
        textStyle: inkText,
        data: curves.map(({ name }) => name),
      },
      grid: { left: 62, right: 22, top: legendRows * 22 + 26, bottom: 46 },
      xAxis: {
        type: isWide ? 'log' : 'value',
        ...(isWide ? { logBase: 2 } : {}),
        min: isWide ? Math.min(...xs) : 0,
        max: Math.max(...xs),
        name: xName,
        nameLocation: 'middle',
        nameGap: 28,
        nameTextStyle: mutedText,
        axisLabel: { ...mutedText, hideOverlap: true },
        splitLine: { show: false },
        axisLine,
      },
      yAxis: {
        type: 'value',
        min: 0,
        name: yName,
        nameLocation: 'end',
        nameTextStyle: { ...mutedText, align: 'left', padding: [0, 0, 0, -56] },
        nameGap: 10,
        axisLabel: { ...mutedText, formatter: scaledTick },
        splitLine: gridLines,
        axisLine: { show: false },
      },
      series: curves.flatMap(seriesOf),
    },
  };
}

/** Powers of two crowd at the left of a linear axis. */
function isGeometric(xs: readonly number[]): boolean {
  const distinct = [...new Set(xs)].sort((one, other) => one - other);
  const [first, last] = [distinct[0], distinct[distinct.length - 1]];
  return distinct.length > 2 && first > 0 && (last / first) ** (1 / (distinct.length - 1)) > 1.9;
}

function seriesOf({ name, colour, simulated, published, coarse }: DrawnCurve, index: number): SeriesOption[] {
  const ink = standIn(seriesColour(colour));
  return [
    {
      type: 'line',
      name,
      silent: true,
      symbol: 'none',
      data: simulated.map(([x, y]) => [x, y]),
      lineStyle: { color: ink, width: 2, type: dashes[index % dashes.length] },
      itemStyle: { color: ink },
    },
    {
      type: 'scatter',
      silent: true,
      z: 4,
      symbol: marks[index % marks.length],
      symbolSize: 9,
      data: published.map(([x, y]) => [x, y]),
      itemStyle: {
        color: coarse ? standIn('page') : ink,
        borderColor: coarse ? ink : standIn('page'),
        borderWidth: coarse ? 2 : 1,
      },
    },
  ];
}
