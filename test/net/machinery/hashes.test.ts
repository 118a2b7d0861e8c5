/**
 * SipHash against its published vectors and a BigInt model; sequence numbers and SYN cookies that rest on it.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../../measurement/random.ts';
import { InitialSequence, sequenceClock } from '../../../net/tcp/initial-sequence.ts';
import { SipHash } from '../../../net/tcp/siphash.ts';
import {
  cookieSackPermitted,
  cookieSegmentSizes,
  cookieTimestamp,
  cookieWindowScale,
  SynCookie,
} from '../../../net/tcp/syn-cookie.ts';

/**
 * vectors_sip64 of the authors' reference program (github.com/veorq/SipHash, vectors.h), the lengths that are
 * whole words: key 00 01 … 0f, message 00 01 02 …, of 0, 4, 8 … 60 bytes; the hash's bytes in order.
 */
const vectors = [
  '310e0edd47db6f72',
  'b7877127e09427cf',
  '6224939a79f5f593',
  'fbe50e86bc8f1e75',
  'db9bc2577fcc2a3f',
  '98eea21af25cd6be',
  '94af49f6c650adb8',
  'a5c91da7acaa4dde',
  'ce7cf2722f512771',
  'b4a31508beff4d31',
  'd0a704536ba93e0e',
  'f21df2e41d4535f9',
  '51a9cb9ecba312e6',
  'b274cb8ebf87870a',
  'bd838d3aafbf8db7',
  'e1915f5cb1eca46c',
];

const counting = (first: number): (() => number) => {
  let word = first;
  return () => {
    const value = word;
    word += 0x04040404;
    return value;
  };
};

test('SipHash gives the hashes of the reference program for messages of 0, 4, 8 … 60 bytes', () => {
  const hash = new SipHash(counting(0x03020100));
  const next = counting(0x03020100);
  const words = Int32Array.from({ length: 15 }, next);
  const bytes = Buffer.alloc(8);
  for (const [count, expected] of vectors.entries()) {
    bytes.writeInt32LE(hash.hash(words, count), 0);
    bytes.writeInt32LE(hash.high, 4);
    assert.equal(bytes.toString('hex'), expected, `${4 * count} bytes`);
  }
});

const mask = 2n ** 64n - 1n;
const word64 = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
const turn = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & mask;

