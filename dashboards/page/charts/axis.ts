/** From values to pixels: round numbers for ticks, linear and logarithmic. Pure; knows no document. */

import { ratioTicks } from '../../../coordinator/report/ratio-ticks.ts';

export interface Axis {
  readonly ticks: readonly number[];
  /** Pixels from where the axis begins. */
  at(value: number): number;
}

/** From a round number not over `least` to one not under `most`. */
export function linearAxis(least: number, most: number, pixels: number, wantedTicks: number): Axis {
  return steppedAxis(least, most, pixels, roundStep((most - least || 1) / wantedTicks));
}

/** Of seconds, from 0: in steps that clocks have. */
export function timeAxis(most: number, pixels: number, wantedTicks: number): Axis {
  const least = most / wantedTicks;
  const step = clockSteps.find((each) => each >= least) ?? 86_400 * Math.ceil(least / 86_400);
  return steppedAxis(0, most, pixels, step);
}

const clockSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200];

function steppedAxis(least: number, most: number, pixels: number, step: number): Axis {
  const from = Math.floor(least / step + 1e-9) * step;
  const until = Math.max(from + step, Math.ceil(most / step - 1e-9) * step);
  const count = Math.round((until - from) / step);
  return {
    ticks: Array.from({ length: count + 1 }, (_, index) => from + index * step),
    at: (value) => ((value - from) / (until - from)) * pixels,
  };
}

/** Whole decades round the values, which are positive; ticks at each of them. */
export function logAxis(least: number, most: number, pixels: number): Axis {
  const from = Math.floor(Math.log10(least) + 1e-9);
  const until = Math.max(from + 1, Math.ceil(Math.log10(most) - 1e-9));
  return {
    ticks: Array.from({ length: until - from + 1 }, (_, index) => 10 ** (from + index)),
    at: (value) => ((Math.log10(value) - from) / (until - from)) * pixels,
  };
}

/** Of ratios, which are positive: logarithmic, so that twice and half are as far from 1; as long as the values. */
export function ratioAxis(least: number, most: number, pixels: number, wantedTicks: number): Axis {
  return {
    ticks: ratioTicks(least, most, wantedTicks),
    at: (value) => (Math.log(value / least) / Math.log(most / least)) * pixels,
  };
}

/** 1, 2, 2.5 or 5 times a power of ten, not under `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 2.5, 5].find((step) => step * power >= least - power * 1e-9) ?? 10);
}

/** A coordinate with a tenth of a pixel: more only makes the document larger. */
export function pixel(value: number): string {
  return String(Math.round(value * 10) / 10);
}
