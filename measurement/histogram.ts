/**
 * A latency histogram: HDR, three significant digits, 1 ns to 120 s; merged by addition, never by averaging
 * percentiles. Recording allocates nothing. Values go in as nanoseconds and come out, in summaries, as seconds.
 *
 * It refuses to keep what was recorded apart from its slot: the maximum too is known to three digits.
 */

import { decodeCounts, encodeCounts } from './histogram-encoding.ts';
import {
  finest,
  type HistogramLayout,
  highestNs,
  highestOf,
  layout,
  middleOf,
  type SignificantDigits,
  slotOf,
} from './histogram-layout.ts';

/** No encoded histogram is longer: a result with four of them fits into one message (64 KiB). */
export const maxEncodedCharacters = 12_000;

export interface LatencySummary {
  readonly count: number;
  /** Null, like every percentile, when nothing was recorded. */
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

export class LatencyHistogram {
  // Doubles: a nightly run over many agents passes 2^32 in one slot.
  readonly #counts = new Float64Array(finest.slots);
  #total = 0;
  #digits: SignificantDigits = finest.digits;

  /** Records one latency. What is under 1 ns counts as 1 ns, what is over 120 s as 120 s. */
  record(latencyNs: number): void {
    // Negated, so that NaN counts as 1 ns too: it must not vanish between two totals.
    const value = !(latencyNs >= 1) ? 1 : latencyNs > highestNs ? highestNs : Math.round(latencyNs);
    this.#counts[slotOf(value, finest)]++;
    this.#total++;
  }

  get count(): number {
    return this.#total;
  }

  /** Digits that every value in it is known to: 3, or fewer once a coarser one was decoded or merged. */
  get significantDigits(): SignificantDigits {
    return this.#digits;
  }

  /** Adds every value of `other`. */
  merge(other: LatencyHistogram): void {
    const theirs = other.#counts;
    for (let slot = 0; slot < theirs.length; slot++) this.#counts[slot] += theirs[slot];
    this.#total += other.#total;
    this.#digits = Math.min(this.#digits, other.#digits) as SignificantDigits;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#digits = finest.digits;
  }

  /** The value, in seconds, that `percent` % of the recorded ones do not exceed; null when nothing was recorded. */
  percentileSeconds(percent: number): number | null {
    if (this.#total === 0) return null;
    // The small term undoes a product like 0.07 × 100 = 7.000000000000001, which would round up to one value too many.
    const share = Math.min(Math.max(percent, 0), 100) / 100;
    const rank = Math.max(1, Math.ceil(share * this.#total * (1 - Number.EPSILON)));
    let seen = 0;
    for (let slot = 0; slot < this.#counts.length; slot++) {
      seen += this.#counts[slot];
      if (seen >= rank) return Math.min(highestOf(slot, finest), highestNs) / 1e9;
    }
    return highestNs / 1e9;
  }

  /**
   * How many of the recorded values do not exceed each of `boundsNs`, whole numbers that rise: by the highest value of
   * their slot, as in percentiles, so no slot is divided between two bounds.
   */
  countsUpTo(boundsNs: readonly number[]): number[] {
    const counts: number[] = [];
    let slot = 0;
    let seen = 0;
    for (const boundNs of boundsNs) {
      // The first slot that holds more than the bound.
      const end = boundNs < highestNs ? slotOf(boundNs + 1, finest) : this.#counts.length;
      while (slot < end) seen += this.#counts[slot++];
      counts.push(seen);
    }
    return counts;
  }

  /** Of all values, each by the middle of its slot. */
  get sumSeconds(): number {
    let sum = 0;
    for (let slot = 0; slot < this.#counts.length; slot++)
      if (this.#counts[slot] > 0) sum += this.#counts[slot] * middleOf(slot, finest);
    return sum / 1e9;
  }

  /** In seconds. */
  summary(): LatencySummary {
    return {
      count: this.#total,
      mean: this.#total === 0 ? null : this.sumSeconds / this.#total,
      p50: this.percentileSeconds(50),
      p90: this.percentileSeconds(90),
      p99: this.percentileSeconds(99),
      p999: this.percentileSeconds(99.9),
      max: this.percentileSeconds(100),
    };
  }

  /**
   * HdrHistogram's own V2 compressed form, in base64: other tools read it too. Never over `maxEncodedCharacters`: where
   * three digits do not fit (very many values, spread over five decades), two are kept, or one.
   */
  encode(): string {
    let text = encodeCounts({ inLayout: finest, counts: this.#counts });
    for (const digits of [2, 1] as const)
      if (text.length > maxEncodedCharacters) text = encodeCounts(this.#coarser(layout(digits)));
    return text;
  }

  /** @throws Error when `text` is not a compressed HdrHistogram of 1 ns to 120 s. */
  static decode(text: string): LatencyHistogram {
    const { inLayout, counts } = decodeCounts(text);
    const histogram = new LatencyHistogram();
    for (let slot = 0; slot < counts.length; slot++) {
      if (counts[slot] === 0) continue;
      const value = Math.min(middleOf(slot, inLayout), highestNs);
      histogram.#counts[slotOf(value, finest)] += counts[slot];
      histogram.#total += counts[slot];
    }
    histogram.#digits = inLayout.digits;
    return histogram;
  }

  #coarser(inLayout: HistogramLayout): { inLayout: HistogramLayout; counts: Float64Array } {
    const counts = new Float64Array(inLayout.slots);
    for (let slot = 0; slot < this.#counts.length; slot++)
      if (this.#counts[slot] > 0)
        counts[slotOf(Math.min(middleOf(slot, finest), highestNs), inLayout)] += this.#counts[slot];
    return { inLayout, counts };
  }
}
