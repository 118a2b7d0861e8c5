/** First-in first-out queues of connections: linked through one array, so that a connection is in one of them at a time. */

const none = -1;

export class SlotQueues {
  readonly length: Int32Array;
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  readonly #next: Int32Array;

  /** @param next links of all connections; queues may share it where a connection is never in two of them. */
  constructor(queues: number, next: Int32Array) {
    this.length = new Int32Array(queues);
    this.#head = new Int32Array(queues).fill(none);
    this.#tail = new Int32Array(queues).fill(none);
    this.#next = next;
  }

  push(queue: number, slot: number): void {
    this.#next[slot] = none;
    const tail = this.#tail[queue];
    if (tail === none) this.#head[queue] = slot;
    else this.#next[tail] = slot;
    this.#tail[queue] = slot;
    this.length[queue]++;
  }

  /** @returns -1 of an empty queue. */
  shift(queue: number): number {
    const slot = this.#head[queue];
    if (slot === none) return none;
    this.#head[queue] = this.#next[slot];
    if (this.#head[queue] === none) this.#tail[queue] = none;
    this.length[queue]--;
    return slot;
  }
}
