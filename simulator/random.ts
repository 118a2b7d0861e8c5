/**
 * The chance of a simulation: one seeded stream a purpose, and the distributions that models ask for.
 *
 * Streams are those of `measurement/random.ts`: a label splits a seed, so that a second use of chance in a model does not
 * move the first. It refuses to draw from anything but its seed.
 */

import { seededRandom } from '../measurement/random.ts';

export interface RandomStream {
  /** In [0, 1). */
  readonly uniform: () => number;
  /** A whole number in [0, below). */
  readonly below: (below: number) => number;
  /** Exponential, in the unit of `mean`; never infinite. */
  readonly exponential: (mean: number) => number;
}

/**
 * @param seed any integer; its low 32 bits count.
 * @param label what the stream is for: 'arrivals', 'service', …
 */
export function randomStream(seed: number, label: string): RandomStream {
  const uniform = seededRandom(seed, label);
  return {
    uniform,
    below: (below) => Math.floor(uniform() * below),
    // 1 − u lies in (0, 1]: its logarithm is finite.
    exponential: (mean) => -mean * Math.log(1 - uniform()),
  };
}
