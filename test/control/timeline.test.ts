import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monotonicNs } from '../../control/clock.ts';
import { after, everySecond, untilMonotonic } from '../../control/timeline.ts';

test('untilMonotonic() is never early, and comes', async () => {
  const at = after(monotonicNs(), 0.1);
  await untilMonotonic(at, new AbortController().signal);
  const lateMs = Number(monotonicNs() - at) / 1e6;
  assert.ok(lateMs >= 0 && lateMs < 1_000, `${lateMs} ms`);
});

test('untilMonotonic() throws the reason of its signal as soon as it aborts', async () => {
  const abort = new AbortController();
  const waiting = untilMonotonic(after(monotonicNs(), 60), abort.signal);
  abort.abort(new Error('over'));
  await assert.rejects(waiting, /^Error: over$/);
});

test('everySecond() tells of seconds that passed while the event loop was blocked, as missed', async () => {
  const told: string[] = [];
  const startAtNs = monotonicNs() - 900_000_000n;
  const run = everySecond({
    startAtNs,
    seconds: 4.5,
    signal: new AbortController().signal,
    onSecond: (second) => {
      told.push(`second ${second}`);
      if (second !== 0) return;
      const until = performance.now() + 2_550;
      while (performance.now() < until);
    },
    onMissed: (seconds) => told.push(`missed ${seconds}`),
  });
  await run;
  assert.deepEqual(told, ['second 0', 'missed 2', 'second 3']);
});
