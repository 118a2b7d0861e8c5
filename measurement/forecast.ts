/**
 * How many pairs it would probably take to decide a comparison: what an interval of the same spread would be at a
 * larger size. A forecast, from a spread that is itself an estimate; it refuses to promise.
 */

import { freedomOf } from './location.ts';
import { studentQuantile } from './student.ts';

/** Beyond this many in all, more of the same is no plan. */
export const mostForecast = 2_000;

export interface Undecided {
  readonly size: number;
  /** Location and standard error, at this size, of the differences (logarithms of ratios). */
  readonly estimate: number;
  readonly standardError: number;
  /** Of the interval that has to lie within the zone. */
  readonly confidence: number;
  /** The same after correction for other comparisons: what has to lie to one side of 0. */
  readonly correctedConfidence: number;
  /** Differences within ± this do not matter. */
  readonly zone: number;
  /** No claim is made on fewer. */
  readonly leastSize: number;
}

/**
 * Further pairs after which, four times in five, the interval would lie to one side of 0 or within the zone. At least 1;
 * null when even `mostForecast` pairs would not do.
 */
export function forecastMore(undecided: Undecided): number | null {
  const spread = undecided.standardError * Math.sqrt(undecided.size);
  const distance = Math.abs(undecided.estimate);
  const halfWidth = (size: number, confidence: number) =>
    ((studentQuantile((1 + confidence) / 2, freedomOf(size)) + fourInFive) * spread) / Math.sqrt(size);
  const decides = (size: number) =>
    halfWidth(size, undecided.correctedConfidence) <= distance ||
    halfWidth(size, undecided.confidence) <= undecided.zone - distance;

  let [least, most] = [Math.max(undecided.size + 1, undecided.leastSize), mostForecast];
  if (least > most || !decides(most)) return null;
  while (least < most) {
    const middle = (least + most) >> 1;
    if (decides(middle)) most = middle;
    else least = middle + 1;
  }
  return least - undecided.size;
}

/** Standard normal quantile of 0.8: half the intervals would reach a goal without it, four in five do with it. */
const fourInFive = 0.8416;
