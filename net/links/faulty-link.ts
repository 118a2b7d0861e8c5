/**
 * A link that treats what it transmits as a bad network does: loses, repeats, damages, delays and overtakes. Every fate is
 * drawn from the given random numbers in a fixed order, so one seed makes one run.
 *
 *   transmit ──► fate ──► flush (now the time is known) ──► held until due ──► the inner link
 */

import { HeldFrames } from './held-frames.ts';
import type { FrameBatch, Link } from './link.ts';
import { LinkAround } from './link-around.ts';

/** Probabilities are 0 … 1 a frame; what is not there is 0. */
export interface Faults {
  readonly loss?: number;
  readonly duplicate?: number;
  /** One bit of the frame, its Ethernet header excepted, is turned. */
  readonly corrupt?: number;
  /** Held back by up to `reorderUs`, so that later ones overtake it. */
  readonly reorder?: number;
  /** 2,000. */
  readonly reorderUs?: number;
  /** Of every frame. */
  readonly delayUs?: number;
  /** Up to so much more, drawn for each frame: it reorders, too. */
  readonly jitterUs?: number;
}

export interface FaultCounters {
  lost: number;
  duplicated: number;
  corrupted: number;
  reordered: number;
}

const ethernetHeaderBytes = 14;
const defaultReorderUs = 2_000;
/** More are lost, and counted as overflows: a network has no endless memory either. */
const mostHeld = 8_192;

/**
 * @param random uniform in [0, 1).
 * @throws {RangeError} a probability is not one, a time is negative, or frames are to be damaged of a link without checksums.
 */
export function faultyLink(inner: Link, faults: Faults, random: () => number): FaultyLink {
  for (const [name, value = 0] of Object.entries(faults) as [string, number | undefined][]) {
    const most = name.endsWith('Us') ? Number.MAX_VALUE : 1;
    if (!(value >= 0 && value <= most))
      throw new RangeError(
        `Cannot make a faulty link: ${name} is ${value}; wanted ${most === 1 ? 'a probability, 0 … 1' : 'microseconds, 0 or more'}`,
      );
  }
  if ((faults.corrupt ?? 0) > 0 && inner.leavesOutChecksums === true)
    throw new RangeError(
      'Cannot make a faulty link: frames are to be damaged, and the inner link leaves out checksums; wanted one that has them',
    );
  return new FaultyLink(inner, faults, random);
}

export class FaultyLink extends LinkAround {
  readonly faults: FaultCounters = { lost: 0, duplicated: 0, corrupted: 0, reordered: 0 };
  readonly #chances: Required<Faults>;
  readonly #random: () => number;
  /** Transmitted since the last flush: for them no time is known yet. */
  readonly #queuedAt = new Int32Array(mostHeld);
  readonly #queuedLength = new Int32Array(mostHeld);
  readonly #queuedDelayUs = new Float64Array(mostHeld);
  #queued = 0;
  readonly #held = new HeldFrames(mostHeld);

  constructor(inner: Link, faults: Faults, random: () => number) {
    super(inner);
    this.#chances = {
      loss: faults.loss ?? 0,
      duplicate: faults.duplicate ?? 0,
      corrupt: faults.corrupt ?? 0,
      reorder: faults.reorder ?? 0,
      reorderUs: faults.reorderUs ?? defaultReorderUs,
      delayUs: faults.delayUs ?? 0,
      jitterUs: faults.jitterUs ?? 0,
    };
    this.#random = random;
  }

  override receive(batch: FrameBatch, nowUs: number): number {
    // Whoever only receives still moves the time on.
    if (this.#held.dueAtUs <= nowUs) this.#passOn(nowUs);
    return this.inner.receive(batch, nowUs);
  }

  override transmit(at: number, length: number): void {
    const { loss, duplicate, corrupt } = this.#chances;
    if (this.#random() < loss) {
      this.faults.lost++;
      this.inner.release(at);
      return;
    }
    if (this.#random() < duplicate) this.#repeat(at, length);
    if (this.#random() < corrupt) this.#damage(at, length);
    this.#queue(at, length);
  }

  override flush(nowUs: number): void {
    for (let index = 0; index < this.#queued; index++) {
      const dueUs = nowUs + this.#queuedDelayUs[index];
      if (!this.#held.add(this.#queuedAt[index], this.#queuedLength[index], dueUs))
        this.#drop(this.#queuedAt[index]);
    }
    this.#queued = 0;
    this.#passOn(nowUs);
  }

  override dueAtUs(): number {
    return Math.min(this.#held.dueAtUs, this.inner.dueAtUs());
  }

  /** What it still holds goes back to the inner link first. */
  override close(): void {
    for (let index = 0; index < this.#queued; index++) this.inner.release(this.#queuedAt[index]);
    this.#queued = 0;
    for (; this.#held.count > 0; this.#held.removeFirst()) this.inner.release(this.#held.firstAt);
    this.inner.close();
  }

  #repeat(at: number, length: number): void {
    const copy = this.inner.allocate();
    if (copy < 0) return;
    this.memory.copyWithin(copy, at, at + length);
    this.faults.duplicated++;
    this.#queue(copy, length);
  }

  #damage(at: number, length: number): void {
    if (length <= ethernetHeaderBytes) return;
    const bit = Math.floor(this.#random() * (length - ethernetHeaderBytes) * 8);
    this.memory[at + ethernetHeaderBytes + (bit >> 3)] ^= 1 << (bit & 7);
    this.faults.corrupted++;
  }

  #queue(at: number, length: number): void {
    if (this.#queued === mostHeld) {
      this.#drop(at);
      return;
    }
    const { delayUs, jitterUs, reorder, reorderUs } = this.#chances;
    let delay = delayUs;
    if (jitterUs > 0) delay += this.#random() * jitterUs;
    if (this.#random() < reorder) {
      this.faults.reordered++;
      delay += this.#random() * reorderUs;
    }
    const place = this.#queued++;
    this.#queuedAt[place] = at;
    this.#queuedLength[place] = length;
    this.#queuedDelayUs[place] = delay;
  }

  #drop(at: number): void {
    this.counters.overflows++;
    this.inner.release(at);
  }

  #passOn(nowUs: number): void {
    const held = this.#held;
    while (held.dueAtUs <= nowUs) {
      this.inner.transmit(held.firstAt, held.firstLength);
      held.removeFirst();
    }
    this.inner.flush(nowUs);
  }
}
