/**
 * Reassembly: against an array that names every byte's owner, across the 2^32 wrap, and when there is no
 * room.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Reassembly } from '../../../net/tcp/reassembly.ts';

const windowBytes = 120;
const most = 4;

type Range = readonly [from: number, to: number];

/** The runs of true. */
function runsOf(held: readonly boolean[]): Range[] {
  const runs: Range[] = [];
  for (let at = 0; at < held.length; at++) {
    if (!held[at]) continue;
    const from = at;
    while (held[at]) at++;
    runs.push([from, at]);
  }
  return runs;
}

function gapsOf(reassembly: Reassembly, count: number, start: number): Range[] {
  return Array.from({ length: Math.max(count, 0) }, (_, index) => [
    (reassembly.gapFrom[index]! - start) | 0,
    (reassembly.gapTo[index]! - start) | 0,
  ]);
}

function rangesOf(reassembly: Reassembly, id: number, start: number): Range[] {
  return Array.from({ length: reassembly.count(id) }, (_, index) => [
    (reassembly.from(id, index) - start) | 0,
    (reassembly.to(id, index) - start) | 0,
  ]);
}

const segment = fc.record({
  from: fc.integer({ min: 0, max: windowBytes - 1 }),
  length: fc.integer({ min: 1, max: 30 }),
  consume: fc.boolean(),
});
const starts = fc.oneof(fc.integer(), fc.constantFrom(2 ** 31 - 60, -60, -1, -(2 ** 31)));

test('add() names just the bytes that are new, contiguousEnd() the first that is missing', () => {
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 60, size: 'max' }), starts, (segments, start) => {
      const reassembly = new Reassembly(2, { most, rows: 1 });
      let held: boolean[] = Array(windowBytes).fill(false);
      let next = 0;
      for (const { from: at, length, consume } of segments) {
        const from = Math.max(at, next);
        const to = Math.min(from + length, windowBytes);
        if (from >= to) continue;
        const before = runsOf(held);
        const touched = before.filter(([a, b]) => a <= to && b >= from);
        const last = before.at(-1);
        const count = reassembly.add(1, (start + from) | 0, (start + to) | 0);
        if (touched.length === 0 && before.length === most) {
          // Full: only what comes before the furthest range is taken, and that one is forgotten.
          if (last![1] < from) {
            assert.equal(count, -1);
            continue;
          }
          held.fill(false, ...last!);
        }
        const isNew = held.map((had, byte) => !had && byte >= from && byte < to);
        assert.deepEqual(gapsOf(reassembly, count, start), runsOf(isNew));
        held = held.map((had, byte) => had || isNew[byte]!);
        assert.deepEqual(rangesOf(reassembly, 1, start), runsOf(held));
        const [latestFrom, latestTo] = rangesOf(reassembly, 1, start)[reassembly.latest(1)]!;
        assert.ok(latestFrom <= from && latestTo >= to);
        if (!consume) continue;
        let end = next;
        while (held[end]) end++;
        assert.equal(reassembly.contiguousEnd(1, (start + next) | 0), (start + end) | 0);
        held.fill(false, 0, end);
        next = end;
        assert.deepEqual(rangesOf(reassembly, 1, start), runsOf(held));
        assert.equal(reassembly.inUse, held.includes(true) ? 1 : 0);
        assert.ok(reassembly.count(1) === 0 || reassembly.latest(1) < reassembly.count(1));
      }
    }),
    { numRuns: 400 },
  );
});

test('whatever the order, a stream arrives whole: no byte is passed that was not copied', () => {
  const piece = fc.record({ from: fc.nat(windowBytes - 1), length: fc.integer({ min: 1, max: 40 }) });
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 40, size: 'max' }), starts, (pieces, start) => {
      const reassembly = new Reassembly(1, { most: 8, rows: 1 });
      const bytes = new Int32Array(windowBytes).fill(-1);
      let next = 0;
      // The last one is everything again: nothing may be left missing.
      for (const [mark, { from, length }] of [...pieces, { from: 0, length: windowBytes }].entries()) {
        const to = Math.min(from + length, windowBytes);
        const fresh = Math.max(from, next);
        if (fresh >= to) continue;
        const gaps = gapsOf(reassembly, reassembly.add(0, (start + fresh) | 0, (start + to) | 0), start);
        for (const [gapFrom, gapTo] of gaps) bytes.fill(mark, gapFrom, gapTo);
        next = (reassembly.contiguousEnd(0, (start + next) | 0) - start) | 0;
      }
      assert.equal(next, windowBytes);
      assert.equal(reassembly.inUse, 0);
      assert.ok(!bytes.includes(-1));
    }),
  );
});

test('add() refuses a connection more than there are rows, until a row is free again', () => {
  const reassembly = new Reassembly(4, { most: 2, rows: 2 });
  assert.equal(reassembly.add(0, 10, 20), 1);
  assert.equal(reassembly.add(1, 10, 20), 1);
  assert.equal(reassembly.add(2, 10, 20), -1);
  assert.equal(reassembly.count(2), 0);
  assert.equal(reassembly.contiguousEnd(2, 5), 5);
  assert.equal(reassembly.contiguousEnd(0, 10), 20);
  assert.equal(reassembly.add(2, 10, 20), 1);
  reassembly.clear(1);
  reassembly.clear(1);
  assert.equal(reassembly.add(3, 10, 20), 1);
  assert.equal(reassembly.inUse, 2);
});

test('contiguousEnd() forgets ranges that were passed, and goes on with one that was reached', () => {
  const reassembly = new Reassembly(1, { most: 4, rows: 1 });
  for (const [from, to] of [
    [10, 12],
    [20, 25],
    [30, 32],
  ] as const)
    reassembly.add(0, from, to);
  assert.equal(reassembly.contiguousEnd(0, 15), 15);
  assert.deepEqual(rangesOf(reassembly, 0, 0), [
    [20, 25],
    [30, 32],
  ]);
  assert.equal(reassembly.contiguousEnd(0, 22), 25);
  assert.equal(reassembly.contiguousEnd(0, 40), 40);
  assert.equal(reassembly.inUse, 0);
});

test('data at RCV.NXT is taken even when every range is in use: the furthest is forgotten', () => {
  const reassembly = new Reassembly(1, { most: 2, rows: 1 });
  reassembly.add(0, 10, 12);
  reassembly.add(0, 20, 22);
  assert.equal(reassembly.add(0, 30, 32), -1);
  assert.equal(reassembly.add(0, 0, 5), 1);
  assert.equal(reassembly.contiguousEnd(0, 0), 5);
  assert.deepEqual(rangesOf(reassembly, 0, 0), [[10, 12]]);
});
