/** What the cores that make load did with their time: over the measured interval, and second by second. */

import { type CoreTicks, coreFractions, readCpuTimes } from '../linux/cpu-times.ts';
import type { CoreTimes } from '../protocol/trial-record.ts';

export class LoadCores {
  readonly #cores: readonly number[];
  #lastSecond: readonly CoreTicks[];
  #measuredFrom: readonly CoreTicks[] | null = null;
  #measuredUntil: readonly CoreTicks[] | null = null;

  constructor(cores: readonly number[]) {
    this.#cores = cores;
    this.#lastSecond = readCpuTimes();
  }

  beginMeasuring(): void {
    this.#measuredFrom = readCpuTimes();
  }

  endMeasuring(): void {
    this.#measuredUntil = readCpuTimes();
  }

  /** Since the last call. */
  second(): CoreTimes[] {
    const now = readCpuTimes();
    const fractions = coreFractions(this.#lastSecond, now, this.#cores);
    this.#lastSecond = now;
    return fractions;
  }

  /** Of the measured interval; null when it was not seen from end to end, or a core of it is not known. */
  measured(): CoreTimes[] | null {
    if (this.#measuredFrom === null || this.#measuredUntil === null) return null;
    const fractions = coreFractions(this.#measuredFrom, this.#measuredUntil, this.#cores);
    return fractions.length === this.#cores.length ? fractions : null;
  }
}