/** SipHash-2-4 as the paper writes it, in 64-bit words. */
function sipHashModel(key: readonly number[], words: readonly number[]): bigint {
  const key0 = word64(key[0]!, key[1]!);
  const key1 = word64(key[2]!, key[3]!);
  let [v0, v1, v2, v3] = [
    key0 ^ 0x736f6d6570736575n,
    key1 ^ 0x646f72616e646f6dn,
    key0 ^ 0x6c7967656e657261n,
    key1 ^ 0x7465646279746573n,
  ] as [bigint, bigint, bigint, bigint];
  const rounds = (count: number): void => {
    for (let round = 0; round < count; round++) {
      v0 = (v0 + v1) & mask;
      v2 = (v2 + v3) & mask;
      v1 = turn(v1, 13n) ^ v0;
      v3 = turn(v3, 16n) ^ v2;
      v0 = turn(v0, 32n);
      v2 = (v2 + v1) & mask;
      v0 = (v0 + v3) & mask;
      v1 = turn(v1, 17n) ^ v2;
      v3 = turn(v3, 21n) ^ v0;
      v2 = turn(v2, 32n);
    }
  };
  const blocks: bigint[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) blocks.push(word64(words[at]!, words[at + 1]!));
  const odd = words.length % 2 === 1 ? words.at(-1)! : 0;
  blocks.push((BigInt((4 * words.length) & 255) << 56n) | BigInt(odd >>> 0));
  for (const block of blocks) {
    v3 ^= block;
    rounds(2);
    v0 ^= block;
  }
  v2 ^= 0xffn;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

test('SipHash is SipHash-2-4 in 64-bit words, for any key and words', () => {
  const key = fc.array(fc.integer(), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(key, fc.array(fc.integer(), { maxLength: 70 }), (secret, words) => {
      const draws = [...secret];
      const hash = new SipHash(() => draws.shift()!);
      const low = hash.hash(Int32Array.from(words), words.length);
      assert.equal(word64(low, hash.high), sipHashModel(secret, words));
    }),
  );
});

type Flow = [localAddress: number, localPort: number, remoteAddress: number, remotePort: number];

const port = fc.integer({ min: 0, max: 65_535 });
const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const flow: fc.Arbitrary<Flow> = fc.tuple(address, port, address, port);
const uniform = (seed: number): (() => number) => {
  const random = seededRandom(seed);
  return () => Math.floor(random() * 2 ** 32);
};

test('sequenceClock() ticks every 4 µs and goes round at 2^32', () => {
  assert.deepEqual([0, 3.9, 4, 7, 8].map(sequenceClock), [0, 0, 1, 1, 2]);
  assert.equal(sequenceClock(4 * 2 ** 31), -(2 ** 31));
  assert.equal(sequenceClock(4 * 2 ** 32 + 8), 2);
  assert.equal(sequenceClock(1_753_000_000_000_004), ((1_753_000_000_000_004 / 4) % 2 ** 32) | 0);
});

test('InitialSequence: the number of a flow that opens again is higher by exactly the ticks between', () => {
  fc.assert(
    fc.property(flow, fc.integer(), fc.nat(), fc.integer(), (each, clock, ticks, seed) => {
      const sequence = new InitialSequence(uniform(seed));
      const first = sequence.of(...each, clock);
      assert.equal((sequence.of(...each, (clock + ticks) | 0) - first) | 0, ticks | 0);
    }),
  );
});

test('InitialSequence: flows that differ in one bit, or secrets that differ, have unrelated numbers', () => {
  const sequence = new InitialSequence(uniform(1));
  const other = new InitialSequence(uniform(2));
  const numbers = new Set<number>();
  const ones = new Float64Array(32);
  const count = 4_000;
  for (let remotePort = 0; remotePort < count; remotePort++) {
    const number = sequence.of(0xc6120001, 80, 0xc6120002, remotePort, 0);
    numbers.add(number);
    assert.notEqual(other.of(0xc6120001, 80, 0xc6120002, remotePort, 0), number);
    const step = sequence.of(0xc6120001, 80, 0xc6120002, remotePort + 1, 0) - number;
    for (let bit = 0; bit < 32; bit++) ones[bit]! += (step >>> bit) & 1;
  }
  assert.equal(numbers.size, count);
  // Each bit of the step between neighbours is a fair coin: 2,000 of 4,000, ± 6 standard deviations of 32.
  for (const [bit, seen] of ones.entries())
    assert.ok(Math.abs(seen - count / 2) < 192, `bit ${bit}: ${seen}`);
});

const slotMs = 64_000;
const times = fc.oneof(
  fc.integer({ min: 0, max: 40 * slotMs }),
  fc.integer({ min: 1_753_000_000_000, max: 1_754_000_000_000 }),
);

test('SynCookie: check() gives the size rounded down, in this slot and the next, and never after', () => {
  const segment = fc.oneof(fc.constantFrom(...cookieSegmentSizes), fc.integer({ min: 0, max: 65_535 }));
  fc.assert(
    fc.property(flow, fc.integer(), segment, times, (each, isn, mss, nowMs) => {
      const cookies = new SynCookie(uniform(isn));
      const cookie = cookies.make(...each, isn, mss, nowMs);
      const expected = [...cookieSegmentSizes].reverse().find((size) => size <= mss) ?? cookieSegmentSizes[0];
      const slotEndMs = (Math.floor(nowMs / slotMs) + 1) * slotMs;
      for (const laterMs of [nowMs, slotEndMs - 1, slotEndMs, slotEndMs + slotMs - 1])
        assert.equal(cookies.check(...each, isn, cookie, laterMs), expected);
      for (const slots of [1, 2, 30, 31, 32, 63, 2 ** 27 - 1, 2 ** 27])
        assert.equal(cookies.check(...each, isn, cookie, slotEndMs + slots * slotMs), -1, `${slots} slots`);
      if (nowMs >= slotMs) assert.equal(cookies.check(...each, isn, cookie, nowMs - slotMs), -1);
    }),
  );
});

test('SynCookie: a cookie is good for its own flow, sequence number, size and secret only', () => {
  const cookies = new SynCookie(uniform(5));
  const nowMs = 123_456_789;
  const each: Flow = [0xc6120001, 443, 0xc6120002, 50_000];
  const cookie = cookies.make(...each, 77, 1460, nowMs);
  const { check } = {
    check: (own: SynCookie, [a, b, c, d]: Flow, isn: number, value: number): number =>
      own.check(a, b, c, d, isn, value, nowMs),
  };
  assert.equal(check(cookies, each, 77, cookie), 1460);
  assert.equal(check(cookies, each, 77, cookie >>> 0), 1460);
  for (let field = 0; field < 4; field++) {
    const changed = [...each] as Flow;
    changed[field]! ^= 1;
    assert.equal(check(cookies, changed, 77, cookie), -1, `field ${field}`);
  }
  assert.equal(check(cookies, each, 78, cookie), -1);
  assert.equal(check(new SynCookie(uniform(6)), each, 77, cookie), -1);
  for (let bit = 0; bit < 32; bit++)
    assert.equal(check(cookies, each, 77, cookie ^ (1 << bit)), -1, `bit ${bit}`);
});

test('SynCookie: of 200,000 guesses at most a few are right', () => {
  const cookies = new SynCookie(uniform(9));
  const guess = uniform(10);
  let right = 0;
  for (let round = 0; round < 200_000; round++)
    if (cookies.check(1, 80, 2, 40_000, round, guess(), 640_000_000) !== -1) right++;
  // 200,000 × 2 slots in 32 × 2^-24: 0.0007 are to be expected.
  assert.ok(right <= 1, `${right}`);
});

test('cookieTimestamp() brings window scale and SACK back, and is never after the clock', () => {
  assert.deepEqual([cookieTimestamp(23, 7, true), cookieTimestamp(22, 7, true)], [23, 23 - 64]);
  const clocks = fc.oneof(fc.integer(), fc.constantFrom(0, 63, 64, -1, -64, 2 ** 31 - 1, -(2 ** 31)));
  fc.assert(
    fc.property(clocks, fc.integer({ min: -1, max: 14 }), fc.boolean(), (clock, scale, sack) => {
      const stamp = cookieTimestamp(clock, scale, sack);
      assert.equal(cookieWindowScale(stamp), scale);
      assert.equal(cookieWindowScale(stamp >>> 0), scale);
      assert.equal(cookieSackPermitted(stamp), sack);
      const behind = (clock - stamp) | 0;
      assert.ok(behind >= 0 && behind < 64, `${behind}`);
    }),
  );
});
