/**
 * Which connections have something to send, and what: three lists of ids, emptied in the order control (SYN,
 * FIN, RST), ACK, data, so that handshakes do not wait behind transfers (mTCP, NSDI 2014). A connection is on
 * each list at most once. With `first-come` all three are one queue, to measure the other against.
 *
 *   for (let list = lists.nextList(); list >= 0; list = lists.nextList()) send(list, lists.take(list));
 */

export const CONTROL = 0;
export const ACK = 1;
export const DATA = 2;
const listCount = 3;

export type TransmitOrder = 'by-list' | 'first-come';

const END = -1;

/** An entry of the queues is a list and an id in one number: list × ids + id. */
export class TransmitLists {
  readonly #ids: number;
  /** Queues there are: one a list, or one for all. */
  readonly #queues: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #heads = new Int32Array(listCount).fill(END);
  readonly #tails = new Int32Array(listCount).fill(END);
  readonly #sizes = new Int32Array(listCount);
  /** Of each id, a bit a list. */
  readonly #member: Uint8Array;

  constructor(ids: number, order: TransmitOrder = 'by-list') {
    this.#ids = ids;
    this.#queues = order === 'by-list' ? listCount : 1;
    this.#next = new Int32Array(ids * listCount);
    this.#previous = new Int32Array(ids * listCount);
    this.#member = new Uint8Array(ids);
  }

  /** Puts `id` at the end of a list; it stays where it is if it is there. */
  add(list: number, id: number): void {
    const bit = 1 << list;
    if ((this.#member[id] & bit) !== 0) return;
    this.#member[id] |= bit;
    this.#sizes[list]++;
    const queue = this.#queues === 1 ? 0 : list;
    const entry = list * this.#ids + id;
    const tail = this.#tails[queue];
    this.#next[entry] = END;
    this.#previous[entry] = tail;
    if (tail === END) this.#heads[queue] = entry;
    else this.#next[tail] = entry;
    this.#tails[queue] = entry;
  }

  /** @returns the list whose turn it is; -1: all are empty. */
  nextList(): number {
    if (this.#queues === 1) return this.#heads[0] === END ? -1 : Math.trunc(this.#heads[0] / this.#ids);
    for (let list = 0; list < listCount; list++) if (this.#heads[list] !== END) return list;
    return -1;
  }

  /** Takes the first id of a list. @returns -1: it is empty, or (`first-come`) it is not its turn. */
  take(list: number): number {
    const head = this.#heads[this.#queues === 1 ? 0 : list];
    if (head === END) return -1;
    const id = head - list * this.#ids;
    if (id < 0 || id >= this.#ids) return -1;
    this.#drop(list, id);
    return id;
  }

  /** Takes `id` off every list. */
  remove(id: number): void {
    for (let list = 0; this.#member[id] !== 0; list++)
      if ((this.#member[id] & (1 << list)) !== 0) this.#drop(list, id);
  }

  has(list: number, id: number): boolean {
    return (this.#member[id] & (1 << list)) !== 0;
  }

  /** How many ids are on a list. */
  size(list: number): number {
    return this.#sizes[list];
  }

  #drop(list: number, id: number): void {
    this.#member[id] &= ~(1 << list);
    this.#sizes[list]--;
    const queue = this.#queues === 1 ? 0 : list;
    const entry = list * this.#ids + id;
    const next = this.#next[entry];
    const previous = this.#previous[entry];
    if (previous === END) this.#heads[queue] = next;
    else this.#next[previous] = next;
    if (next === END) this.#tails[queue] = previous;
    else this.#previous[next] = previous;
  }
}
