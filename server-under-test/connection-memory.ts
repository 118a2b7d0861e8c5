/**
 * The memory that one thread's connections read into and write from: one reserved stretch, so that offsets are all there
 * is to pass round. First the two areas that every connection borrows for the length of a call, then blocks for those
 * that must keep something: half a request, or a request whose response did not go out at once.
 *
 * A page costs memory only once touched; blocks are used again, last given back first. It never grows past its limit:
 * with no block left a connection is ended, not the process.
 */

import { reserve } from '../linux/memory.ts';

/** What a thread may keep for its connections. */
const blockMemoryBytes = 256 * 1024 * 1024;
/** Bytes of a response that are handed to the kernel at once. */
const outputBytes = 65_536;
/** Reading less than this at once would be many calls for pipelined small requests. */
const leastInputBytes = 4_096;

export class ConnectionMemory {
  readonly bytes: Uint8Array;
  /** Where `bytes` is: what system calls are given. */
  readonly address: number;
  /** Length of the input area and of a block. */
  readonly blockBytes: number;
  readonly inputAt = 0;
  readonly outputAt: number;
  readonly outputBytes = outputBytes;
  readonly #firstBlockAt: number;
  readonly #free: Int32Array;
  #freeCount: number;

  constructor(limits: { readonly longestRequestBytes: number; readonly maxConnections: number }) {
    this.blockBytes = Math.max(leastInputBytes, Math.ceil(limits.longestRequestBytes / 64) * 64);
    this.outputAt = this.blockBytes;
    this.#firstBlockAt = this.outputAt + outputBytes;
    const blocks = Math.min(limits.maxConnections, Math.floor(blockMemoryBytes / this.blockBytes));
    const mapping = reserve(this.#firstBlockAt + blocks * this.blockBytes);
    this.bytes = new Uint8Array(mapping.buffer);
    this.address = Number(mapping.address);
    this.#free = new Int32Array(blocks);
    for (let block = 0; block < blocks; block++) this.#free[block] = blocks - 1 - block;
    this.#freeCount = blocks;
  }

  /** Where a free block starts; -1: there is none. */
  takeBlock(): number {
    if (this.#freeCount === 0) return -1;
    return this.#firstBlockAt + this.#free[--this.#freeCount] * this.blockBytes;
  }

  returnBlock(at: number): void {
    this.#free[this.#freeCount++] = (at - this.#firstBlockAt) / this.blockBytes;
  }
}
