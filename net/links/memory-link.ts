/**
 * Two ends of a wire in memory: what one transmits the other receives, the same bytes at the same place, after the flush.
 * For benches and simulations, where both ends belong to one thread.
 */

import { FramePool } from './frame-pool.ts';
import type { FrameBatch, Link, LinkCounters } from './link.ts';

export interface MemoryLinkOptions {
  /** Of both ends together (4,096). */
  readonly frames?: number;
  /** Bytes a frame (2,048). */
  readonly frameRoom?: number;
  /** Frames that may wait for one end, unflushed ones included; more are dropped and counted (all there are). */
  readonly queueFrames?: number;
  /** Bytes of the longest IP packet (1,500). */
  readonly mtu?: number;
  readonly hardwareAddresses?: readonly [Uint8Array, Uint8Array];
  /** False: checksums are left out, by both ends (true). */
  readonly checksums?: boolean;
}

const ethernetHeaderBytes = 14;

/** @throws {RangeError} a frame of `mtu` does not fit into `frameRoom`, or `queueFrames` is not one of 1 … `frames`. */
export function memoryLinkPair(options: MemoryLinkOptions = {}): [MemoryLink, MemoryLink] {
  const { frames = 4096, frameRoom = 2048, queueFrames = frames, mtu = 1500 } = options;
  if (frameRoom < mtu + ethernetHeaderBytes || frameRoom % 2 !== 0)
    throw new RangeError(
      `Cannot make a memory link: frames of ${frameRoom} bytes; wanted an even number of at least ${mtu + ethernetHeaderBytes}, for an MTU of ${mtu}`,
    );
  if (!Number.isInteger(queueFrames) || queueFrames < 1 || queueFrames > frames)
    throw new RangeError(
      `Cannot make a memory link: a queue of ${queueFrames} frames; wanted a whole number, 1 … ${frames}, as there are no more frames`,
    );
  const [first, second] = options.hardwareAddresses ?? [hardwareAddress(1), hardwareAddress(2)];
  const pool = new FramePool(frames, frameRoom);
  const [there, back] = [new FrameQueue(queueFrames), new FrameQueue(queueFrames)];
  const shared = { pool, mtu, leavesOutChecksums: options.checksums === false };
  return [new MemoryLink(shared, there, back, first), new MemoryLink(shared, back, there, second)];
}

/** Locally administered. */
function hardwareAddress(end: number): Uint8Array {
  return Uint8Array.of(0x02, 0, 0, 0, 0, end);
}

/** What both ends have in common. */
interface Wire {
  readonly pool: FramePool;
  readonly mtu: number;
  readonly leavesOutChecksums: boolean;
}

export class MemoryLink implements Link {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly frameRoom: number;
  readonly mtu: number;
  readonly hardwareAddress: Uint8Array;
  readonly leavesOutChecksums: boolean;
  readonly counters: LinkCounters = { received: 0, transmitted: 0, overflows: 0 };
  readonly #pool: FramePool;
  readonly #out: FrameQueue;
  readonly #in: FrameQueue;

  constructor(
    { pool, mtu, leavesOutChecksums }: Wire,
    out: FrameQueue,
    into: FrameQueue,
    hardwareAddress: Uint8Array,
  ) {
    this.memory = pool.memory;
    this.frameRoom = pool.frameRoom;
    this.mtu = mtu;
    this.leavesOutChecksums = leavesOutChecksums;
    this.hardwareAddress = hardwareAddress;
    this.#pool = pool;
    this.#out = out;
    this.#in = into;
  }

  /** Frames of both ends that nobody has: all of them again when nothing is under way. */
  get freeFrames(): number {
    return this.#pool.free;
  }

  receive(batch: FrameBatch, _nowUs: number): number {
    const count = this.#in.take(batch);
    this.counters.received += count;
    return count;
  }

  release(at: number): void {
    this.#pool.give(at);
  }

  allocate(): number {
    const at = this.#pool.take();
    if (at < 0) this.counters.overflows++;
    return at;
  }

  transmit(at: number, length: number): void {
    if (this.#out.put(at, length)) this.counters.transmitted++;
    else {
      this.counters.overflows++;
      this.#pool.give(at);
    }
  }

  flush(_nowUs: number): void {
    this.#out.publish();
  }

  dueAtUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  close(): void {
    // It is memory, and goes when nobody knows it any more.
  }
}

/** First in, first out, bounded; what was put can be taken once it is published. Indexes wrap at 2^32. */
class FrameQueue {
  readonly #at: Int32Array;
  readonly #length: Int32Array;
  readonly #mask: number;
  readonly #most: number;
  #head = 0;
  #published = 0;
  #tail = 0;

  constructor(most: number) {
    const size = 2 ** Math.ceil(Math.log2(most));
    this.#at = new Int32Array(size);
    this.#length = new Int32Array(size);
    this.#mask = size - 1;
    this.#most = most;
  }

  /** @returns false: it is full. */
  put(at: number, length: number): boolean {
    if (((this.#tail - this.#head) | 0) >= this.#most) return false;
    const place = this.#tail & this.#mask;
    this.#at[place] = at;
    this.#length[place] = length;
    this.#tail = (this.#tail + 1) | 0;
    return true;
  }

  publish(): void {
    this.#published = this.#tail;
  }

  take(batch: FrameBatch): number {
    const count = Math.min((this.#published - this.#head) | 0, batch.at.length);
    let head = this.#head;
    for (let index = 0; index < count; index++) {
      const place = head & this.#mask;
      batch.at[index] = this.#at[place];
      batch.length[index] = this.#length[place];
      head = (head + 1) | 0;
    }
    this.#head = head;
    return count;
  }
}
