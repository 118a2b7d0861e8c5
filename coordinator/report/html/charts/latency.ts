/** Latency by percentile, tail stretched: the horizontal axis is logarithmic in what is left, 1 − p. */

import type { LatencyHistogram } from '../../../../measurement/histogram.ts';
import { duration } from '../../figures.ts';
import { type ColourName, standIn } from '../palette.ts';
import { axisLine, type Drawing, gridLines, inkText, mutedText } from './draw.ts';

export interface LatencyCurve {
  readonly variant: string;
  readonly histogram: LatencyHistogram;
  readonly colour: ColourName;
}

const pointsADecade = 24;
const dashes = ['solid', 'dashed', 'dotted'] as const;

export function latencyDrawing(says: string, curves: readonly LatencyCurve[]): Omit<Drawing, 'id'> {
  const longest = Math.max(...curves.map(({ variant }) => variant.length));
  const points = curves.map(({ histogram }) => curvePoints(histogram));
  const seconds = points.flat().map(([, latency]) => latency);
  const legendRows = Math.ceil((curves.length * (longest * 7 + 58)) / 410);
  return {
    says,
    width: 418,
    height: 250 + legendRows * 22,
    option: {
      legend: {
        top: 0,
        left: 0,
        itemWidth: 26,
        itemGap: 24,
        itemHeight: 10,
        textStyle: inkText,
        inactiveColor: standIn('muted'),
        data: curves.map(({ variant }) => variant),
      },
      grid: { left: 58, right: 18, top: legendRows * 22 + 12, bottom: 44 },
      xAxis: {
        type: 'log',
        min: 1,
        name: 'percentile',
        nameLocation: 'middle',
        nameGap: 26,
        nameTextStyle: mutedText,
        axisLabel: { ...mutedText, formatter: percentileLabel, hideOverlap: true },
        splitLine: gridLines,
        axisLine,
      },
      yAxis: {
        type: 'log',
        // Whole decades round the data: left to itself the axis may end below the highest value.
        min: 10 ** Math.floor(Math.log10(Math.min(...seconds))),
        max: 10 ** Math.ceil(Math.log10(Math.max(...seconds))),
        axisLabel: { ...mutedText, formatter: (seconds: number) => duration(seconds).replace(/\.0+ /, ' ') },
        splitLine: gridLines,
        minorTick: { show: true, splitNumber: 9, lineStyle: { color: standIn('line') } },
        axisLine: { show: false },
      },
      series: curves.map(({ variant, colour }, index) => ({
        type: 'line',
        name: variant,
        symbol: 'none',
        silent: true,
        data: points[index],
        lineStyle: { color: standIn(colour), width: 2, type: dashes[index % dashes.length] },
        itemStyle: { color: standIn(colour) },
      })),
    },
  };
}

/** Up to the percentile that ten values lie beyond: farther out a curve tells of single connections. */
export function curvePoints(histogram: LatencyHistogram): [number, number][] {
  const points: [number, number][] = [];
  const last = Math.max(1, Math.log10(histogram.count / 10));
  for (let step = 0; step / pointsADecade <= last; step++) {
    const left = 10 ** (step / pointsADecade);
    const seconds = histogram.percentileSeconds(100 * (1 - 1 / left));
    if (seconds !== null) points.push([left, seconds]);
  }
  return points;
}

/** 1 → "0 %", 10 → "90 %", 1000 → "99.9 %". */
function percentileLabel(left: number): string {
  const decades = Math.round(Math.log10(left));
  if (decades === 0) return '0 %';
  return `${(100 - 100 / 10 ** decades).toFixed(Math.max(0, decades - 2))} %`;
}
