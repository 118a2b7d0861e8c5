/**
 * What happened to connections, for the application: each connection is in the queue at most once, with all that happened
 * to it as bits of a mask. Handed over in one batch, so that the application runs once a turn and not once an event.
 */

/** Bits of an event's mask. */
export const ACCEPTED = 1;
export const CONNECTED = 2;
export const READABLE = 4;
export const WRITABLE = 8;
export const ENDED = 16;
export const FAILED = 32;
export const FINISHED = 64;

export class Events {
  /** What the last `take` handed over. */
  readonly id: Int32Array;
  readonly mask: Uint8Array;
  readonly #queue: Int32Array;
  readonly #pending: Uint8Array;
  /** Of each id: it is in the queue. It may have been freed meanwhile: then nothing is pending. */
  readonly #queued: Uint8Array;
  readonly #most: number;
  #head = 0;
  #count = 0;

  /** @param most events that one `take` hands over. */
  constructor(ids: number, most: number) {
    this.id = new Int32Array(ids);
    this.mask = new Uint8Array(ids);
    this.#queue = new Int32Array(ids);
    this.#pending = new Uint8Array(ids);
    this.#queued = new Uint8Array(ids);
    this.#most = most;
  }

  /** Ids in the queue. */
  get waiting(): number {
    return this.#count;
  }

  raise(id: number, bits: number): void {
    this.#pending[id] |= bits;
    if (this.#queued[id] !== 0) return;
    this.#queued[id] = 1;
    let at = this.#head + this.#count++;
    if (at >= this.#queue.length) at -= this.#queue.length;
    this.#queue[at] = id;
  }

  /** The id is no longer the application's: it is told nothing more. */
  forget(id: number): void {
    this.#pending[id] = 0;
  }

  /** @returns how many entries of `id` and `mask` are filled. */
  take(): number {
    let taken = 0;
    while (this.#count > 0 && taken < this.#most) {
      const id = this.#queue[this.#head];
      if (++this.#head === this.#queue.length) this.#head = 0;
      this.#count--;
      this.#queued[id] = 0;
      const mask = this.#pending[id];
      if (mask === 0) continue;
      this.#pending[id] = 0;
      this.id[taken] = id;
      this.mask[taken++] = mask;
    }
    // The next turn uses the same cache lines again.
    if (this.#count === 0) this.#head = 0;
    return taken;
  }
}
