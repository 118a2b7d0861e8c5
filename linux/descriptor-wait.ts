/** Sleeping until one of several descriptors has something to read: ppoll(2), to the microsecond, without allocation. */

import { lastErrno, libc, SystemCallError } from './libc.ts';
import { allocate, type Mapping } from './memory.ts';

const ppoll = libc.func('ppoll', 'int', ['uintptr_t', 'unsigned long', 'uintptr_t', 'uintptr_t']);

const POLLIN = 1;
const POLLERR = 8;
const POLLHUP = 0x10;
const POLLNVAL = 0x20;
const EINTR = 4;
const mostSeconds = 0x7fff_ffff;

/** struct pollfd: descriptor, then events (low half) and what happened (high half). */
const entryWords = 2;
const entryBytes = 8;

export class DescriptorWait {
  readonly #memory: Mapping;
  readonly #words: Int32Array;
  readonly #address: number;
  readonly #count: number;
  readonly #timespecWord: number;

  constructor(descriptors: readonly number[]) {
    this.#count = descriptors.length;
    this.#timespecWord = Math.ceil((this.#count * entryBytes) / 16) * 4;
    this.#memory = allocate(this.#timespecWord * 4 + 16);
    this.#words = new Int32Array(this.#memory.buffer);
    this.#address = Number(this.#memory.address);
    descriptors.forEach((descriptor, index) => {
      this.#words[index * entryWords] = descriptor;
      this.#words[index * entryWords + 1] = POLLIN;
    });
  }

  /**
   * @param mostMs 0: does not block.
   * @returns index of a descriptor that broke (its device is gone or down); -1: none did.
   */
  wait(mostMs: number): number {
    const seconds = Math.min(Math.floor(mostMs / 1000), mostSeconds);
    this.#words[this.#timespecWord] = seconds;
    this.#words[this.#timespecWord + 2] =
      seconds === mostSeconds ? 0 : Math.floor((mostMs - seconds * 1000) * 1e6);
    const ready = ppoll(this.#address, this.#count, this.#address + this.#timespecWord * 4, 0);
    if (ready < 0 && lastErrno() !== EINTR) throw new SystemCallError('Cannot wait for frames', lastErrno());
    if (ready > 0)
      for (let index = 0; index < this.#count; index++)
        if (((this.#words[index * entryWords + 1] >>> 16) & (POLLERR | POLLHUP | POLLNVAL)) !== 0)
          return index;
    return -1;
  }

  close(): void {
    this.#memory.unmap();
  }
}
