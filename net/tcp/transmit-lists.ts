/**
 * Which connections have something to send, and what: three queues of ids, emptied in the order control (SYN, SYN+ACK),
 * ACK, data, so that handshakes do not wait behind transfers (mTCP, NSDI 2014, section 4.3.4). A connection is in each
 * queue at most once. With `first-come` all three are one queue, to measure the other against.
 *
 *   for (let list = lists.nextList(); list >= 0; list = lists.nextList()) send(list, lists.take(list));
 */

export const CONTROL = 0;
export const ACK = 1;
export const DATA = 2;
const listCount = 3;

export type TransmitOrder = 'by-list' | 'first-come';

/** In the place of an entry that was taken out. */
const GONE = -1;

/** An entry of a queue is a list and an id in one number: list × ids + id. */
export class TransmitLists {
  readonly #ids: number;
  readonly #isOneQueue: boolean;
  /** Rings of a power of two, one a queue; head and tail count on and on. */
  readonly #ring: Int32Array;
  readonly #size: number;
  readonly #heads = new Int32Array(listCount);
  readonly #tails = new Int32Array(listCount);
  readonly #sizes = new Int32Array(listCount);
  /** Of each entry that is queued, its place in the ring. */
  readonly #place: Int32Array;
  /** Of each id, a bit a list. */
  readonly #member: Uint8Array;

  constructor(ids: number, order: TransmitOrder = 'by-list') {
    this.#ids = ids;
    this.#isOneQueue = order === 'first-come';
    // Twice what can be queued, so that closing the gaps, when it is full, is worth it.
    const most = this.#isOneQueue ? ids * listCount : ids;
    this.#size = 2 << (32 - Math.clz32(most - 1));
    this.#ring = new Int32Array(this.#size * (this.#isOneQueue ? 1 : listCount));
    this.#place = new Int32Array(ids * listCount);
    this.#member = new Uint8Array(ids);
  }

  /** Puts `id` at the end of a list; it stays where it is if it is there. */
  add(list: number, id: number): void {
    const bit = 1 << list;
    const member = this.#member[id];
    if ((member & bit) !== 0) return;
    this.#member[id] = member | bit;
    this.#sizes[list]++;
    const queue = this.#isOneQueue ? 0 : list;
    if (((this.#tails[queue] - this.#heads[queue]) | 0) === this.#size) this.#closeGaps(queue);
    this.#append(queue, list * this.#ids + id);
  }

  /** @returns the list whose turn it is; -1: all are empty. */
  nextList(): number {
    if (this.#isOneQueue) {
      this.#skipGone(0);
      if (this.#heads[0] === this.#tails[0]) return -1;
      return Math.trunc(this.#ring[this.#heads[0] & (this.#size - 1)] / this.#ids);
    }
    for (let list = 0; list < listCount; list++) if (this.#sizes[list] > 0) return list;
    return -1;
  }

  /** Takes the first id of a list. @returns -1: it is empty, or (`first-come`) it is not its turn. */
  take(list: number): number {
    const queue = this.#isOneQueue ? 0 : list;
    this.#skipGone(queue);
    const head = this.#heads[queue];
    if (head === this.#tails[queue]) return -1;
    const id = this.#ring[queue * this.#size + (head & (this.#size - 1))] - list * this.#ids;
    if (id < 0 || id >= this.#ids) return -1;
    this.#heads[queue] = head + 1;
    this.#member[id] &= ~(1 << list);
    this.#sizes[list]--;
    return id;
  }

  /** Takes `id` off every list. */
  remove(id: number): void {
    for (let list = 0; this.#member[id] !== 0; list++) {
      if (!this.has(list, id)) continue;
      this.#member[id] &= ~(1 << list);
      this.#sizes[list]--;
      const queue = this.#isOneQueue ? 0 : list;
      const place = this.#place[list * this.#ids + id];
      this.#ring[queue * this.#size + (place & (this.#size - 1))] = GONE;
    }
  }

  has(list: number, id: number): boolean {
    return (this.#member[id] & (1 << list)) !== 0;
  }

  /** How many ids are on a list. */
  size(list: number): number {
    return this.#sizes[list];
  }

  #append(queue: number, entry: number): void {
    const tail = this.#tails[queue];
    this.#ring[queue * this.#size + (tail & (this.#size - 1))] = entry;
    this.#place[entry] = tail;
    this.#tails[queue] = tail + 1;
  }

  #skipGone(queue: number): void {
    const base = queue * this.#size;
    let head = this.#heads[queue];
    const tail = this.#tails[queue];
    while (head !== tail && this.#ring[base + (head & (this.#size - 1))] === GONE) head = (head + 1) | 0;
    this.#heads[queue] = head;
  }

  #closeGaps(queue: number): void {
    const tail = this.#tails[queue];
    const head = this.#heads[queue];
    this.#tails[queue] = head;
    for (let at = head; at !== tail; at = (at + 1) | 0) {
      const entry = this.#ring[queue * this.#size + (at & (this.#size - 1))];
      if (entry !== GONE) this.#append(queue, entry);
    }
  }
}
