import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AgentPlace, idleCoresNote, partOf, shareOf } from '../../agent/share.ts';
import type { ShareOrder } from '../../protocol/messages.ts';
import { aShareOrder } from './scripted-coordinator.ts';

const base = aShareOrder('run', 1, 80);
const agents = fc.integer({ min: 1, max: 256 });
const cores = fc.integer({ min: 1, max: 48 });

function placeOf(count: number): AgentPlace {
  return { cores: Array.from({ length: count }, (_, index) => index + 2), namespace: null };
}

function cellOf(load: { concurrency: number } | { rate: number }): ShareOrder['cell'] {
  return { ...base.cell, concurrency: null, rate: null, ...load };
}

/** The orders of every thread of every agent. */
function everyThread(count: number, coreCount: number, changes: Partial<ShareOrder>) {
  return Array.from({ length: count }, (_, index) =>
    shareOf({ ...base, ...changes, index, count }, placeOf(coreCount)),
  ).flat();
}

test('partOf() gives parts that sum to the whole and differ by at most 1', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e13 }), agents, (whole, count) => {
      const parts = Array.from({ length: count }, (_, index) => partOf(whole, index, count));
      assert.equal(
        parts.reduce((sum, part) => sum + part, 0),
        whole,
      );
      assert.ok(Math.max(...parts) - Math.min(...parts) <= 1);
    }),
  );
});

test('shareOf() splits the concurrency over all threads of all agents without a remainder', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 65_536 }), agents, cores, (concurrency, count, coreCount) => {
      const threads = everyThread(count, coreCount, { cell: cellOf({ concurrency }) });
      let sum = 0;
      for (const { load } of threads) {
        assert.equal(load.kind, 'closed');
        if (load.kind !== 'closed') continue;
        assert.ok(load.concurrency > 0);
        sum += load.concurrency;
      }
      assert.equal(sum, concurrency);
    }),
    { numRuns: 50 },
  );
});

test('shareOf() splits the rate over all threads of all agents, to the millionth of a connection a second', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e10 }), agents, cores, (milliRate, count, coreCount) => {
      const rate = milliRate / 1000;
      const threads = everyThread(count, coreCount, { cell: cellOf({ rate }) });
      const units = threads.map(({ load }) =>
        load.kind === 'open' ? Math.round(load.ratePerSecond * 1e6) : 0,
      );
      assert.equal(
        units.reduce((sum, unit) => sum + unit, 0),
        Math.round(rate * 1e6),
      );
      assert.ok(units.every((unit) => unit > 0));
    }),
    { numRuns: 50 },
  );
});

test('shareOf() gives no two threads the same seed, and the same seeds to the same order', () => {
  const seedsOf = (seed: number) =>
    everyThread(8, 8, { seed, cell: cellOf({ rate: 1e5 }) }).map(({ load }) =>
      load.kind === 'open' ? load.seed : null,
    );
  const seeds = seedsOf(7);
  assert.equal(new Set(seeds).size, 64);
  assert.deepEqual(seedsOf(7), seeds);
  assert.notDeepEqual(seedsOf(8), seeds);
});

test('shareOf() gives every source address to one thread, and each thread at least one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), cores, (addressCount, coreCount) => {
      const sourceAddresses = Array.from({ length: addressCount }, (_, index) => `198.19.0.${index + 1}`);
      const threads = shareOf(
        { ...base, sourceAddresses, cell: cellOf({ concurrency: 1_000 }) },
        placeOf(coreCount),
      );
      const given = threads.flatMap((thread) => thread.sourceAddresses);
      assert.ok(threads.every((thread) => thread.sourceAddresses.length > 0));
      assert.deepEqual(new Set(given), new Set(sourceAddresses));
      if (addressCount >= coreCount) assert.equal(given.length, addressCount);
    }),
  );
});

test('shareOf() leaves out threads that would have nothing to do', () => {
  const threads = shareOf({ ...base, cell: cellOf({ concurrency: 2 }) }, placeOf(4));
  assert.deepEqual(
    threads.map(({ cores, load }) => [...cores, load]),
    [
      [2, { kind: 'closed', concurrency: 1 }],
      [3, { kind: 'closed', concurrency: 1 }],
    ],
  );
  assert.deepEqual(
    shareOf({ ...base, index: 3, count: 4, cell: cellOf({ concurrency: 2 }) }, placeOf(4)),
    [],
  );
});

test('shareOf() bounds what may be open in an open loop by time limits, memory and 4096', () => {
  const maxOpenOf = (rate: number, responseBytes: number) => {
    const [thread] = shareOf({ ...base, cell: { ...cellOf({ rate }), responseBytes } }, placeOf(1));
    return thread?.load.kind === 'open' ? thread.load.maxOpen : null;
  };
  assert.equal(maxOpenOf(10, 64), 64);
  assert.equal(maxOpenOf(1_000, 64), 2_000);
  assert.equal(maxOpenOf(1e6, 64), 4_096);
  assert.equal(maxOpenOf(1e6, 1_048_576), 64);
});

test('shareOf() gives packet the first core of an agent only, with all of its load and addresses', () => {
  const sourceAddresses = ['198.18.0.2', '198.18.0.3', '198.18.0.4'];
  const cell = { ...cellOf({ concurrency: 10 }), engine: 'packet' as const };
  const [thread, ...more] = shareOf({ ...base, sourceAddresses, cell }, placeOf(4));
  assert.equal(more.length, 0);
  assert.deepEqual(
    [thread?.cores, thread?.load, thread?.sourceAddresses],
    [[2], { kind: 'closed', concurrency: 10 }, sourceAddresses],
  );
});

test('shareOf() gives k6 all cores of an agent at once, for one process', () => {
  const cell = { ...cellOf({ rate: 100 }), engine: 'k6' as const };
  const thresholds = [{ metric: 'latencySeconds.total.p99' as const, max: 0.1 }];
  const [thread, ...more] = shareOf({ ...base, index: 1, count: 4, cell, thresholds }, placeOf(3));
  assert.equal(more.length, 0);
  assert.deepEqual([thread?.cores, thread?.thresholds], [[2, 3, 4], thresholds]);
  assert.ok(thread?.load.kind === 'open' && thread.load.ratePerSecond === 25);
});

test('idleCoresNote() says which cores packet leaves idle, and nothing of the others', () => {
  const packet = { ...base, cell: { ...base.cell, engine: 'packet' as const } };
  assert.deepEqual(Object.keys(idleCoresNote(packet, placeOf(3))), ['generator.idleCores']);
  assert.match(idleCoresNote(packet, placeOf(3))['generator.idleCores'] ?? '', /^cores 3, 4 made no load: /);
  assert.deepEqual(idleCoresNote(packet, placeOf(1)), {});
  assert.deepEqual(idleCoresNote(base, placeOf(3)), {});
});
