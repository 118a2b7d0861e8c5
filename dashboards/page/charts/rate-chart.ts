/**
 * Connections a second as they come: a dot a second, a line through the seconds of one trial, a colour a variant. The
 * horizontal axis is time under load, so that neither the pauses between trials nor a night between two parts of a run
 * take room.
 */

import { scaled } from '../../../coordinator/report/figures.ts';
import type { RateSample } from '../../../protocol/live-page.ts';
import { element, type Tree } from '../tree.ts';
import { linearAxis, pixel, timeAxis } from './axis.ts';

export interface RateChart {
  readonly samples: readonly RateSample[];
  /** By cell. */
  colourOf(cell: number): string;
  dashOf(cell: number): string;
  readonly width: number;
  readonly says: string;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly sample: RateSample;
}

const height = 220;
const margin = { left: 52, right: 22, top: 8, bottom: 34 };
/** With more, dots would only cover the lines. */
const mostDots = 400;
/** With fewer, they are drawn larger. */
const fewDots = 60;

export function rateChart({ samples, colourOf, dashOf, width, says }: RateChart): Tree {
  const underLoad = samples.reduce((sum, { seconds }) => sum + seconds, 0);
  const most = samples.reduce((rate, sample) => Math.max(rate, rateOf(sample)), 0);
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const time = timeAxis(Math.max(underLoad, 10), inner.width, width < 500 ? 4 : 8);
  const rate = linearAxis(0, most || 1, inner.height, 4);
  const end = margin.top + inner.height;

  let passed = 0;
  const places = samples.map((sample): Place => {
    const x = margin.left + time.at(passed + sample.seconds / 2);
    passed += sample.seconds;
    return { x, y: end - rate.at(rateOf(sample)), sample };
  });
  return element(
    'svg',
    { class: 'chart', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': says },
    ...rate.ticks.flatMap((tick) => {
      const y = pixel(end - rate.at(tick));
      return [
        element('line', { class: 'grid', x1: margin.left, x2: width - margin.right, y1: y, y2: y }),
        element('text', { class: 'tick end', x: margin.left - 8, y, dy: '.35em' }, scaled(tick)),
      ];
    }),
    ...time.ticks.map((tick) =>
      element(
        'text',
        { class: 'tick middle', x: pixel(margin.left + time.at(tick)), y: end + 16 },
        secondsWords(tick),
      ),
    ),
    element(
      'text',
      { class: 'tick middle', x: margin.left + inner.width / 2, y: height - 3 },
      'time under load',
    ),
    ...[...new Set(samples.map(({ cell }) => cell))].flatMap((cell) =>
      marks(
        places.filter(({ sample }) => sample.cell === cell),
        places,
        {
          stroke: colourOf(cell),
          dash: dashOf(cell),
          dots: places.length <= mostDots ? (places.length <= fewDots ? 'large' : 'small') : 'none',
        },
      ),
    ),
    ...places
      .filter(({ sample }) => sample.failed > 0)
      .map(({ x }) => element('path', { class: 'failed', d: `M${pixel(x - 3)} ${end - 3}l6 6m0 -6l-6 6` })),
  );
}

interface Look {
  readonly stroke: string;
  readonly dash: string;
  readonly dots: 'large' | 'small' | 'none';
}

/** What is measured stands out; warm-up and void attempts are faint. */
function marks(own: readonly Place[], all: readonly Place[], { stroke, dash, dots }: Look): Tree[] {
  const next = new Map(all.map((place, index) => [place, all[index + 1]]));
  const parts = { strong: { lines: '', dots: '' }, faint: { lines: '', dots: '' } };
  for (const place of own) {
    const isStrong = isMeasured(place.sample);
    const part = isStrong ? parts.strong : parts.faint;
    part.dots += `M${pixel(place.x)} ${pixel(place.y)}h0`;
    const after = next.get(place);
    if (after === undefined || !isSameTrial(place.sample, after.sample)) continue;
    const line = isMeasured(after.sample) && isStrong ? parts.strong : parts.faint;
    line.lines += `M${pixel(place.x)} ${pixel(place.y)}L${pixel(after.x)} ${pixel(after.y)}`;
  }
  return (['faint', 'strong'] as const).flatMap((weight) => [
    element('path', { class: `line ${weight}`, d: parts[weight].lines, stroke, 'stroke-dasharray': dash }),
    element('path', {
      class: `dots ${weight} ${dots}`,
      d: dots === 'none' ? '' : parts[weight].dots,
      stroke,
    }),
  ]);
}

function isMeasured({ phase }: RateSample): boolean {
  return phase === 'measured' || phase === 'trial';
}

/** Of one cell, and no longer apart than their own length and a second. */
function isSameTrial(one: RateSample, other: RateSample): boolean {
  if (one.cell !== other.cell || one.phase === 'trial' || (one.phase === 'void') !== (other.phase === 'void'))
    return false;
  return other.at - one.at <= (one.seconds + other.seconds) / 2 + 0.75;
}

function rateOf({ completed, seconds }: RateSample): number {
  return completed / seconds;
}

/** 90 → "1.5 min". */
function secondsWords(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 6) / 10} min` : `${Math.round(seconds / 360) / 10} h`;
}
