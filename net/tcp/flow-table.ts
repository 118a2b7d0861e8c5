/**
 * Which connection a segment belongs to: from its four addresses and ports to an id. One table a core;
 * nothing locks.
 *
 * `open` is one Int32Array, four words an entry, so that a cache line holds four of them: open addressing
 * with linear probing, at most half full, deletion by shifting back (no tombstones). `map` is the plain way,
 * nested JavaScript Maps, to measure the other against. Addresses may be given as int32 or uint32. Each id is
 * the caller's, 0 … 2^31 − 2.
 */

export interface FlowTable {
  readonly size: number;
  /** @returns the id; -1: there is none. */
  find(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): number;
  /** A flow that is there already gets the new id. @throws {RangeError} the table holds `capacity` flows. */
  insert(
    localAddress: number,
    localPort: number,
    remoteAddress: number,
    remotePort: number,
    id: number,
  ): void;
  /** Does nothing if the flow is not there. */
  remove(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): void;
}

export type FlowTableKind = 'open' | 'map';

/** @param seed any 32 bits that peers cannot know: which flows share a place follows from it. */
export function createFlowTable(kind: FlowTableKind, capacity: number, seed: number): FlowTable {
  return kind === 'open' ? new OpenFlowTable(capacity, seed) : new MapFlowTable(capacity);
}

/** Words of an entry. */
const LOCAL = 0;
const REMOTE = 1;
const PORTS = 2;
/** The id plus one, so that a fresh array is an empty table. */
const ENTRY = 3;
const entryWords = 4;

class OpenFlowTable implements FlowTable {
  readonly #capacity: number;
  readonly #words: Int32Array;
  readonly #mask: number;
  readonly #shift: number;
  /** Of the hash, from the seed: three words to mix in, four odd multipliers. */
  readonly #mix0: number;
  readonly #mix1: number;
  readonly #mix2: number;
  readonly #multiplier0: number;
  readonly #multiplier1: number;
  readonly #multiplier2: number;
  readonly #multiplier3: number;
  #size = 0;

  constructor(capacity: number, seed: number) {
    const bits = Math.max(4, 32 - Math.clz32(2 * capacity - 1));
    this.#capacity = capacity;
    this.#words = new Int32Array(entryWords << bits);
    this.#mask = (entryWords << bits) - 1;
    this.#shift = 32 - bits;
    this.#mix0 = spread(seed, 1);
    this.#mix1 = spread(seed, 2);
    this.#mix2 = spread(seed, 3);
    this.#multiplier0 = spread(seed, 4) | 1;
    this.#multiplier1 = spread(seed, 5) | 1;
    this.#multiplier2 = spread(seed, 6) | 1;
    this.#multiplier3 = spread(seed, 7) | 1;
  }

  get size(): number {
    return this.#size;
  }

  find(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): number {
    const words = this.#words;
    const at = this.#locate(localAddress | 0, remoteAddress | 0, (localPort << 16) | remotePort);
    return words[at + ENTRY] - 1;
  }

  insert(
    localAddress: number,
    localPort: number,
    remoteAddress: number,
    remotePort: number,
    id: number,
  ): void {
    const words = this.#words;
    const ports = (localPort << 16) | remotePort;
    const at = this.#locate(localAddress | 0, remoteAddress | 0, ports);
    if (words[at + ENTRY] === 0) {
      if (this.#size === this.#capacity) throw full(this.#capacity);
      this.#size++;
    }
    words[at + LOCAL] = localAddress;
    words[at + REMOTE] = remoteAddress;
    words[at + PORTS] = ports;
    words[at + ENTRY] = id + 1;
  }

  remove(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): void {
    const words = this.#words;
    const mask = this.#mask;
    let hole = this.#locate(localAddress | 0, remoteAddress | 0, (localPort << 16) | remotePort);
    if (words[hole + ENTRY] === 0) return;
    this.#size--;
    // An entry further on moves into the hole, unless its home lies behind that: it would not be found there.
    for (let at = (hole + entryWords) & mask; words[at + ENTRY] !== 0; at = (at + entryWords) & mask) {
      const home = this.#home(words[at + LOCAL], words[at + REMOTE], words[at + PORTS]);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      words.copyWithin(hole, at, at + entryWords);
      hole = at;
    }
    words[hole + ENTRY] = 0;
  }

  /** @returns where the flow is, or the free entry where it would be. */
  #locate(local: number, remote: number, ports: number): number {
    const words = this.#words;
    const mask = this.#mask;
    let at = this.#home(local, remote, ports);
    while (
      words[at + ENTRY] !== 0 &&
      (words[at + REMOTE] !== remote || words[at + PORTS] !== ports || words[at + LOCAL] !== local)
    )
      at = (at + entryWords) & mask;
    return at;
  }

  /** Multiplicative hashing, by secret odd factors; folded before each, for a product never mixes down. */
  #home(local: number, remote: number, ports: number): number {
    let hash = Math.imul(local ^ this.#mix0, this.#multiplier0);
    hash = Math.imul(hash ^ (hash >>> 15) ^ remote ^ this.#mix1, this.#multiplier1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ ports ^ this.#mix2, this.#multiplier2);
    hash = Math.imul(hash ^ (hash >>> 15), this.#multiplier3);
    return (hash >>> this.#shift) * entryWords;
  }
}

/** Local address → remote address → ports: every key a small integer, which is what a Map hashes best. */
class MapFlowTable implements FlowTable {
  readonly #capacity: number;
  readonly #flows = new Map<number, Map<number, Map<number, number>>>();
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  find(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): number {
    const flows = this.#flows.get(localAddress | 0)?.get(remoteAddress | 0);
    return flows?.get((localPort << 16) | remotePort) ?? -1;
  }

  insert(
    localAddress: number,
    localPort: number,
    remoteAddress: number,
    remotePort: number,
    id: number,
  ): void {
    const ports = (localPort << 16) | remotePort;
    let remotes = this.#flows.get(localAddress | 0);
    if (remotes === undefined) {
      remotes = new Map();
      this.#flows.set(localAddress | 0, remotes);
    }
    let flows = remotes.get(remoteAddress | 0);
    if (flows === undefined) {
      flows = new Map();
      remotes.set(remoteAddress | 0, flows);
    }
    if (!flows.has(ports)) {
      if (this.#size === this.#capacity) throw full(this.#capacity);
      this.#size++;
    }
    flows.set(ports, id);
  }

  remove(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): void {
    const remotes = this.#flows.get(localAddress | 0);
    const flows = remotes?.get(remoteAddress | 0);
    if (flows === undefined || !flows.delete((localPort << 16) | remotePort)) return;
    this.#size--;
    if (flows.size === 0) remotes?.delete(remoteAddress | 0);
  }
}

/** The finaliser of MurmurHash3: every bit of the seed reaches every bit of the word. */
function spread(seed: number, index: number): number {
  let word = (seed + Math.imul(index, 0x9e3779b9)) | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}

function full(capacity: number): RangeError {
  return new RangeError(
    `Cannot insert a flow: the table holds ${capacity}, its capacity; wants a place for each connection`,
  );
}
