/** Small drawings in the rows of a table, which has their figures beside them: intervals of ratios, spans of latencies. */

import { element, type Tree } from '../tree.ts';
import { pixel } from './axis.ts';

const height = 22;
const middle = height / 2;

export interface IntervalScale {
  readonly width: number;
  /** Half of what is shown, in logarithms: 0.1 is about 10 % either way. */
  readonly reach: number;
  /** Logarithms of the bounds of what does not matter. */
  readonly zone: { readonly low: number; readonly high: number };
}

export interface IntervalMark {
  readonly ratio: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly colour: string;
  readonly isHollow: boolean;
}

/** A diamond and its interval on a line through "no difference"; what lies beyond the ends is an arrow. */
export function intervalMark({ width, reach, zone }: IntervalScale, mark: IntervalMark): Tree {
  const x = (log: number): number =>
    width / 2 + (Math.max(-reach, Math.min(reach, log)) / reach) * (width / 2 - 7);
  const parts: Tree[] = [
    element('rect', {
      class: 'zone',
      x: pixel(x(zone.low)),
      width: pixel(x(zone.high) - x(zone.low)),
      y: 0,
      height,
    }),
    element('line', { class: 'reference', x1: pixel(x(0)), x2: pixel(x(0)), y1: 0, y2: height }),
  ];
  const { ratio, low, high, colour } = mark;
  if (low !== null && high !== null) {
    const [from, to] = [Math.log(low), Math.log(high)];
    const isSeen = from < reach && to > -reach;
    // Of one that lies beyond an end as a whole, the arrow of its ratio is enough.
    if (isSeen)
      parts.push(
        element('path', {
          class: 'interval',
          stroke: colour,
          d: `M${pixel(x(from))} ${middle}H${pixel(x(to))}${end(x(from), from < -reach ? -1 : 0)}${end(x(to), to > reach ? 1 : 0)}`,
        }),
      );
  }
  const beyond = ratio === null || Math.abs(Math.log(ratio)) <= reach ? 0 : ratio > 1 ? 1 : -1;
  if (beyond !== 0)
    parts.push(element('path', { class: 'interval', stroke: colour, d: end(x(beyond * reach), beyond) }));
  else if (ratio !== null)
    parts.push(
      element('path', {
        class: mark.isHollow ? 'diamond hollow' : 'diamond',
        stroke: colour,
        fill: colour,
        d: `M${pixel(x(Math.log(ratio)))} ${middle - 5}l5 5l-5 5l-5 -5z`,
      }),
    );
  return element(
    'svg',
    { class: 'mark', width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' },
    ...parts,
  );
}

/** A cap, or the head of an arrow: 0, or its direction. */
function end(x: number, beyond: -1 | 0 | 1): string {
  return beyond === 0
    ? `M${pixel(x)} ${middle - 4}v8`
    : `M${pixel(x - 5 * beyond)} ${middle - 4}l${5 * beyond} 4l${-5 * beyond} 4`;
}

export interface SpanMark {
  readonly width: number;
  readonly colour: string;
  /** Pixels of p50, p90, p99 and p99.9, from the left. */
  readonly places: readonly number[];
  /** Pixels of the decades. */
  readonly grid: readonly number[];
}

/** From the median to the far tail: a diamond, then ticks that grow. */
export function spanMark({ width, colour, places, grid }: SpanMark): Tree {
  const [median = 0] = places;
  const last = places[places.length - 1] ?? median;
  const ticks = places
    .slice(1)
    .map((x, index) => `M${pixel(x)} ${middle - 3 - index}v${6 + 2 * index}`)
    .join('');
  return element(
    'svg',
    { class: 'mark', width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' },
    ...grid.map((x) => element('line', { class: 'grid', x1: pixel(x), x2: pixel(x), y1: 0, y2: height })),
    element('path', {
      class: 'interval',
      stroke: colour,
      d: `M${pixel(median)} ${middle}H${pixel(last)}${ticks}`,
    }),
    element('path', {
      class: 'diamond',
      stroke: colour,
      fill: colour,
      d: `M${pixel(median)} ${middle - 5}l5 5l-5 5l-5 -5z`,
    }),
  );
}

/** Of a part in a whole; both ends and the limit are in the text beside it. */
export function shareMark(share: number, limit: number, isLow: boolean): Tree {
  const width = 72;
  return element(
    'svg',
    { class: 'share', width, height: 10, viewBox: `0 0 ${width} 10`, 'aria-hidden': 'true' },
    element('rect', { class: 'idle', width, height: 10 }),
    element('rect', { class: isLow ? 'low' : 'enough', width: pixel(share * width), height: 10 }),
    element('line', { class: 'reference', x1: limit * width, x2: limit * width, y1: 0, y2: 10 }),
  );
}
