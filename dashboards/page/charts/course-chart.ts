/**
 * How an interval narrowed from block to block, towards or away from what does not matter. Ratios stand on a logarithmic
 * axis, as they are judged.
 */

import { ratioTickWords } from '../../../coordinator/report/figures.ts';
import type { CourseStep } from '../../../protocol/live-page.ts';
import { element, type Tree } from '../tree.ts';
import { pixel, ratioAxis } from './axis.ts';

export interface CourseChart {
  readonly steps: readonly CourseStep[];
  readonly blocks: number;
  /** Bounds of the ratios that do not matter. */
  readonly zone: { readonly low: number; readonly high: number };
  readonly width: number;
  readonly says: string;
}

const height = 170;
const margin = { left: 62, right: 12, top: 8, bottom: 34 };
const mostCaps = 60;
/** Beyond the later intervals, so much of what lies there is shown. */
const spare = 1.02;

export function courseChart({ steps, blocks, zone, width, says }: CourseChart): Tree {
  const known = steps.filter(({ ratio }) => ratio !== null);
  const bounds = known.flatMap(({ ratio, low, high }) => [ratio ?? 1, low ?? 1, high ?? 1]);
  // The first intervals are wide and say little; they may run out of the chart.
  const last = known
    .slice(-Math.ceil(known.length / 2))
    .flatMap(({ ratio, low, high }) => [ratio ?? 1, low ?? 1, high ?? 1]);
  const least = Math.max(Math.min(...last, zone.low) / spare, Math.min(...bounds, zone.low));
  const most = Math.min(Math.max(...last, zone.high) * spare, Math.max(...bounds, zone.high));
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const ratios = ratioAxis(least, most, inner.height, 4);
  const end = margin.top + inner.height;
  const y = (ratio: number): number => Math.max(margin.top, Math.min(end, end - ratios.at(ratio)));
  const x = (block: number): number => margin.left + ((block - 0.5) / blocks) * inner.width;
  return element(
    'svg',
    { class: 'chart', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': says },
    element('rect', {
      class: 'zone',
      x: margin.left,
      width: inner.width,
      y: pixel(y(zone.high)),
      height: pixel(y(zone.low) - y(zone.high)),
    }),
    ...ratios.ticks.flatMap((tick) => [
      element('line', {
        class: tick === 1 ? 'reference' : 'grid',
        x1: margin.left,
        x2: width - margin.right,
        y1: pixel(y(tick)),
        y2: pixel(y(tick)),
      }),
      element(
        'text',
        { class: 'tick end', x: margin.left - 8, y: pixel(y(tick)), dy: '.35em' },
        ratioTickWords(tick),
      ),
    ]),
    ...blockTicks(blocks, width).map((block) =>
      element('text', { class: 'tick middle', x: pixel(x(block)), y: end + 16 }, String(block)),
    ),
    element('text', { class: 'tick middle', x: margin.left + inner.width / 2, y: height - 3 }, 'blocks'),
    ...known.flatMap(({ block, low, high, ratio, verdict }) => [
      ...(low === null || high === null
        ? []
        : [
            element('path', {
              class: 'interval',
              stroke: `var(--${verdict})`,
              d: `M${pixel(x(block))} ${pixel(y(low))}V${pixel(y(high))}${
                known.length > mostCaps ? '' : cap(x(block), y(low)) + cap(x(block), y(high))
              }`,
            }),
          ]),
      element('path', {
        class: verdict === 'inconclusive' ? 'diamond hollow' : 'diamond',
        stroke: `var(--${verdict})`,
        fill: `var(--${verdict})`,
        d: `M${pixel(x(block))} ${pixel(y(ratio ?? 1) - 4)}l4 4l-4 4l-4 -4z`,
      }),
    ]),
  );
}

function cap(x: number, y: number): string {
  return `M${pixel(x - 4)} ${pixel(y)}h8`;
}

function blockTicks(blocks: number, width: number): number[] {
  const step = Math.max(1, Math.ceil(blocks / Math.max(2, Math.floor(width / 48))));
  return Array.from({ length: Math.floor((blocks - 1) / step) + 1 }, (_, index) => 1 + index * step);
}
