/**
 * Which connections have something to send, and what: three queues of ids, emptied in the order control (SYN, SYN+ACK),
 * ACK, data, so that handshakes do not wait behind transfers (mTCP, NSDI 2014, section 4.3.4). A connection is in each
 * queue at most once. With `first-come` all three are one queue, to measure the other against.
 *
 *   for (let list = lists.nextList(); list >= 0; list = lists.nextList()) send(list, lists.take(list));
 *
 * A queue that was emptied begins at its start again: a turn uses the same few cache lines as the one before.
 */

export const CONTROL = 0;
export const ACK = 1;
export const DATA = 2;
const listCount = 3;

export type TransmitOrder = 'by-list' | 'first-come';

/** An entry of a queue is an id and a list in one number: id × 4 + list. */
export class TransmitLists {
  readonly #isOneQueue: boolean;
  /** Entries that a queue holds, those included whose id was taken off the list since. */
  readonly #length: number;
  readonly #queues: Int32Array;
  /** Of each queue, its first entry and the place behind its last. */
  readonly #heads = new Int32Array(listCount);
  readonly #tails = new Int32Array(listCount);
  readonly #sizes = new Int32Array(listCount);
  /** Of each id, a bit a list: an entry without its bit is passed over. */
  readonly #member: Uint8Array;

  constructor(ids: number, order: TransmitOrder = 'by-list') {
    this.#isOneQueue = order === 'first-come';
    // Twice what can be queued, so that closing the gaps, when it is full, is worth it.
    this.#length = 2 * ids * (this.#isOneQueue ? listCount : 1);
    this.#queues = new Int32Array(this.#length * (this.#isOneQueue ? 1 : listCount));
    this.#member = new Uint8Array(ids);
  }

  /** Puts `id` at the end of a list; it stays where it is if it is there, or was since the list was last empty. */
  add(list: number, id: number): void {
    const bit = 1 << list;
    const member = this.#member[id];
    if ((member & bit) !== 0) return;
    const queue = this.#isOneQueue ? 0 : list;
    if (this.#tails[queue] === this.#length) this.#closeGaps(queue);
    this.#queues[queue * this.#length + this.#tails[queue]++] = (id << 2) | list;
    this.#member[id] = member | bit;
    this.#sizes[list]++;
  }

  /** @returns the list whose turn it is; -1: all are empty. */
  nextList(): number {
    if (this.#isOneQueue) return this.#skip(0) ? this.#queues[this.#heads[0]] & 3 : -1;
    for (let list = 0; list < listCount; list++) if (this.#sizes[list] > 0) return list;
    return -1;
  }

  /** Takes the first id of a list. @returns -1: it is empty, or (`first-come`) it is not its turn. */
  take(list: number): number {
    const queue = this.#isOneQueue ? 0 : list;
    if (!this.#skip(queue)) return -1;
    const head = this.#heads[queue];
    const entry = this.#queues[queue * this.#length + head];
    if ((entry & 3) !== list) return -1;
    const id = entry >> 2;
    this.#heads[queue] = head + 1;
    this.#member[id] &= ~(1 << list);
    this.#sizes[list]--;
    return id;
  }

  /** Takes `id` off every list. */
  remove(id: number): void {
    const member = this.#member[id];
    if (member === 0) return;
    for (let list = 0; list < listCount; list++) this.#sizes[list] -= (member >> list) & 1;
    this.#member[id] = 0;
  }

  has(list: number, id: number): boolean {
    return (this.#member[id] & (1 << list)) !== 0;
  }

  /** How many ids are on a list. */
  size(list: number): number {
    return this.#sizes[list];
  }

  /** Passes entries over that were taken off. @returns whether one is left. */
  #skip(queue: number): boolean {
    const base = queue * this.#length;
    const tail = this.#tails[queue];
    let head = this.#heads[queue];
    while (head < tail && !this.#isMember(this.#queues[base + head])) head++;
    if (head < tail) {
      this.#heads[queue] = head;
      return true;
    }
    this.#heads[queue] = 0;
    this.#tails[queue] = 0;
    return false;
  }

  #isMember(entry: number): boolean {
    return ((this.#member[entry >> 2] >> (entry & 3)) & 1) !== 0;
  }

  #closeGaps(queue: number): void {
    const base = queue * this.#length;
    const tail = this.#tails[queue];
    let kept = 0;
    // An id that was taken off and put on again has two entries: its bit is away until all are looked at.
    for (let at = this.#heads[queue]; at < tail; at++) {
      const entry = this.#queues[base + at];
      if (!this.#isMember(entry)) continue;
      this.#member[entry >> 2] &= ~(1 << (entry & 3));
      this.#queues[base + kept++] = entry;
    }
    for (let at = 0; at < kept; at++) {
      const entry = this.#queues[base + at];
      this.#member[entry >> 2] |= 1 << (entry & 3);
    }
    this.#heads[queue] = 0;
    this.#tails[queue] = kept;
  }
}
