/**
 * What a simulation says of its own chance: moments, percentiles, the interval over independent seeds, and where the
 * warm-up ends. Pure. It refuses to make an interval of one seed.
 */

import { studentQuantile } from '../measurement/student.ts';

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index];
  return sum / values.length;
}

/** Of a sample, with n − 1; 0 of fewer than two values. */
export function standardDeviationOf(values: ArrayLike<number>): number {
  if (values.length < 2) return 0;
  const mean = meanOf(values);
  let squares = 0;
  for (let index = 0; index < values.length; index++) squares += (values[index] - mean) ** 2;
  return Math.sqrt(squares / (values.length - 1));
}

/** The smallest value that at least `share` of them do not exceed (nearest rank). `sorted` rises and is not empty. */
export function percentileOf(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length * (1 - Number.EPSILON)) - 1)];
}

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Two-sided 95 %, by Student's t: one value an independent seed. Of one value, the value itself. */
export function intervalOf(values: readonly number[]): Interval {
  const mean = meanOf(values);
  if (values.length < 2) return { mean, low: mean, high: mean };
  const half =
    (studentQuantile(0.975, values.length - 1) * standardDeviationOf(values)) / Math.sqrt(values.length);
  return { mean, low: mean - half, high: mean + half };
}

/**
 * How many values at the beginning of a series to leave out as warm-up, by MSER-5: that cut, in whole batches of five,
 * which makes the standard error of the mean of the rest smallest; never more than half. (White, 1997; White and Robinson,
 * 2010.)
 */
export function warmUpLength(series: ArrayLike<number>): number {
  const batchSize = 5;
  const batches = Math.floor(series.length / batchSize);
  let [sum, squares] = [0, 0];
  let [best, bestCut] = [Infinity, 0];
  // From the end: the moments of what is kept grow by one batch a step.
  for (let cut = batches - 1; cut >= 0; cut--) {
    let batch = 0;
    for (let index = cut * batchSize; index < (cut + 1) * batchSize; index++) batch += series[index];
    batch /= batchSize;
    sum += batch;
    squares += batch * batch;
    const kept = batches - cut;
    const error = Math.max(0, squares - (sum * sum) / kept) / (kept * kept);
    if (cut <= batches / 2 && error <= best) [best, bestCut] = [error, cut];
  }
  return bestCut * batchSize;
}
