/**
 * Who has which lines: a MESI or MOESI directory by group of lines.
 *
 * Each group has an owner, a set of sharers, and the count of fills at its last user, by which it is known to have left that
 * user's cache since. An access costs by where the lines are, counted beyond a hit in the core's own first cache, which is part
 * of all work. Misses are counted by object and cause. It keeps no data, no sets and no ways.
 */

import type { Distance } from '../machine/distance.ts';
import type { Machine } from '../machine/machine.ts';

export const causes = ['cold', 'capacity', 'true sharing', 'false sharing'] as const;
export const causeCount = causes.length;
const [cold, capacity, trueSharing, falseSharing] = [0, 1, 2, 3];
const noCore = -1;
/** Before this a line's load is not known. */
const settledCycles = 2e6;
const mostCrowded = 0.9;
/** Cores in one word of a set of sharers. */
const wordBits = 32;

export interface GroupKind {
  readonly instances: number;
  readonly falseSharing: boolean;
}

export class Directory {
  /** By kind × cause, since the last `resetCounts()`. */
  readonly misses: Float64Array;

  readonly #distance: Distance;
  /** MOESI: whoever owns a line hands it to every reader, and keeps it modified. */
  readonly #ownerSupplies: boolean;
  readonly #words: number;
  readonly #first: Int32Array;
  readonly #sharingCause: Uint8Array;
  readonly #owner: Int16Array;
  readonly #modified: Uint8Array;
  readonly #sharers: Int32Array;
  readonly #lastUser: Int16Array;
  readonly #lastFill: Float64Array;
  readonly #lastSocketFill: Float64Array;
  /** Cycles for which a line of the group was on its way between cores, so far. */
  readonly #onTheWay: Float64Array;
  #moved = false;
  readonly #fills: Float64Array;
  readonly #socketFills: Float64Array;
  readonly #privateLines: number;
  readonly #sharedLines: number;

  constructor(machine: Machine, distance: Distance, kinds: readonly GroupKind[]) {
    this.#distance = distance;
    this.#ownerSupplies = machine.protocol === 'moesi';
    this.#words = Math.ceil(distance.cores / wordBits);
    this.#first = new Int32Array(kinds.length + 1);
    for (const [kind, { instances }] of kinds.entries())
      this.#first[kind + 1] = this.#first[kind] + instances;
    const groups = this.#first[kinds.length];
    this.#sharingCause = Uint8Array.from(kinds, (kind) => (kind.falseSharing ? falseSharing : trueSharing));
    this.misses = new Float64Array(kinds.length * causeCount);
    this.#owner = new Int16Array(groups).fill(noCore);
    this.#modified = new Uint8Array(groups);
    this.#sharers = new Int32Array(groups * this.#words);
    this.#lastUser = new Int16Array(groups).fill(noCore);
    this.#lastFill = new Float64Array(groups);
    this.#lastSocketFill = new Float64Array(groups);
    this.#onTheWay = new Float64Array(groups);
    this.#fills = new Float64Array(distance.cores);
    this.#socketFills = new Float64Array(distance.sockets);
    this.#privateLines = (machine.privateCacheKiB * 1024) / machine.lineBytes;
    this.#sharedLines = (machine.sharedCacheKiB * 1024) / machine.lineBytes;
  }

