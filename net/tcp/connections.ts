/**
 * The table of connections: everything that the stack knows of each, in typed arrays, made once. A connection is an id,
 * its index; free ids are handed out again, the one freed last first, whose lines are still in the cache. Where which
 * word lies is in layout.ts. It holds no logic.
 */

import { hasHotLine, hotOf, hotWords, lineOf, lineWords, mostInColumns, Rare } from './layout.ts';

const { ENTRY_MS } = Rare;

export class Connections {
  readonly capacity: number;
  readonly hot: Int32Array;
  readonly peer: Int32Array;
  readonly recovery: Int32Array;
  readonly rare: Int32Array;
  /** The words of `rare`, two by two. */
  readonly rareDoubles: Float64Array;
  readonly #free: Int32Array;
  #freeCount: number;
  /** Without preallocation: the memory of each connection that there is. */
  readonly #owned: (Int32Array | null)[] | null;

  constructor(capacity: number, preallocation: boolean) {
    if (!hasHotLine && capacity > mostInColumns)
      throw new RangeError(
        `Cannot hold ${capacity} connections without the hot line: at most ${mostInColumns}`,
      );
    this.capacity = capacity;
    this.hot = new Int32Array(hotWords(capacity));
    this.peer = new Int32Array(capacity * lineWords);
    this.recovery = new Int32Array(capacity * lineWords);
    this.rare = new Int32Array(capacity * lineWords);
    this.rareDoubles = new Float64Array(this.rare.buffer);
    this.#free = new Int32Array(capacity);
    for (let id = 0; id < capacity; id++) {
      this.#free[id] = capacity - 1 - id;
      this.rare[lineOf(id) + ENTRY_MS] = -1;
    }
    this.#freeCount = capacity;
    this.#owned = preallocation ? null : new Array<Int32Array | null>(capacity).fill(null);
  }

  get inUse(): number {
    return this.capacity - this.#freeCount;
  }

  /** @returns an id, whose words hold what the last connection left; -1: all are in use. */
  take(): number {
    if (this.#freeCount === 0) return -1;
    const id = this.#free[--this.#freeCount];
    if (this.#owned !== null) this.#own(this.#owned, id);
    return id;
  }

  give(id: number): void {
    this.#free[this.#freeCount++] = id;
    if (this.#owned !== null) this.#owned[id] = null;
  }

  /** What a connection without a place of its own costs: its memory, made, cleared and left to the collector. */
  #own(owned: (Int32Array | null)[], id: number): void {
    const words = new Int32Array(3 * lineWords);
    owned[id] = words;
    if (hasHotLine) this.hot.set(words.subarray(0, lineWords), hotOf(id));
    this.peer.set(words.subarray(lineWords, 2 * lineWords), lineOf(id));
    this.recovery.set(words.subarray(2 * lineWords), lineOf(id));
  }
}
