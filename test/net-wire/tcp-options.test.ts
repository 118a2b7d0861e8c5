/** TCP options: the known ones in any order, the unknown ones skipped, the impossible ones survived. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  emitSynOptions,
  emitTimestamps,
  parseOptions,
  type TcpOptions,
  tcpOptions,
  timestampsBytes,
} from '../../net/wire/tcp-options.ts';
import { viewOf } from './frame-reader.ts';

/** Memory that is the options and nothing else: reading past their end throws. */
function parsed(...bytes: readonly number[]): TcpOptions {
  const out = { ...tcpOptions(), mss: 9, windowScale: 9, sackPermitted: true, hasTimestamps: true };
  parseOptions(viewOf(Uint8Array.from(bytes)), 0, bytes.length, out);
  return out;
}

const none = tcpOptions();
const mss = [2, 4, 5, 0xb4] as const;
const scale = [3, 3, 7] as const;
const sack = [4, 2] as const;
const stamps = [8, 10, 0x80, 0, 0, 1, 0, 0, 0, 2] as const;
const value = -0x7fff_ffff;

test('parseOptions() of nothing resets what the last segment left', () => {
  assert.deepEqual(parsed(), none);
  assert.deepEqual(parsed(0, 0, 0, 0), none);
  assert.deepEqual(parsed(1, 1, 1, 1), none);
});

test('parseOptions() reads the known kinds in any order, with and without fillers', () => {
  const whole = {
    mss: 1460,
    windowScale: 7,
    sackPermitted: true,
    hasTimestamps: true,
    timestampValue: value,
    timestampEcho: 2,
  };
  assert.deepEqual(parsed(...mss, ...sack, ...stamps, 1, ...scale), whole);
  assert.deepEqual(parsed(...stamps, ...scale, 1, 1, ...mss, ...sack, 0, 2), whole);
  assert.deepEqual(parsed(1, 1, ...stamps), { ...whole, mss: 0, windowScale: -1, sackPermitted: false });
});

test('parseOptions() skips kinds 77 and 253, and SACK blocks, by their length', () => {
  const unknown = [
    [77, 2],
    [77, 5, 2, 4, 0],
    [253, 8, 0, 0, 0, 0, 0, 0],
    [5, 10, 0, 0, 0, 1, 0, 0, 0, 2],
  ];
  for (const skipped of unknown) {
    assert.deepEqual(parsed(...skipped, ...mss), { ...none, mss: 1460 }, `${skipped}`);
    assert.deepEqual(parsed(...mss, ...skipped), { ...none, mss: 1460 }, `${skipped}`);
  }
});

test('parseOptions() ends at a length of 0, of 1, or beyond the header, and keeps what it had', () => {
  for (const kind of [2, 3, 4, 5, 8, 77, 253])
    for (const length of [0, 1, 9, 200, 255])
      assert.deepEqual(
        parsed(...mss, kind, length, 5, 180, ...scale),
        { ...none, mss: 1460 },
        `${kind} ${length}`,
      );
});

test('parseOptions() ends when the header does, in the middle of an option', () => {
  const whole = [...mss, ...scale];
  for (let cut = 0; cut < mss.length; cut++) assert.deepEqual(parsed(...whole.slice(0, cut)), none);
  for (let cut = mss.length; cut < whole.length; cut++)
    assert.deepEqual(parsed(...whole.slice(0, cut)), { ...none, mss: 1460 });
});

test('parseOptions() skips a known kind of another length than its own', () => {
  const wrong = [
    [2, 3, 5],
    [3, 4, 7, 7],
    [3, 2],
    [4, 3, 1],
    [8, 4, 1, 1],
    [8, 3, 1],
    [77, 3, 5],
    [77, 4, 5, 5],
  ];
  for (const option of wrong) {
    assert.deepEqual(parsed(...option), none, `${option}`);
    assert.deepEqual(
      parsed(...option, ...mss, ...scale),
      { ...none, mss: 1460, windowScale: 7 },
      `${option}`,
    );
  }
});

test('parseOptions() takes a window scale above 14 as 14 (RFC 7323 2.3)', () => {
  assert.deepEqual(
    [13, 14, 15, 255].map((shift) => parsed(3, 3, shift).windowScale),
    [13, 14, 14, 14],
  );
});

test('parseOptions() reads timestamps at once and one by one alike', () => {
  const shortCut = parsed(1, 1, ...stamps);
  assert.deepEqual(parsed(1, ...stamps, 1), shortCut);
  assert.deepEqual(parsed(...stamps, 0, 0), shortCut);
});

test('emitSynOptions(), then parseOptions(), gives back what was written, in words of four bytes, at most 40', () => {
  const some = fc.record({
    mss: fc.integer({ min: 0, max: 0xffff }),
    windowScale: fc.integer({ min: -1, max: 14 }),
    sackPermitted: fc.boolean(),
    hasTimestamps: fc.boolean(),
    timestampValue: fc.integer(),
    timestampEcho: fc.integer(),
  });
  fc.assert(
    fc.property(some, (options) => {
      const memory = new Uint8Array(40);
      const length = emitSynOptions(viewOf(memory), 0, options);
      assert.equal(length % 4, 0);
      const wanted = options.hasTimestamps
        ? { ...options }
        : { ...options, timestampValue: 0, timestampEcho: 0 };
      const out = tcpOptions();
      parseOptions(viewOf(memory.slice(0, length)), 0, length, out);
      assert.deepEqual(out, wanted);
    }),
  );
});

test('emitTimestamps(), then parseOptions(), gives back both', () => {
  const memory = new Uint8Array(timestampsBytes);
  assert.equal(emitTimestamps(viewOf(memory), 0, value, 2), timestampsBytes);
  assert.deepEqual([...memory], [1, 1, ...stamps]);
});

test('parseOptions() of any bytes ends, within them, with values that can be', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const { mss: size, windowScale } = parsed(...bytes);
      assert.ok(size >= 0 && size <= 0xffff && windowScale >= -1 && windowScale <= 14);
    }),
    { numRuns: 5_000 },
  );
});
