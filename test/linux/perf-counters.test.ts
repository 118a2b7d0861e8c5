/** Counters of cores: the kernel's own clock of a core against ours; what a machine without hardware counters says. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { readCpuTimes } from '../../linux/cpu-times.ts';
import { CoreCounters, cpuClock, privateCacheMisses } from '../../linux/perf-counters.ts';

const onlineCores = () => readCpuTimes().map(({ core }) => core);
const openDescriptors = () => readdirSync('/proc/self/fd').length;

test('a core’s clock goes on by as much as ours, on each core of the set', () => {
  const cores = onlineCores();
  const counters = CoreCounters.open(cpuClock, cores);
  const [before, beforeMs] = [counters.read(), performance.now()];
  while (performance.now() < beforeMs + 100);
  const [counted, elapsedMs] = [counters.read() - before, performance.now() - beforeMs];
  counters.close();
  const ratio = counted / 1e6 / (elapsedMs * cores.length);
  assert.ok(ratio > 0.9 && ratio < 1.1, `${counted} ns counted on ${cores.length} cores in ${elapsedMs} ms`);
});

test('a core that is not there is refused, and the counters of the others are closed', () => {
  const before = openDescriptors();
  assert.throws(
    () => CoreCounters.open(cpuClock, [0, 4_095]),
    /^Error: Cannot count cpu clock on core 4095: E[A-Z]+ \(.+\)$/,
  );
  assert.equal(openDescriptors(), before);
});

test('an event that no machine has is refused with what that means', () => {
  assert.throws(
    () => CoreCounters.open({ name: 'nothing', type: 0, config: 99 }, [0]),
    /Cannot count nothing on core 0: E[A-Z]+ \((this machine shows no hardware counters|refused)/,
  );
});

test('which event counts misses of private caches is the maker’s matter', () => {
  const of = (vendor: string, family: number) =>
    privateCacheMisses(`processor\t: 0\nvendor_id\t: ${vendor}\ncpu family\t: ${family}\n`);
  const event = (config: number) => ({ name: 'misses of private caches', type: 0, config });
  assert.deepEqual(of('GenuineIntel', 6), event(2));
  assert.deepEqual(of('AuthenticAMD', 25), event(3));
  assert.match(of('AuthenticAMD', 21) as string, /this is AuthenticAMD, family 21/);
  assert.match(privateCacheMisses('processor\t: 0\n') as string, /this is unknown, family 0/);
});

test('hardware counters count where there are any', (t) => {
  const event = privateCacheMisses();
  let counters: CoreCounters;
  try {
    if (typeof event === 'string') throw new Error(event);
    counters = CoreCounters.open(event, onlineCores());
  } catch (error) {
    t.skip(`no hardware counters: ${(error as Error).message}`);
    return;
  }
  const before = counters.read();
  const far = new Uint8Array(64 * 1024 * 1024);
  const lines = far.length / 64;
  for (let at = 0; at < far.length; at += 64) far[at] = 1;
  // A megabyte more than any private cache holds has to come from beyond them; a prefetcher may fetch some of it.
  assert.ok(counters.read() - before > lines / 10);
  counters.close();
});
