/**
 * HdrHistogram's V2 compressed encoding, in base64: what its Java, C, Go, Rust and JavaScript siblings read.
 *
 * Ours, and not that of hdr-histogram-js, for two reasons: that one inflates whatever it is given, and it writes a
 * normalising offset of 1 where the format wants 0. What arrives here may come from anyone, so decoding refuses text of
 * another configuration and text that inflates beyond what a histogram can be.
 *
 *   base64( cookie | length | deflate( cookie | payload length | 0 | digits | lowest | highest | 1.0 | counts ) )
 *
 * Counts are zigzag LEB128 words; a negative word is a run of that many empty slots.
 */

import { deflateSync, inflateSync } from 'node:zlib';
import {
  finest,
  type HistogramLayout,
  highestNs,
  layout,
  type SignificantDigits,
} from './histogram-layout.ts';

/** Longer text is refused unread. Three digits with every slot in use need 115,000 characters. */
export const maxDecodedCharacters = 400_000;

const plainCookie = 0x1c84_9313;
const compressedCookie = 0x1c84_9314;
const headerBytes = 40;
const maxWordBytes = 9;
const maxInflatedBytes = headerBytes + finest.slots * maxWordBytes;

export interface EncodedCounts {
  readonly inLayout: HistogramLayout;
  /** By slot; whole numbers, none negative. */
  readonly counts: Float64Array;
}

export function encodeCounts({ inLayout, counts }: EncodedCounts): string {
  let used = counts.length;
  while (used > 0 && counts[used - 1] === 0) used--;
  const plain = Buffer.alloc(headerBytes + used * maxWordBytes);
  let end = headerBytes;
  for (let slot = 0; slot < used; slot++) {
    const count = counts[slot];
    if (count > 0) {
      end = writeWord(plain, end, count * 2);
      continue;
    }
    let empty = 1;
    while (counts[slot + 1] === 0) {
      empty++;
      slot++;
    }
    // One empty slot is the word 0, more are a negative word.
    end = writeWord(plain, end, empty === 1 ? 0 : empty * 2 - 1);
  }
  plain.writeInt32BE(plainCookie, 0);
  plain.writeInt32BE(end - headerBytes, 4);
  plain.writeInt32BE(0, 8);
  plain.writeInt32BE(inLayout.digits, 12);
  plain.writeBigInt64BE(1n, 16);
  plain.writeBigInt64BE(BigInt(highestNs), 24);
  plain.writeDoubleBE(1, 32);
  const deflated = deflateSync(plain.subarray(0, end));
  const head = Buffer.alloc(8);
  head.writeInt32BE(compressedCookie, 0);
  head.writeInt32BE(deflated.length, 4);
  return Buffer.concat([head, deflated]).toString('base64');
}

/** @throws Error when `text` is not a histogram of 1 ns to 120 s with one to three digits. */
export function decodeCounts(text: string): EncodedCounts {
  const plain = inflate(text);
  if (plain.length < headerBytes || plain.readInt32BE(0) !== plainCookie)
    throw refused('it inflates to something that is not a V2 histogram');
  const digits = plain.readInt32BE(12);
  const lowest = plain.readBigInt64BE(16);
  const highest = plain.readBigInt64BE(24);
  if (!isDigits(digits) || lowest !== 1n || highest !== BigInt(highestNs) || plain.readInt32BE(8) !== 0)
    throw refused(
      `its configuration is ${digits} digits from ${lowest} to ${highest}; wanted 1, 2 or 3 digits from 1 to ${highestNs}`,
    );
  if (plain.readInt32BE(4) !== plain.length - headerBytes)
    throw refused(`it says ${plain.readInt32BE(4)} bytes of counts and has ${plain.length - headerBytes}`);
  const inLayout = layout(digits);
  return { inLayout, counts: readCounts(plain, inLayout.slots) };
}

function inflate(text: string): Buffer {
  if (text.length > maxDecodedCharacters)
    throw refused(`it is ${text.length} characters long; wanted at most ${maxDecodedCharacters}`);
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw refused('it is not base64');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < 8 || bytes.readInt32BE(0) !== compressedCookie)
    throw refused('it does not begin like a compressed V2 histogram');
  if (bytes.readInt32BE(4) !== bytes.length - 8)
    throw refused(`it says ${bytes.readInt32BE(4)} compressed bytes and has ${bytes.length - 8}`);
  try {
    return inflateSync(bytes.subarray(8), { maxOutputLength: maxInflatedBytes });
  } catch (cause) {
    throw refused(`it does not inflate to at most ${maxInflatedBytes} bytes`, cause);
  }
}

function readCounts(plain: Buffer, slots: number): Float64Array {
  const counts = new Float64Array(slots);
  let slot = 0;
  let total = 0;
  let position = headerBytes;
  while (position < plain.length) {
    let word = 0;
    let scale = 1;
    let byte = 0x80;
    for (let read = 0; byte & 0x80; read++) {
      if (position === plain.length || read === maxWordBytes) throw refused('a count is cut off');
      byte = plain[position++];
      word += (byte & 0x7f) * scale;
      scale *= 128;
    }
    if (word % 2 === 1) {
      slot += (word + 1) / 2;
    } else {
      if (slot < slots) counts[slot] = word / 2;
      slot++;
      total += word / 2;
    }
    if (slot > slots || total > Number.MAX_SAFE_INTEGER)
      throw refused(`it counts in slot ${slot} of ${slots}, ${total} values in all`);
  }
  return counts;
}

/** Writes a word of seven bits a byte, least first; returns the position after it. */
function writeWord(target: Buffer, start: number, word: number): number {
  let position = start;
  let rest = word;
  while (rest >= 128) {
    target[position++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  target[position++] = rest;
  return position;
}

function isDigits(value: number): value is SignificantDigits {
  return value === 1 || value === 2 || value === 3;
}

function refused(what: string, cause?: unknown): Error {
  return new Error(`Cannot decode a histogram: ${what}`, { cause });
}
