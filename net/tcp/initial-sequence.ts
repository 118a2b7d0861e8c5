/**
 * Initial sequence numbers (RFC 6528): a clock that ticks every 4 µs plus a keyed hash of the connection's
 * addresses and ports. So numbers of different connections say nothing about each other, and those of one
 * that opens again go up.
 */

import { SipHash } from './siphash.ts';

/** The clock of RFC 9293 3.4.1, int32: it goes round in 4.8 hours. */
export function sequenceClock(nowUs: number): number {
  return Math.floor(nowUs / 4) | 0;
}

export class InitialSequence {
  readonly #hash: SipHash;
  readonly #words = new Int32Array(3);

  /** @param random uniform over all 32 bits: the secret comes from it. */
  constructor(random: () => number) {
    this.#hash = new SipHash(random);
  }

  /** @param clock sequenceClock() of now. @returns int32. */
  of(
    localAddress: number,
    localPort: number,
    remoteAddress: number,
    remotePort: number,
    clock: number,
  ): number {
    const words = this.#words;
    words[0] = localAddress;
    words[1] = remoteAddress;
    words[2] = (localPort << 16) | remotePort;
    return (this.#hash.hash(words, 3) + clock) | 0;
  }
}