  /**
   * Cycles beyond a hit for `core` to read or write `lines` lines of one group, at time `now`. A line that is often on its way
   * from one core to another makes the next that wants it wait.
   */
  access(core: number, kind: number, instance: number, lines: number, write: boolean, now: number): number {
    const group = this.#first[kind] + instance;
    this.#moved = false;
    let each = this.#missCycles(core, kind, group, lines, write);
    if (this.#moved) each *= this.#crowding(group, each, now);
    const word = group * this.#words + (core >> 5);
    const bit = 1 << (core & 31);
    if (write) {
      this.#clearSharers(group);
      this.#owner[group] = core;
      this.#modified[group] = 1;
    } else if (this.#owner[group] !== core && !this.#ownerSupplies) {
      // MESI: a modified line that another reads is written back, and clean in the shared cache from then on.
      this.#modified[group] = 0;
    }
    this.#sharers[word] |= bit;
    this.#lastUser[group] = core;
    this.#lastFill[group] = this.#fills[core];
    this.#lastSocketFill[group] = this.#socketFills[this.#distance.socketOf[core]];
    return each * lines;
  }

  /** Fresh memory from the core's own free list: nobody else has it, and it is in its cache. */
  allocate(core: number, kind: number, instance: number): void {
    const group = this.#first[kind] + instance;
    this.#clearSharers(group);
    this.#owner[group] = core;
    this.#modified[group] = 1;
    this.#sharers[group * this.#words + (core >> 5)] |= 1 << (core & 31);
    this.#lastUser[group] = core;
    this.#lastFill[group] = this.#fills[core];
    this.#lastSocketFill[group] = this.#socketFills[this.#distance.socketOf[core]];
  }

  /** Lines that work of no interest here brings into a core's caches: code, stack, payload. */
  fill(core: number, lines: number): void {
    this.#fills[core] += lines;
    this.#socketFills[this.#distance.socketOf[core]] += lines;
  }

  /** M/D/1: a transfer that finds the line on its way waits ρ / (2 (1 − ρ)) transfers on average. */
  #crowding(group: number, cycles: number, now: number): number {
    this.#onTheWay[group] += cycles;
    if (now < settledCycles) return 1;
    const share = Math.min(mostCrowded, this.#onTheWay[group] / now);
    return 1 + share / (2 * (1 - share));
  }

  resetCounts(): void {
    this.misses.fill(0);
  }

  #missCycles(core: number, kind: number, group: number, lines: number, write: boolean): number {
    const { socketOf, transfer, sockets } = this.#distance;
    const owner = this.#owner[group];
    const last = this.#lastUser[group];
    const holds = (this.#sharers[group * this.#words + (core >> 5)] & (1 << (core & 31))) !== 0;
    if (last === noCore) return this.#count(core, kind, lines, cold, this.#memoryCycles(core, core));
    if (holds) {
      if (write && owner === core && this.#isAlone(group, core))
        return this.#ownCycles(core, kind, group, lines, last);
      if (write && !this.#isAlone(group, core))
        return this.#count(core, kind, lines, this.#sharingCause[kind], this.#farthestSharer(group, core));
      return this.#ownCycles(core, kind, group, lines, last);
    }
    // Someone else has it: its owner or, if it was only read, whoever used it last.
    const from = owner === noCore ? last : owner;
    let cycles = transfer[socketOf[core] * sockets + socketOf[from]];
    if (write) cycles = Math.max(cycles, this.#farthestSharer(group, core));
    else if (this.#modified[group] === 0 && !this.#ownerSupplies && this.#isOnSocket(group, socketOf[core]))
      cycles = this.#distance.l3;
    return this.#count(core, kind, lines, this.#sharingCause[kind], cycles);
  }

  /** The core had it itself: still in its cache, or only in the shared one, or in memory. */
  #ownCycles(core: number, kind: number, group: number, lines: number, last: number): number {
    if (last !== core || this.#fills[core] - this.#lastFill[group] <= this.#privateLines) return 0;
    const socket = this.#distance.socketOf[core];
    const gone = this.#socketFills[socket] - this.#lastSocketFill[group] > this.#sharedLines;
    return this.#count(
      core,
      kind,
      lines,
      capacity,
      gone ? this.#memoryCycles(core, core) : this.#distance.l3,
    );
  }

  #count(core: number, kind: number, lines: number, cause: number, cycles: number): number {
    this.misses[kind * causeCount + cause] += lines;
    this.#moved = cause >= trueSharing;
    this.fill(core, lines);
    return cycles;
  }

  #memoryCycles(core: number, nodeOf: number): number {
    const { memory, socketOf, sockets } = this.#distance;
    return memory[socketOf[core] * sockets + socketOf[nodeOf]];
  }

  #isAlone(group: number, core: number): boolean {
    for (let word = 0; word < this.#words; word++) {
      const own = word === core >> 5 ? 1 << (core & 31) : 0;
      if ((this.#sharers[group * this.#words + word] & ~own) !== 0) return false;
    }
    return true;
  }

  #farthestSharer(group: number, core: number): number {
    const { socketOf, transfer, sockets, cores } = this.#distance;
    const row = socketOf[core] * sockets;
    let farthest = 0;
    for (let word = 0; word < this.#words; word++) {
      let bits = this.#sharers[group * this.#words + word];
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        const sharer = word * wordBits + bit;
        if (sharer !== core && sharer < cores)
          farthest = Math.max(farthest, transfer[row + socketOf[sharer]]);
      }
    }
    return farthest;
  }

  #isOnSocket(group: number, socket: number): boolean {
    const { socketOf, cores } = this.#distance;
    for (let core = 0; core < cores; core++)
      if (
        socketOf[core] === socket &&
        (this.#sharers[group * this.#words + (core >> 5)] & (1 << (core & 31))) !== 0
      )
        return true;
    return false;
  }

  #clearSharers(group: number): void {
    for (let word = 0; word < this.#words; word++) this.#sharers[group * this.#words + word] = 0;
  }
}
