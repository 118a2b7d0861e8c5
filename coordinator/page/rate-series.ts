/**
 * Connections a second over the whole run, bounded: a sample a second over all agents, in parts that are told one by
 * one. When there are too many, neighbours of one cell become one, which spans the seconds of both; sums are kept, so
 * nothing is lost but resolution. What the attempt under way has said stays as it is.
 */

import type { RateSample } from '../../protocol/live-page.ts';

const samplesAPart = 64;
/** A quarter of an hour of load with a sample a second; then two seconds share one, and so on: as many as a screen shows. */
const mostParts = 16;

type Mutable<Kind> = { -readonly [Key in keyof Kind]: Kind[Key] };

export interface SecondReport {
  readonly at: number;
  readonly cell: number;
  readonly second: number;
  readonly phase: RateSample['phase'];
  readonly completed: number;
  readonly failed: number;
  readonly missed: number;
}

export class RateSeries {
  #samples: Mutable<RateSample>[] = [];
  /** Of the attempt under way, by second. */
  readonly #current = new Map<number, Mutable<RateSample>>();
  readonly #most: number;
  readonly #changed: (part: number, samples: readonly RateSample[]) => void;

  constructor(
    changed: (part: number, samples: readonly RateSample[]) => void,
    most = samplesAPart * mostParts,
  ) {
    this.#changed = changed;
    this.#most = most;
  }

  get samples(): readonly RateSample[] {
    return this.#samples;
  }

  beginAttempt(): void {
    this.#current.clear();
  }

  /** True when the attempt under way has said something of a measured second. */
  get hasMeasured(): boolean {
    return [...this.#current.values()].some(({ phase }) => phase === 'measured');
  }

  /** What one agent says of one second: added to what the others say of it. */
  report({ second, at, cell, phase, completed, failed, missed }: SecondReport): void {
    const known = this.#current.get(second);
    if (known === undefined) {
      const sample = { at, cell, seconds: 1, completed, failed, missed, phase };
      this.#current.set(second, sample);
      this.add(sample);
      return;
    }
    known.completed += completed;
    known.failed += failed;
    known.missed += missed;
    this.#tellPartOf(known);
  }

  add(sample: RateSample): void {
    this.#samples.push(sample);
    if (this.#samples.length > this.#most) this.#coarsen();
    else this.#tellPartOf(sample);
  }

  /** The attempt under way came to nothing. */
  voidAttempt(): void {
    for (const sample of this.#current.values()) {
      sample.phase = 'void';
      this.#tellPartOf(sample);
    }
    this.#current.clear();
  }

  #coarsen(): void {
    const before = this.#samples.length;
    const current = new Set(this.#current.values());
    const alone = new Map<string, Mutable<RateSample>>();
    const kept: Mutable<RateSample>[] = [];
    for (const sample of this.#samples) {
      const group = `${sample.cell} ${sample.phase}`;
      const partner = current.has(sample) ? undefined : alone.get(group);
      if (partner !== undefined) {
        merge(partner, sample);
        alone.delete(group);
      } else {
        kept.push(sample);
        if (!current.has(sample)) alone.set(group, sample);
      }
    }
    // Every cell stands alone: then the oldest go, a quarter at a time.
    this.#samples = kept.length > this.#most ? kept.slice(-Math.floor(this.#most * 0.75)) : kept;
    this.#samples.sort((one, other) => one.at - other.at);
    for (let part = 0; part * samplesAPart < before; part++) this.#tell(part);
  }

  #tellPartOf(sample: RateSample): void {
    const place = this.#samples.lastIndexOf(sample);
    if (place >= 0) this.#tell(Math.floor(place / samplesAPart));
  }

  #tell(part: number): void {
    this.#changed(part, this.#samples.slice(part * samplesAPart, (part + 1) * samplesAPart));
  }
}

/** The time of the whole is the middle of its seconds. */
function merge(into: Mutable<RateSample>, other: RateSample): void {
  const seconds = into.seconds + other.seconds;
  into.at = (into.at * into.seconds + other.at * other.seconds) / seconds;
  into.seconds = seconds;
  into.completed += other.completed;
  into.failed += other.failed;
  into.missed += other.missed;
}
