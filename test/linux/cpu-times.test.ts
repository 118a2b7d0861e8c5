/** /proc/stat, parsed, and the fractions of an interval. */

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { coreFractions, parseCpuTimes, readCpuTimes } from '../../linux/cpu-times.ts';
import { parseListenCounters, readListenCounters } from '../../linux/network-counters.ts';

test('parseCpuTimes() adds nice to user, iowait to idle, interrupts to softirq, and knows what was stolen', () => {
  const text = 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 1 20 60 2 3 4 5 7 7\ncpu12 1 0 0 0 0 0 0 0 0 0\nintr 5\n';
  assert.deepEqual(parseCpuTimes(text), [
    { core: 0, user: 11, system: 20, softirq: 7, idle: 62, total: 105 },
    { core: 12, user: 1, system: 0, softirq: 0, idle: 0, total: 1 },
  ]);
});

test('coreFractions() follows the order asked for, and leaves out what did not move', () => {
  const before = parseCpuTimes(
    'cpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 5 0 5 0 0 0 0 0 0 0\ncpu2 1 0 0 0 0 0 0 0 0 0\n',
  );
  const after = parseCpuTimes(
    'cpu0 50 0 25 15 0 0 0 10 0 0\ncpu1 5 0 5 0 0 0 10 0 0 0\ncpu2 1 0 0 0 0 0 0 0 0 0\n',
  );
  assert.deepEqual(coreFractions(before, after, [1, 0, 2, 9]), [
    { core: 1, user: 0, system: 0, softirq: 1, idle: 0 },
    { core: 0, user: 0.5, system: 0.25, softirq: 0, idle: 0.15 },
  ]);
});

test('readCpuTimes() sees a core that is kept busy', () => {
  const before = readCpuTimes();
  assert.ok(before.length >= availableParallelism());
  const untilMs = performance.now() + 250;
  while (performance.now() < untilMs);
  const cores = before.map(({ core }) => core);
  const busy = coreFractions(before, readCpuTimes(), cores).reduce(
    (sum, { user, system }) => sum + user + system,
    0,
  );
  assert.ok(busy > 0.3, `${busy} cores busy`);
});

test('parseListenCounters() finds its columns by name, and says when there are none', () => {
  const text =
    'TcpExt: SyncookiesSent ListenOverflows X ListenDrops\nTcpExt: 1 2 3 4\nIpExt: ListenDrops\nIpExt: 9\n';
  assert.deepEqual(parseListenCounters(text), { overflows: 2, drops: 4 });
  assert.throws(() => parseListenCounters('TcpExt: A\nTcpExt: 1\n'), /there is no TcpExt ListenOverflows/);
  const { overflows, drops } = readListenCounters();
  assert.ok(drops >= overflows && overflows >= 0);
});
