/**
 * Timers that all have the same delay, so that the one set last is due last: TIME_WAIT, keep-alive, delayed
 * ACK. A list in the order of its deadlines: setting puts at its end, expiring takes from its start. A
 * deadline before the last one is put in its place from the end, which costs a step a timer passed. After
 * the timers of mTCP (NSDI 2014).
 */

import { expiredAtOnce, type Timers } from './timer-heap.ts';

/** Words of an id: the list's links, then its time as a double, so that all of it is in one cache line. */
const NEXT = 0;
const PREVIOUS = 1;
const rowWords = 4;
const DUE = 1;
const rowDoubles = 2;

const END = -1;
/** In NEXT: this id has no timer. */
const UNSET = -2;

export class DeadlineList implements Timers {
  readonly expired = new Int32Array(expiredAtOnce);
  readonly #links: Int32Array;
  readonly #dueMs: Float64Array;
  #head = END;
  #tail = END;
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
    if (links[row + NEXT] === UNSET) this.#size++;
    else this.#unlink(id);
    let previous = this.#tail;
    while (previous !== END && this.#dueMs[previous * rowDoubles + DUE] > dueMs)
      previous = links[previous * rowWords + PREVIOUS];
    const next = previous === END ? this.#head : links[previous * rowWords + NEXT];
    this.#dueMs[id * rowDoubles + DUE] = dueMs;
    links[row + NEXT] = next;
    links[row + PREVIOUS] = previous;
    if (previous === END) this.#head = id;
    else links[previous * rowWords + NEXT] = id;
    if (next === END) this.#tail = id;
    else links[next * rowWords + PREVIOUS] = id;
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
    let count = 0;
    while (count < this.expired.length && this.#head !== END) {
      const id = this.#head;
      if (this.#dueMs[id * rowDoubles + DUE] > nowMs) break;
      this.cancel(id);
      this.expired[count++] = id;
    }
    return count;
  }

  nextDueMs(): number {
    return this.#head === END ? Number.POSITIVE_INFINITY : this.#dueMs[this.#head * rowDoubles + DUE];
  }

  #unlink(id: number): void {
    const links = this.#links;
    const next = links[id * rowWords + NEXT];
    const previous = links[id * rowWords + PREVIOUS];
    if (previous === END) this.#head = next;
    else links[previous * rowWords + NEXT] = next;
    if (next === END) this.#tail = previous;
    else links[next * rowWords + PREVIOUS] = previous;
  }
}
