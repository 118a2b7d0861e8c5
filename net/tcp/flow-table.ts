/**
 * Which connection a segment belongs to: from its four addresses and ports to an id. One table a core; nothing locks.
 * The flow of an id is not kept here: it is in the connection's `peer` line, which whoever looks for it needs next.
 *
 * `open` is one Int32Array, a word an entry, so that a cache line holds sixteen of them: open addressing with linear
 * probing, at most half full, deletion by shifting back (no tombstones). What an id leaves free of the word holds the low
 * bits of the entry's home, so that shifting back needs no other flow's line, and bits of the hash, so that a search looks
 * at none. `map` is the plain way, nested JavaScript Maps, to measure the other against. Addresses may be given as int32
 * or uint32.
 */

import { lineOf, lineWords, Peer } from './layout.ts';

const { LOCAL, REMOTE, PORTS } = Peer;

export interface FlowTable {
  readonly size: number;
  /** @returns the id; -1: there is none. */
  find(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): number;
  /** The id's flow, as its line has it, is not in the table. */
  insert(id: number): void;
  /** Does nothing if the id is not in the table. Its line is as it was when it came in. */
  remove(id: number): void;
  /** Reads, all at once, what removing each of the first `count` ids will read in turn. @returns nothing of interest. */
  touch(ids: Int32Array, count: number): number;
}

/** Bits of an entry's home that it holds: in a table half full, next to no entry lies more than 63 places from its home. */
const usualHomeBits = 6;

export type FlowTableKind = 'open' | 'map';

/**
 * @param lines `peer` lines of all ids there are.
 * @param seed any 32 bits that peers cannot know: which flows share a place follows from it.
 * @param homeBits for tests.
 */
export function createFlowTable(
  kind: FlowTableKind,
  lines: Int32Array,
  seed: number,
  homeBits = usualHomeBits,
): FlowTable {
  return kind === 'open' ? new OpenFlowTable(lines, seed, homeBits) : new MapFlowTable(lines);
}

class OpenFlowTable implements FlowTable {
  readonly #lines: Int32Array;
  /** The id plus one in the low bits, 0: free; bits of the flow's hash above them. */
  readonly #entries: Int32Array;
  readonly #mask: number;
  readonly #shift: number;
  readonly #idBits: number;
  readonly #idMask: number;
  readonly #tagMask: number;
  readonly #homeBits: number;
  readonly #homeMask: number;
  /** Some entry lies so far from its home that those bits do not say how far. */
  #isFar = false;
  /** Of the hash, from the seed: three words to mix in, four odd multipliers. */
  readonly #mix0: number;
  readonly #mix1: number;
  readonly #mix2: number;
  readonly #multiplier0: number;
  readonly #multiplier1: number;
  readonly #multiplier2: number;
  readonly #multiplier3: number;
  #size = 0;

