/** The Internet checksum: the example of RFC 1071, and what its section 2 promises, against sums made the slow way. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checksum, fold, intact, pseudoHeader, sum16, words } from '../../net/wire/checksum.ts';
import { viewOf } from './frame-reader.ts';
import { plainSum } from './segment.ts';

const bytes = fc.uint8Array({ maxLength: 300 });
const seed = fc.oneof(
  fc.constantFrom(0, 1, 0xffff, 0x1_0000, 2 ** 31 - 1),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
);

/** Two sums are the same number of 16 bits, where 0 and 0xffff are both zero (RFC 1071 section 2). */
function assertSame(sum: number, exact: number): void {
  assert.ok(Number.isInteger(sum) && sum >= 0 && sum <= 0xffff, `${sum} is not folded`);
  assert.equal(sum % 0xffff, exact % 0xffff);
  assert.equal(sum === 0, exact === 0);
}

test('sum16() of the example in RFC 1071 section 3 is 0xddf2', () => {
  const example = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assert.equal(sum16(viewOf(example), 0, 8, 0), 0xddf2);
  assert.equal(checksum(0xddf2), 0x220d);
});

test('sum16() is the sum of all words modulo 65535, from any offset, of any length, with any seed', () => {
  fc.assert(
    fc.property(bytes, fc.nat({ max: 9 }), seed, (data, at, before) => {
      const memory = new Uint8Array(at + data.length);
      memory.set(data, at);
      assertSame(sum16(viewOf(memory), at, data.length, before), plainSum(data, 0, data.length) + before);
    }),
    { numRuns: 2_000 },
  );
});

test('sum16() of an odd length is that of the bytes with a zero after them', () => {
  for (let length = 0; length < 40; length++) {
    const data = Uint8Array.from({ length }, (_, index) => 255 - index);
    const padded = new Uint8Array(length + (length & 1));
    padded.set(data);
    assert.equal(sum16(viewOf(data), 0, length, 7), sum16(viewOf(padded), 0, padded.length, 7));
  }
});

test('sum16() of parts, each the seed of the next, is that of the whole, wherever it is cut at an even place', () => {
  fc.assert(
    fc.property(bytes, fc.array(fc.nat({ max: 150 }), { maxLength: 5 }), (data, halves) => {
      const cuts = [...halves.map((half) => Math.min(half * 2, data.length & ~1)), data.length];
      let from = 0;
      let sum = 0;
      for (const end of cuts.sort((a, b) => a - b)) {
        sum = sum16(viewOf(data), from, end - from, sum);
        from = end;
      }
      assert.equal(sum, sum16(viewOf(data), 0, data.length, 0));
    }),
  );
});

test('sum16() does not care for the order of words, and swaps bytes where they are swapped', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 200 }), (data) => {
      const even = data.slice(0, data.length & ~1);
      const swapped = even.map((_, index) => even[index ^ 1]);
      const sum = sum16(viewOf(even), 0, even.length, 0);
      const other = sum16(viewOf(swapped), 0, even.length, 0);
      assertSame(((other & 0xff) << 8) | (other >>> 8), sum);
      const reversed = Uint8Array.from(swapped).reverse();
      assert.equal(sum16(viewOf(reversed), 0, even.length, 0), sum);
    }),
  );
});

test('sum16() of the longest datagram, all ones, with the largest seed, loses no carry', () => {
  const data = new Uint8Array(65_535).fill(0xff);
  assertSame(sum16(viewOf(data), 0, data.length, 2 ** 31 - 1), plainSum(data, 0, data.length) + 2 ** 31 - 1);
});

test('checksum() put in its place makes the sum intact; one changed word does not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 200 }), fc.integer(), (data, pick) => {
      const memory = viewOf(data);
      memory.setUint16(0, 0);
      memory.setUint16(0, checksum(sum16(memory, 0, data.length, 0x1234)));
      assert.equal(sum16(memory, 0, data.length, 0x1234), intact);
      const at = (pick >>> 0) % data.length;
      data[at] ^= 1 + ((pick >>> 8) % 255);
      assert.notEqual(sum16(memory, 0, data.length, 0x1234), intact);
    }),
  );
});

test('fold() adds carries until none is left', () => {
  for (const [sum, folded] of [
    [0, 0],
    [0xffff, 0xffff],
    [0x1_0000, 1],
    [0x1_ffff, 1],
    [0xffff_0000, 0xffff],
    [0xffff_ffff, 0xffff],
  ] as const)
    assert.equal(fold(sum), folded);
});

test('words() and pseudoHeader() take int32 and uint32 alike', () => {
  assert.equal(words(0xc612_0001), 0xc613);
  assert.equal(words(0xc612_0001 | 0), 0xc613);
  assert.equal(words(-1), 0x1_fffe);
  assert.equal(pseudoHeader(0xc612_0001 | 0, 0xc612_0101 | 0, 6, 40), 0xc613 + 0xc713 + 46);
});
