/**
 * A hash of milliseconds, for timers whose delays differ: retransmission. A list of ids a slot, a slot a
 * millisecond, round and round; setting, moving and cancelling cost the same however many there are. A timer
 * further off than one turn waits in its slot until its turn comes.
 * After the retransmission timers of mTCP (NSDI 2014).
 */

import { expiredAtOnce, type Timers } from './timer-heap.ts';

const slots = 4_096;
const slotMask = slots - 1;

/** Words of an id: the list's links, then its time as a double, so that all of it is in one cache line. */
const NEXT = 0;
const PREVIOUS = 1;
const rowWords = 4;
const DUE = 1;
const rowDoubles = 2;

const END = -1;
/** In NEXT: this id has no timer. */
const UNSET = -2;

export class TimerWheel implements Timers {
  readonly expired = new Int32Array(expiredAtOnce);
  readonly #links: Int32Array;
  readonly #dueMs: Float64Array;
  readonly #heads = new Int32Array(slots).fill(END);
  /** A bit a slot: its list is not empty. */
  readonly #occupied = new Int32Array(slots / 32);
  /** No timer is due before this time; its slot may have been swept for it already. */
  #atMs = 0;
  #swept = false;
  #size = 0;

  constructor(ids: number) {
    this.#links = new Int32Array(ids * rowWords);
    this.#dueMs = new Float64Array(this.#links.buffer);
    for (let id = 0; id < ids; id++) this.#links[id * rowWords + NEXT] = UNSET;
  }

  get size(): number {
    return this.#size;
  }

  set(id: number, dueMs: number): void {
    const links = this.#links;
    const row = id * rowWords;
    let wholeMs = Math.ceil(dueMs);
    if (wholeMs <= this.#atMs) {
      wholeMs = this.#atMs;
      this.#swept = false;
    }
    if (links[row + NEXT] === UNSET) this.#size++;
    else if (this.#dueMs[id * rowDoubles + DUE] === wholeMs) return;
    else this.#unlink(id);
    this.#dueMs[id * rowDoubles + DUE] = wholeMs;
    const slot = wholeMs & slotMask;
    const head = this.#heads[slot];
    links[row + NEXT] = head;
    links[row + PREVIOUS] = END;
    if (head === END) this.#occupied[slot >> 5] |= 1 << slot;
    else links[head * rowWords + PREVIOUS] = id;
    this.#heads[slot] = id;
  }

  cancel(id: number): void {
    if (this.#links[id * rowWords + NEXT] === UNSET) return;
    this.#unlink(id);
    this.#links[id * rowWords + NEXT] = UNSET;
    this.#size--;
  }

  has(id: number): boolean {
    return this.#links[id * rowWords + NEXT] !== UNSET;
  }

  expire(nowMs: number): number {
    const wholeMs = Math.floor(nowMs);
    let count = 0;
    // After a long pause, one turn of the wheel passes every slot.
    let atMs = Math.max(this.#swept ? this.#atMs + 1 : this.#atMs, wholeMs - slotMask);
    for (; this.#size > 0 && atMs <= wholeMs; atMs++) {
      let id = this.#heads[atMs & slotMask];
      while (id !== END) {
        const next = this.#links[id * rowWords + NEXT];
        if (this.#dueMs[id * rowDoubles + DUE] <= wholeMs) {
          if (count === this.expired.length) {
            this.#atMs = atMs;
            this.#swept = false;
            return count;
          }
          this.cancel(id);
          this.expired[count++] = id;
        }
        id = next;
      }
    }
    if (wholeMs >= this.#atMs) {
      this.#atMs = wholeMs;
      this.#swept = true;
    }
    return count;
  }

  /** Earlier than the truth where the first slot in use holds only timers of a later turn. */
  nextDueMs(): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    const fromMs = this.#swept ? this.#atMs + 1 : this.#atMs;
    const first = fromMs & slotMask;
    const words = this.#occupied;
    let word = first >> 5;
    let bits = words[word] & (-1 << first);
    // The first word comes up twice: at the end for the slots before `first`.
    for (let step = 0; bits === 0 && step < words.length; step++) {
      word = (word + 1) & (words.length - 1);
      bits = words[word];
    }
    const slot = (word << 5) + 31 - Math.clz32(bits & -bits);
    return fromMs + ((slot - first) & slotMask);
  }

  #unlink(id: number): void {
    const links = this.#links;
    const next = links[id * rowWords + NEXT];
    const previous = links[id * rowWords + PREVIOUS];
    if (next !== END) links[next * rowWords + PREVIOUS] = previous;
    if (previous !== END) {
      links[previous * rowWords + NEXT] = next;
      return;
    }
    const slot = this.#dueMs[id * rowDoubles + DUE] & slotMask;
    this.#heads[slot] = next;
    if (next === END) this.#occupied[slot >> 5] &= ~(1 << slot);
  }
}
