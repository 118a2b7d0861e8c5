import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causeCount, Directory } from '../../simulator/coherence/directory.ts';
import { Distance } from '../../simulator/machine/distance.ts';
import { machines } from '../../simulator/machine/load.ts';
import type { Machine } from '../../simulator/machine/machine.ts';

const { x5560, amd48 } = machines;
const [cold, capacity, trueSharing, falseSharing] = [0, 1, 2, 3];

function directory({
  machine = x5560,
  cores = 8,
  isFalse = false,
}: {
  machine?: Machine;
  cores?: number;
  isFalse?: boolean;
} = {}) {
  const made = new Directory(machine, new Distance(machine, cores), [
    { instances: 4, falseSharing: isFalse },
  ]);
  return {
    made,
    reads: (core: number, lines = 1) => made.access(core, 0, 0, lines, false, 0),
    writes: (core: number, lines = 1) => made.access(core, 0, 0, lines, true, 0),
    misses: (cause: number) => made.misses[0 * causeCount + cause],
  };
}

test('access(): the first touch of a line comes from memory, the second is free', () => {
  const { writes, misses } = directory();
  assert.equal(writes(0, 3), 3 * x5560.latencyCycles.memory);
  assert.equal(writes(0, 3), 0);
  assert.equal(misses(cold), 3);
});

test('access(): a line that another core modified costs by how far that core is', () => {
  const { writes, misses } = directory();
  writes(0);
  assert.equal(writes(1), x5560.latencyCycles.otherCore);
  assert.equal(writes(4), x5560.latencyCycles.otherSocket[0]);
  assert.equal(misses(trueSharing), 2);
});

test('access(): readers share a line, and whoever writes it then takes it from the farthest of them', () => {
  const { writes, reads } = directory();
  writes(0);
  reads(1);
  reads(5);
  assert.equal(reads(1), 0);
  assert.equal(writes(1), x5560.latencyCycles.otherSocket[0]);
  assert.equal(reads(0), x5560.latencyCycles.otherCore);
});

test('access(): MESI serves further readers from the shared cache, MOESI has the owner serve each', () => {
  const intel = directory();
  intel.writes(0);
  assert.equal(intel.reads(1), x5560.latencyCycles.otherCore);
  assert.equal(intel.reads(2), x5560.latencyCycles.l3);
  const amd = directory({ machine: amd48 });
  amd.writes(0);
  assert.equal(amd.reads(1), amd48.latencyCycles.otherCore);
  assert.equal(amd.reads(2), amd48.latencyCycles.otherCore);
});

test('access(): a line is gone from its own core when more was loaded since than its cache holds', () => {
  const { made, writes, misses } = directory();
  writes(0);
  made.fill(0, (x5560.privateCacheKiB * 1024) / 64 - 1);
  assert.equal(writes(0), 0);
  made.fill(0, (x5560.privateCacheKiB * 1024) / 64 + 1);
  assert.equal(writes(0), x5560.latencyCycles.l3);
  made.fill(0, (x5560.sharedCacheKiB * 1024) / 64 + 1);
  assert.equal(writes(0), x5560.latencyCycles.memory);
  assert.equal(misses(capacity), 2);
});

test('access(): misses of objects whose users want other words are false sharing', () => {
  const { writes, misses } = directory({ isFalse: true });
  writes(0);
  writes(1);
  assert.equal(misses(falseSharing), 1);
  assert.equal(misses(trueSharing), 0);
});

test('access(): cores beyond the 32nd are sharers as any other', () => {
  const { writes, reads } = directory({ machine: amd48, cores: 48 });
  writes(40);
  assert.equal(reads(41), amd48.latencyCycles.otherCore);
  assert.equal(writes(0), amd48.latencyCycles.otherSocket[0]);
  assert.equal(reads(40), amd48.latencyCycles.otherSocket[0]);
});

test('allocate(): fresh memory is its core’s alone', () => {
  const { made, writes } = directory();
  writes(3);
  made.allocate(0, 0, 0);
  assert.equal(writes(0), 0);
});

test('access(): a line that is nearly always on its way between cores makes the next one wait', () => {
  const { made } = directory();
  const { otherCore } = x5560.latencyCycles;
  let [first, last] = [0, 0];
  for (let turn = 0; turn < 200_000; turn++) {
    const cost = made.access(turn % 2, 0, 0, 1, true, turn * 1.2 * otherCore);
    if (turn === 1) first = cost;
    last = cost;
  }
  assert.equal(first, otherCore);
  // Five sixths of the time on the way: 1 + 5/6 / (2 / 6) times as long.
  assert.ok(Math.abs(last / first - 3.5) < 0.1, String(last / first));
});
