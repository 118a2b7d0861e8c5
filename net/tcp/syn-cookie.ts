/**
 * SYN cookies (RFC 4987 section 3.6 and appendix A): a SYN+ACK's sequence number that holds what a listener
 * would have had to remember, so that a flood of SYNs takes no memory.
 *
 *   31 … 27  time, in slots of 64 s, modulo 32
 *   26 … 24  which of eight segment sizes is the largest that the peer takes
 *   23 …  0  keyed hash of addresses, ports, the peer's sequence number, the whole slot number and the size
 *
 * A guess is right once in 2^24. Window scale and SACK do not fit; a peer that sends timestamps brings them
 * back in the low bits of the echo, laid out as in Linux (net/ipv4/syncookies.c, cookie_init_timestamp).
 */

import { SipHash } from './siphash.ts';

/** Rising. A peer's size is rounded down to one of these; the smallest serves all that ask for less. */
export const cookieSegmentSizes: Readonly<Int32Array> = Int32Array.of(
  64,
  256,
  536,
  1024,
  1300,
  1400,
  1440,
  1460,
);

const slotMs = 64_000;
/** This slot and the one before: a cookie lives 64 to 128 s. */
const slotsValid = 2;

export class SynCookie {
  readonly #hash: SipHash;
  readonly #words = new Int32Array(6);

  /** @param random uniform over all 32 bits: the secret comes from it. */
  constructor(random: () => number) {
    this.#hash = new SipHash(random);
  }

  /** @param remoteIsn the SYN's sequence number. @returns the sequence number of the SYN+ACK, int32. */
  make(
    localAddress: number,
    localPort: number,
    remoteAddress: number,
    remotePort: number,
    remoteIsn: number,
    mss: number,
    nowMs: number,
  ): number {
    const slot = Math.floor(nowMs / slotMs);
    const size = sizeIndex(mss);
    this.#words[0] = localAddress;
    this.#words[1] = remoteAddress;
    this.#words[2] = (localPort << 16) | remotePort;
    this.#words[3] = remoteIsn;
    return this.#seal(slot, size);
  }

  /**
   * @param cookie SEG.ACK − 1 of the third segment; `remoteIsn` is its SEG.SEQ − 1.
   * @returns the segment size, rounded down; -1: not a cookie of ours, or too old.
   */
  check(
    localAddress: number,
    localPort: number,
    remoteAddress: number,
    remotePort: number,
    remoteIsn: number,
    cookie: number,
    nowMs: number,
  ): number {
    const slotNow = Math.floor(nowMs / slotMs);
    const age = (slotNow - (cookie >>> 27)) & 31;
    if (age >= slotsValid) return -1;
    const size = (cookie >>> 24) & 7;
    this.#words[0] = localAddress;
    this.#words[1] = remoteAddress;
    this.#words[2] = (localPort << 16) | remotePort;
    this.#words[3] = remoteIsn;
    return this.#seal(slotNow - age, size) === (cookie | 0) ? cookieSegmentSizes[size] : -1;
  }

  #seal(slot: number, size: number): number {
    this.#words[4] = slot;
    this.#words[5] = size;
    return (slot << 27) | (size << 24) | (this.#hash.hash(this.#words, 6) >>> 8);
  }
}

function sizeIndex(mss: number): number {
  let index = cookieSegmentSizes.length - 1;
  while (index > 0 && cookieSegmentSizes[index] > mss) index--;
  return index;
}

/** Low bits of a timestamp: window scale (15: none), then SACK. The sixth is ECN in Linux, and 0 here. */
const optionBits = 6;
const optionMask = (1 << optionBits) - 1;
const scaleMask = 15;
const sackBit = 16;

/**
 * The timestamp to send in a SYN+ACK that is a cookie: `clock` or up to 63 ticks before it, so that later
 * ones do not go back; no round trip can be measured by its echo. @param windowScale the peer's, 0 … 14; -1:
 * it sent none. @returns int32.
 */
export function cookieTimestamp(clock: number, windowScale: number, sackPermitted: boolean): number {
  const options = (windowScale < 0 ? scaleMask : windowScale) | (sackPermitted ? sackBit : 0);
  const stamped = (clock & ~optionMask) | options;
  return ((clock - stamped) | 0) < 0 ? (stamped - (1 << optionBits)) | 0 : stamped;
}

/** @param echo of the third segment. @returns the peer's window scale, 0 … 14; -1: it sent none. */
export function cookieWindowScale(echo: number): number {
  const scale = echo & scaleMask;
  return scale === scaleMask ? -1 : scale;
}

export function cookieSackPermitted(echo: number): boolean {
  return (echo & sackBit) !== 0;
}