  constructor(lines: Int32Array, seed: number, homeBits: number) {
    const ids = lines.length / lineWords;
    const bits = Math.max(4, 32 - Math.clz32(2 * ids - 1));
    this.#lines = lines;
    this.#entries = new Int32Array(1 << bits);
    this.#mask = (1 << bits) - 1;
    this.#shift = 32 - bits;
    this.#idBits = 32 - Math.clz32(ids);
    this.#idMask = (1 << this.#idBits) - 1;
    this.#tagMask = ~this.#idMask;
    this.#homeBits = Math.min(homeBits, bits, 32 - this.#idBits);
    this.#homeMask = (1 << this.#homeBits) - 1;
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
    const entries = this.#entries;
    const lines = this.#lines;
    const local = localAddress | 0;
    const remote = remoteAddress | 0;
    const ports = (localPort << 16) | remotePort;
    const hash = this.#hash(local, remote, ports);
    const tag = this.#tag(hash);
    for (let at = hash >>> this.#shift; ; at = (at + 1) & this.#mask) {
      const entry = entries[at];
      if (entry === 0) return -1;
      const differing = entry ^ tag;
      // Another tag leaves a bit above those of an id.
      if ((differing & this.#tagMask) !== 0) continue;
      const id = differing - 1;
      const line = lineOf(id);
      if (lines[line + PORTS] === ports && lines[line + REMOTE] === remote && lines[line + LOCAL] === local)
        return id;
    }
  }

  insert(id: number): void {
    const hash = this.#hashOf(id);
    const home = hash >>> this.#shift;
    let at = home;
    while (this.#entries[at] !== 0) at = (at + 1) & this.#mask;
    if (((at - home) & this.#mask) > this.#homeMask) this.#isFar = true;
    this.#entries[at] = this.#tag(hash) | (id + 1);
    this.#size++;
  }

  remove(id: number): void {
    const entries = this.#entries;
    const mask = this.#mask;
    const hash = this.#hashOf(id);
    const wanted = this.#tag(hash) | (id + 1);
    let hole = hash >>> this.#shift;
    for (; entries[hole] !== wanted; hole = (hole + 1) & mask) if (entries[hole] === 0) return;
    this.#size--;
    // An entry further on moves into the hole, unless its home lies behind that: it would not be found there.
    for (let at = (hole + 1) & mask; entries[at] !== 0; at = (at + 1) & mask) {
      if (this.#distance(at, entries[at]) < ((at - hole) & mask)) continue;
      entries[hole] = entries[at];
      hole = at;
    }
    entries[hole] = 0;
    if (this.#size === 0) this.#isFar = false;
  }

  touch(ids: Int32Array, count: number): number {
    const entries = this.#entries;
    let sum = 0;
    for (let index = 0; index < count; index++)
      sum = (sum + entries[this.#hashOf(ids[index]) >>> this.#shift]) | 0;
    return sum;
  }

  /** How far an entry lies from its home. */
  #distance(at: number, entry: number): number {
    if (!this.#isFar) return (at - (entry >>> this.#idBits)) & this.#homeMask;
    return (at - (this.#hashOf((entry & this.#idMask) - 1) >>> this.#shift)) & this.#mask;
  }

  /** What an entry holds besides its id, in its place. */
  #tag(hash: number): number {
    const home = (hash >>> this.#shift) & this.#homeMask;
    return ((hash << this.#homeBits) | home) << this.#idBits;
  }

  #hashOf(id: number): number {
    const line = lineOf(id);
    return this.#hash(this.#lines[line + LOCAL], this.#lines[line + REMOTE], this.#lines[line + PORTS]);
  }

  /** Multiplicative hashing, by secret odd factors; folded before each, for a product never mixes down. */
  #hash(local: number, remote: number, ports: number): number {
    let hash = Math.imul(local ^ this.#mix0, this.#multiplier0);
    hash = Math.imul(hash ^ (hash >>> 15) ^ remote ^ this.#mix1, this.#multiplier1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ ports ^ this.#mix2, this.#multiplier2);
    hash = Math.imul(hash ^ (hash >>> 15), this.#multiplier3);
    // The low bits become the tag, and are the poorest of a product.
    return hash ^ (hash >>> 16);
  }
}

/** Local address → remote address → ports: every key a small integer, which is what a Map hashes best. */
class MapFlowTable implements FlowTable {
  readonly #lines: Int32Array;
  readonly #flows = new Map<number, Map<number, Map<number, number>>>();
  #size = 0;

  constructor(lines: Int32Array) {
    this.#lines = lines;
  }

  get size(): number {
    return this.#size;
  }

  find(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): number {
    const flows = this.#flows.get(localAddress | 0)?.get(remoteAddress | 0);
    return flows?.get((localPort << 16) | remotePort) ?? -1;
  }

  insert(id: number): void {
    const line = lineOf(id);
    const local = this.#lines[line + LOCAL];
    const remote = this.#lines[line + REMOTE];
    let remotes = this.#flows.get(local);
    if (remotes === undefined) {
      remotes = new Map();
      this.#flows.set(local, remotes);
    }
    let flows = remotes.get(remote);
    if (flows === undefined) {
      flows = new Map();
      remotes.set(remote, flows);
    }
    flows.set(this.#lines[line + PORTS], id);
    this.#size++;
  }

  remove(id: number): void {
    const line = lineOf(id);
    const remotes = this.#flows.get(this.#lines[line + LOCAL]);
    const flows = remotes?.get(this.#lines[line + REMOTE]);
    const ports = this.#lines[line + PORTS];
    if (flows?.get(ports) !== id) return;
    flows.delete(ports);
    this.#size--;
    if (flows.size === 0) remotes?.delete(this.#lines[line + REMOTE]);
  }

  touch(): number {
    return 0;
  }
}

/** The finaliser of MurmurHash3: every bit of the seed reaches every bit of the word. */
function spread(seed: number, index: number): number {
  let word = (seed + Math.imul(index, 0x9e3779b9)) | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
