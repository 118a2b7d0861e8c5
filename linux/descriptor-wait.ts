/** Sleeping until one of several descriptors has something to read: ppoll(2), to the microsecond, without allocation. */

import { lastErrno, libc, SystemCallError } from './libc.ts';
import { allocate, type Mapping } from './memory.ts';

const ppoll = libc.func('ppoll', 'int', ['uintptr_t', 'unsigned long', 'uintptr_t', 'uintptr_t']);

const POLLIN = 1;
const POLLERR = 8;
const POLLHUP = 0x10;
const POLLNVAL = 0x20;
const EINTR = 4;

/** struct pollfd: descriptor, then events (low half) and what happened (high half). */
const entryWords = 2;
const entryBytes = 8;

export class DescriptorWait {
  readonly #memory: Mapping;
  readonly #words: Int32Array;
  readonly #count: number;
  /** Addresses are doubles, and in a field of an object they would be allocated anew at each use. */
  readonly #poll: () => number;
  readonly #timespecWord: number;

  constructor(descriptors: readonly number[]) {
    this.#count = descriptors.length;
    this.#timespecWord = Math.ceil((this.#count * entryBytes) / 16) * 4;
    this.#memory = allocate(this.#timespecWord * 4 + 16);
    this.#words = new Int32Array(this.#memory.buffer);
    const address = Number(this.#memory.address);
    const timespec = address + this.#timespecWord * 4;
    this.#poll = () => ppoll(address, descriptors.length, timespec, 0);
    descriptors.forEach((descriptor, index) => {
      this.#words[index * entryWords] = descriptor;
      this.#words[index * entryWords + 1] = POLLIN;
    });
  }

  /**
   * @param mostUs whole microseconds; 0: does not block.
   * @returns how many have something to read; 0: none, until the time was over or a signal came; -1: one of them broke, its
   * device is gone or down.
   */
  wait(mostUs: number): number {
    const seconds = Math.floor(mostUs / 1e6);
    this.#words[this.#timespecWord] = seconds;
    this.#words[this.#timespecWord + 2] = (mostUs - seconds * 1e6) * 1000;
    const ready = this.#poll();
    if (ready < 0) {
      if (lastErrno() === EINTR) return 0;
      throw new SystemCallError('Cannot wait for frames', lastErrno());
    }
    for (let index = 0; ready > 0 && index < this.#count; index++)
      if (((this.#words[index * entryWords + 1] >>> 16) & (POLLERR | POLLHUP | POLLNVAL)) !== 0) return -1;
    return ready;
  }

  close(): void {
    this.#memory.unmap();
  }
}
