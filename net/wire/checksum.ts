/**
 * The Internet checksum (RFC 1071): the ones' complement sum of big-endian 16-bit words. Sums are kept as plain numbers,
 * carries and all, and folded once: adding is the hot part.
 *
 * Memory is a DataView: a 32-bit read carries two words, which halves the time against reading bytes. The loop of `sum16`
 * calls nothing: calls there are not always compiled into it, and then it takes four times as long.
 */

/**
 * The sum of `length` bytes and of `seed`, folded to 16 bits. The last byte of an odd length counts as the high byte of
 * a word, so only the last of several parts may be odd.
 * @param seed sum of what went before, below 2^31; need not be folded.
 */
export function sum16(memory: DataView, from: number, length: number, seed: number): number {
  let sum = seed;
  let at = from;
  for (const end = from + (length & ~7); at < end; at += 8) {
    const first = memory.getInt32(at);
    const second = memory.getInt32(at + 4);
    sum += (first >>> 16) + (first & 0xffff) + (second >>> 16) + (second & 0xffff);
  }
  if ((length & 4) !== 0) {
    const last = memory.getInt32(at);
    sum += (last >>> 16) + (last & 0xffff);
    at += 4;
  }
  if ((length & 2) !== 0) {
    sum += memory.getUint16(at);
    at += 2;
  }
  if ((length & 1) !== 0) sum += memory.getUint8(at) << 8;
  return fold(sum);
}

/** Carries added back in, twice, for the first time may carry again. @param sum below 2^32. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** The two 16-bit words of 32 bits, added. */
export function words(value: number): number {
  return (value >>> 16) + (value & 0xffff);
}

/** What goes into a checksum field. @param sum of everything else, the field taken as 0. */
export function checksum(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/** Sum of the pseudo header of RFC 9293 3.1. @param length bytes of the TCP header and what it carries. */
export function pseudoHeader(source: number, destination: number, protocol: number, length: number): number {
  return words(source) + words(destination) + protocol + length;
}

/** A sum that a checksum field is part of, when nothing was changed on the way. */
export const intact = 0xffff;
