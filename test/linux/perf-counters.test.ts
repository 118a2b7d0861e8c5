/** Counters of cores: the kernel's own clock of a core against ours; what a machine without hardware counters says. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { readCpuTimes } from '../../linux/cpu-times.ts';
import { CoreCounters, cpuClock, privateCacheMisses } from '../../linux/perf-counters.ts';

const onlineCores = () => readCpuTimes().map(({ core }) => core);
const openDescriptors = () => readdirSync('/proc/self/fd').length;

/** Counting a whole core needs CAP_PERFMON, or sysctl kernel.perf_event_paranoid at most 0. */
function whyNot(): string | false {
  try {
    CoreCounters.open(cpuClock, [0]).close();
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}
const counting = { skip: whyNot() };

test('a core’s clock goes on by as much as ours, on each core of the set', counting, () => {
  const cores = onlineCores();
  const counters = CoreCounters.open(cpuClock, cores);
  const [before, beforeMs] = [counters.read(), performance.now()];
  while (performance.now() < beforeMs + 500);
  const [after, elapsedMs] = [counters.read(), performance.now() - beforeMs];
  const ratio = counters.between(before, after) / 1e6 / (elapsedMs * cores.length);
  counters.close();
  counters.close();
  assert.ok(ratio > 0.9 && ratio < 1.1, `${ratio} of ${elapsedMs} ms on ${cores.length} cores`);
});

test(
  'what took turns is scaled to the whole time between two readings, and what never ran is not 0',
  counting,
  () => {
    const counters = CoreCounters.open(cpuClock, [0]);
    const at = (count: number, wantedNs: number, countedNs: number) => [
      { core: 0, count, wantedNs, countedNs },
    ];
    // Half of the time between the readings, whatever was before.
    assert.equal(counters.between(at(900, 10, 10), at(1_000, 110, 60)), 200);
    assert.throws(
      () => counters.between(at(5, 10, 10), at(5, 110, 10)),
      /Cannot count cpu clock on core 0: the counter never ran; wanted a free one/,
    );
    counters.close();
  },
);

test('a core that is not there is refused, and the counters of the others are closed', counting, () => {
  const before = openDescriptors();
  assert.throws(
    () => CoreCounters.open(cpuClock, [0, 4_095]),
    /^Error: Cannot count cpu clock on core 4095: E[A-Z]+ \(.+; wanted .+\)$/,
  );
  assert.equal(openDescriptors(), before);
});

test('an event that no machine has is refused with what that means', () => {
  assert.throws(
    () => CoreCounters.open({ name: 'nothing', type: 0, config: 99 }, [0]),
    /Cannot count nothing on core 0: E[A-Z]+ \((this machine shows no hardware counters|refused|not allowed)/,
  );
});

test('which event counts misses of private caches is the maker’s matter', () => {
  const of = (vendor: string, family: number) =>
    privateCacheMisses(`processor\t: 0\nvendor_id\t: ${vendor}\ncpu family\t: ${family}\n`);
  const event = (config: number) => ({ name: 'misses of private caches', type: 0, config });
  assert.deepEqual(of('GenuineIntel', 6), event(2));
  assert.deepEqual(of('AuthenticAMD', 25), event(3));
  assert.match(of('AuthenticAMD', 21) as string, /this is AuthenticAMD, family 21/);
  assert.match(privateCacheMisses('processor\t: 0\n') as string, /this is a processor that names no maker/);
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
  try {
    const before = counters.read();
    const far = new Uint8Array(64 * 1024 * 1024);
    const lines = far.length / 64;
    for (let at = 0; at < far.length; at += 64) far[at] = 1;
    // Far more than any private cache holds has to come from beyond them; a prefetcher may fetch some of it.
    assert.ok(counters.between(before, counters.read()) > lines / 10);
  } finally {
    counters.close();
  }
});
