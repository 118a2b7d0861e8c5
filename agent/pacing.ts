/**
 * When connections are due in an open loop: a Poisson process from a seeded source, so that every trial of a block sees
 * the same arrivals. Pure: it knows no clock and starts nothing; it never waits for anyone and never goes back.
 */

export interface PacerOptions {
  readonly ratePerSecond: number;
  /** Arrivals are counted from here. */
  readonly startMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export class PoissonPacer {
  readonly #meanGapMs: number;
  readonly #random: () => number;
  readonly #dueMs = new Float64Array(1);

  constructor(options: PacerOptions) {
    this.#meanGapMs = 1000 / options.ratePerSecond;
    this.#random = options.random;
    this.#dueMs[0] = options.startMs;
    this.advance();
  }

  /** When the next connection is due: one number, in an array, so that reading it allocates nothing. */
  get dueMs(): Float64Array {
    return this.#dueMs;
  }

  /** Goes on to the one after. */
  advance(): void {
    this.#dueMs[0] -= Math.log(1 - this.#random()) * this.#meanGapMs;
  }
}
