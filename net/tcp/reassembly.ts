/**
 * What came out of order: for each connection that has any, up to a few ranges of sequence numbers behind
 * RCV.NXT whose bytes are in its receive ring already. Of bytes that come twice the first stay: `add` says
 * which parts are new, and only those are to be copied. It holds no bytes and knows no windows; sequence
 * numbers are int32.
 *
 *   add(id, from, to) ──► gaps to copy …   if from was RCV.NXT, contiguousEnd(id, RCV.NXT) ──► new RCV.NXT
 */

import { after, atOrBefore, before } from '../wire/sequence.ts';

export class Reassembly {
  /** What the last `add` found to be new, in order: gapFrom[0 … n), gapTo[0 … n). */
  readonly gapFrom: Int32Array;
  readonly gapTo: Int32Array;
  readonly #most: number;
  /** Of each id, its row plus one; 0: it holds nothing. */
  readonly #rowOf: Int32Array;
  readonly #free: Int32Array;
  #freeCount: number;
  /** A row: from and to of each range, rising, with a gap between each two. */
  readonly #ranges: Int32Array;
  readonly #counts: Int32Array;
  /** Of each row, which range the last `add` made or widened. */
  readonly #latest: Int32Array;

  /** @param most ranges a connection may have. @param rows connections that may have any at a time. */
  constructor(ids: number, { most = 8, rows = Math.min(ids, 4_096) }: { most?: number; rows?: number } = {}) {
    this.#most = most;
    this.gapFrom = new Int32Array(most + 1);
    this.gapTo = new Int32Array(most + 1);
    this.#rowOf = new Int32Array(ids);
    this.#free = new Int32Array(rows);
    for (let row = 0; row < rows; row++) this.#free[row] = rows - 1 - row;
    this.#freeCount = rows;
    this.#ranges = new Int32Array(rows * most * 2);
    this.#counts = new Int32Array(rows);
    this.#latest = new Int32Array(rows);
  }

  /**
   * [from, to) came; not empty. If all ranges are in use, the furthest one is forgotten for one that comes
   * before it: what is needed first is kept. @returns how many gaps it fills (0: nothing is new); -1: there
   * is no room, drop it.
   */
  add(id: number, from: number, to: number): number {
    const row = this.#rowOf[id] - 1;
    return row < 0 ? this.#begin(id, from, to) : this.#merge(row, from, to);
  }

  /**
   * Everything before `next` has come. Forgets the ranges that start there or before. @returns where what
   * came without a gap ends: `next` itself, or the end of a range.
   */
  contiguousEnd(id: number, next: number): number {
    const row = this.#rowOf[id] - 1;
    if (row < 0) return next;
    const ranges = this.#ranges;
    const base = row * this.#most * 2;
    const count = this.#counts[row];
    let end = next;
    let passed = 0;
    for (; passed < count && atOrBefore(ranges[base + 2 * passed], end); passed++) {
      const to = ranges[base + 2 * passed + 1];
      if (after(to, end)) end = to;
    }
    if (passed === count) this.clear(id);
    else if (passed > 0) {
      ranges.copyWithin(base, base + 2 * passed, base + 2 * count);
      this.#counts[row] = count - passed;
      this.#latest[row] = Math.max(this.#latest[row] - passed, 0);
    }
    return end;
  }

  /** Forgets all that `id` holds. */
  clear(id: number): void {
    const row = this.#rowOf[id] - 1;
    if (row < 0) return;
    this.#rowOf[id] = 0;
    this.#counts[row] = 0;
    this.#free[this.#freeCount++] = row;
  }

  /** How many ranges `id` has. */
  count(id: number): number {
    const row = this.#rowOf[id] - 1;
    return row < 0 ? 0 : this.#counts[row];
  }

  /** Of range `index` of `id`, from the lowest on. */
  from(id: number, index: number): number {
    return this.#ranges[(this.#rowOf[id] - 1) * this.#most * 2 + 2 * index];
  }

  to(id: number, index: number): number {
    return this.#ranges[(this.#rowOf[id] - 1) * this.#most * 2 + 2 * index + 1];
  }

  /** Which range of `id` the last `add` was for: a SACK option names it first (RFC 2018, section 4). */
  latest(id: number): number {
    return this.#latest[this.#rowOf[id] - 1];
  }

  /** Connections that hold any. */
  get inUse(): number {
    return this.#free.length - this.#freeCount;
  }

  #begin(id: number, from: number, to: number): number {
    if (this.#freeCount === 0) return -1;
    const row = this.#free[--this.#freeCount];
    this.#rowOf[id] = row + 1;
    this.#counts[row] = 1;
    this.#latest[row] = 0;
    const base = row * this.#most * 2;
    this.#ranges[base] = from;
    this.#ranges[base + 1] = to;
    this.gapFrom[0] = from;
    this.gapTo[0] = to;
    return 1;
  }

  #merge(row: number, from: number, to: number): number {
    const ranges = this.#ranges;
    const base = row * this.#most * 2;
    let count = this.#counts[row];
    let first = 0;
    while (first < count && before(ranges[base + 2 * first + 1], from)) first++;
    // Ranges [first, last) touch or overlap the new one.
    let last = first;
    let gaps = 0;
    let gapAt = from;
    for (; last < count && atOrBefore(ranges[base + 2 * last], to); last++) {
      const heldFrom = ranges[base + 2 * last];
      if (after(heldFrom, gapAt)) gaps = this.#gap(gaps, gapAt, heldFrom);
      gapAt = ranges[base + 2 * last + 1];
    }
    if (after(to, gapAt)) gaps = this.#gap(gaps, gapAt, to);
    if (first === last) {
      if (count === this.#most) {
        if (first === count) return -1;
        count--;
      }
      ranges.copyWithin(base + 2 * first + 2, base + 2 * first, base + 2 * count);
      ranges[base + 2 * first] = from;
      ranges[base + 2 * first + 1] = to;
      this.#counts[row] = count + 1;
    } else {
      const lastTo = ranges[base + 2 * last - 1];
      if (before(from, ranges[base + 2 * first])) ranges[base + 2 * first] = from;
      ranges[base + 2 * first + 1] = after(to, lastTo) ? to : lastTo;
      ranges.copyWithin(base + 2 * first + 2, base + 2 * last, base + 2 * count);
      this.#counts[row] = count - (last - first - 1);
    }
    this.#latest[row] = first;
    return gaps;
  }

  #gap(index: number, from: number, to: number): number {
    this.gapFrom[index] = from;
    this.gapTo[index] = to;
    return index + 1;
  }
}
