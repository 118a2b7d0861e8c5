/**
 * Timers by id, earliest first: a binary heap that knows where each id is, so that one can be moved or taken
 * out. The plain way, O(log n) an operation; a wheel and sorted lists (timer-wheel.ts, deadline-list.ts) do
 * the same in O(1).
 */

/** At most one timer an id. Times are milliseconds of the caller's clock, which never goes back. */
export interface Timers {
  /** How many are set. */
  readonly size: number;
  /** What the last `expire` found. Those ids have no timer any more. */
  readonly expired: Int32Array;
  /** Sets the timer of `id`, 0 … ids − 1, or moves it. A time that has passed is due at the next `expire`. */
  set(id: number, dueMs: number): void;
  cancel(id: number): void;
  has(id: number): boolean;
  /**
   * Takes out timers that are due, in no promised order: their ids are in `expired`, from its start. @returns
   * how many; as many as `expired` holds: there may be more, call again.
   */
  expire(nowMs: number): number;
  /** When the next is due, or a time before that; Infinity: none is set. */
  nextDueMs(): number;
}

/** Ids that one `expire` hands over at most. */
export const expiredAtOnce = 256;

export class TimerHeap implements Timers {
  readonly expired = new Int32Array(expiredAtOnce);
  readonly #heap: Int32Array;
  /** Of each id, its place in the heap; -1: it is not there. */
  readonly #place: Int32Array;
  readonly #dueMs: Float64Array;
  #size = 0;

  constructor(ids: number) {
    this.#heap = new Int32Array(ids);
    this.#place = new Int32Array(ids).fill(-1);
    this.#dueMs = new Float64Array(ids);
  }

  get size(): number {
    return this.#size;
  }

  set(id: number, dueMs: number): void {
    this.#dueMs[id] = dueMs;
    const place = this.#place[id];
    if (place < 0) this.#rise(id, this.#size++);
    else this.#settle(id, place);
  }

  cancel(id: number): void {
    const place = this.#place[id];
    if (place < 0) return;
    this.#place[id] = -1;
    const last = this.#heap[--this.#size];
    if (last !== id) this.#settle(last, place);
  }

  has(id: number): boolean {
    return this.#place[id] >= 0;
  }

  expire(nowMs: number): number {
    let count = 0;
    while (count < this.expired.length && this.#size > 0) {
      const id = this.#heap[0];
      if (this.#dueMs[id] > nowMs) break;
      this.cancel(id);
      this.expired[count++] = id;
    }
    return count;
  }

  nextDueMs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#dueMs[this.#heap[0]];
  }

  /** Puts `id` where it belongs, starting at `place`, which is free or its own. */
  #settle(id: number, place: number): void {
    if (place > 0 && this.#dueMs[id] < this.#dueMs[this.#heap[(place - 1) >> 1]]) this.#rise(id, place);
    else this.#sink(id, place);
  }

  #rise(id: number, from: number): void {
    const heap = this.#heap;
    const dueMs = this.#dueMs[id];
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (this.#dueMs[above] <= dueMs) break;
      heap[place] = above;
      this.#place[above] = place;
      place = parent;
    }
    heap[place] = id;
    this.#place[id] = place;
  }

  #sink(id: number, from: number): void {
    const heap = this.#heap;
    const dueMs = this.#dueMs[id];
    let place = from;
    for (let child = 2 * place + 1; child < this.#size; child = 2 * place + 1) {
      const right = child + 1;
      if (right < this.#size && this.#dueMs[heap[right]] < this.#dueMs[heap[child]]) child = right;
      const below = heap[child];
      if (dueMs <= this.#dueMs[below]) break;
      heap[place] = below;
      this.#place[below] = place;
      place = child;
    }
    heap[place] = id;
    this.#place[id] = place;
  }
}
