/**
 * A switch in memory: any number of ports over one pool of frames. A frame goes to the port whose hardware address it
 * names, without being copied; a broadcast is copied to all others; what is for nobody is dropped.
 */

import { FramePool } from '../../net/links/frame-pool.ts';
import type { FrameBatch, Link, LinkCounters } from '../../net/links/link.ts';

const ethernetHeaderBytes = 14;
/** Locally administered; the last two bytes are the port's number plus one. */
const firstByte = 0x02;

export interface MemorySwitchOptions {
  readonly ports: number;
  /** Of all ports together (8,192). */
  readonly frames?: number;
  /** Bytes of the longest IP packet (1,500). */
  readonly mtu?: number;
}

export class MemorySwitch {
  readonly ports: readonly SwitchPort[];
  readonly frames: number;
  /** Frames that were ever taken to a port. */
  forwarded = 0;
  readonly #pool: FramePool;

  constructor({ ports, frames = 8_192, mtu = 1_500 }: MemorySwitchOptions) {
    this.frames = frames;
    this.#pool = new FramePool(frames, (mtu + ethernetHeaderBytes + 63) & ~63);
    const numbers = Array.from({ length: ports }, (_, port) => port);
    this.ports = numbers.map((port) => new SwitchPort(this, this.#pool, port, mtu));
  }

  get freeFrames(): number {
    return this.#pool.free;
  }

  /** Takes a frame that port `from` sends to where it belongs. */
  forward(from: number, at: number, length: number): void {
    const { memory } = this.#pool;
    this.forwarded++;
    if (memory[at] === 0xff) {
      for (let port = 0; port < this.ports.length; port++) if (port !== from) this.#copyTo(port, at, length);
      this.#pool.give(at);
      return;
    }
    const port = memory[at] === firstByte ? (memory[at + 4]! << 8) + memory[at + 5]! - 1 : -1;
    if (port >= 0 && port < this.ports.length) this.ports[port]!.arrives(at, length);
    else this.#pool.give(at);
  }

  #copyTo(port: number, at: number, length: number): void {
    const copy = this.#pool.take();
    if (copy < 0) return;
    this.#pool.memory.copyWithin(copy, at, at + length);
    this.ports[port]!.arrives(copy, length);
  }
}

export class SwitchPort implements Link {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly frameRoom: number;
  readonly mtu: number;
  readonly hardwareAddress: Uint8Array;
  readonly counters: LinkCounters = { received: 0, transmitted: 0, overflows: 0 };
  readonly #switch: MemorySwitch;
  readonly #pool: FramePool;
  readonly #port: number;
  /** Rings as long as there are frames: they cannot overflow. */
  readonly #inAt: Int32Array;
  readonly #inLength: Int32Array;
  #inHead = 0;
  #inCount = 0;
  readonly #outAt: Int32Array;
  readonly #outLength: Int32Array;
  #outCount = 0;

  constructor(theSwitch: MemorySwitch, pool: FramePool, port: number, mtu: number) {
    this.memory = pool.memory;
    this.frameRoom = pool.frameRoom;
    this.mtu = mtu;
    this.hardwareAddress = Uint8Array.of(firstByte, 0, 0, 0, (port + 1) >> 8, (port + 1) & 0xff);
    this.#switch = theSwitch;
    this.#pool = pool;
    this.#port = port;
    const frames = theSwitch.frames;
    this.#inAt = new Int32Array(frames);
    this.#inLength = new Int32Array(frames);
    this.#outAt = new Int32Array(frames);
    this.#outLength = new Int32Array(frames);
  }

  arrives(at: number, length: number): void {
    const place = (this.#inHead + this.#inCount++) % this.#inAt.length;
    this.#inAt[place] = at;
    this.#inLength[place] = length;
  }

  receive(batch: FrameBatch, _nowUs: number): number {
    const count = Math.min(this.#inCount, batch.at.length);
    for (let index = 0; index < count; index++) {
      batch.at[index] = this.#inAt[this.#inHead]!;
      batch.length[index] = this.#inLength[this.#inHead]!;
      this.#inHead = (this.#inHead + 1) % this.#inAt.length;
    }
    this.#inCount -= count;
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
    this.#outAt[this.#outCount] = at;
    this.#outLength[this.#outCount++] = length;
    this.counters.transmitted++;
  }

  flush(_nowUs: number): void {
    for (let index = 0; index < this.#outCount; index++)
      this.#switch.forward(this.#port, this.#outAt[index]!, this.#outLength[index]!);
    this.#outCount = 0;
  }

  dueAtUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  close(): void {
    // It is memory, and goes when nobody knows it any more.
  }
}
