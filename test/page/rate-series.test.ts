import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateSeries } from '../../coordinator/page/rate-series.ts';
import type { RateSample } from '../../protocol/live-page.ts';

/** As a page holds it: by part. */
function watched(most: number) {
  const parts = new Map<number, readonly RateSample[]>();
  const series = new RateSeries((part, samples) => parts.set(part, samples), most);
  const held = () => [...parts].sort(([one], [other]) => one - other).flatMap(([, samples]) => samples);
  return { series, held };
}

const report = (at: number, more: Partial<RateSample> & { second: number }) => ({
  at,
  cell: 0,
  phase: 'measured' as const,
  completed: 100,
  failed: 0,
  missed: 0,
  ...more,
});

const sum = (samples: readonly RateSample[], of: 'completed' | 'failed' | 'seconds') =>
  samples.reduce((total, sample) => total + sample[of], 0);

test('report() adds what several agents say of one second, and tells of it', () => {
  const { series, held } = watched(100);
  series.beginAttempt();
  series.report(report(1, { second: 0 }));
  series.report(report(1.1, { second: 0, completed: 50, failed: 2 }));
  series.report(report(2, { second: 1 }));
  assert.deepEqual(
    held().map(({ completed, failed, seconds }) => ({ completed, failed, seconds })),
    [
      { completed: 150, failed: 2, seconds: 1 },
      { completed: 100, failed: 0, seconds: 1 },
    ],
  );
});

test('voidAttempt() marks the seconds of the attempt under way, and no other', () => {
  const { series, held } = watched(100);
  series.beginAttempt();
  series.report(report(1, { second: 0 }));
  series.beginAttempt();
  series.report(report(2, { second: 0 }));
  series.voidAttempt();
  assert.deepEqual(
    held().map(({ phase }) => phase),
    ['measured', 'void'],
  );
});

test('a run of a day keeps a bounded number of samples, and every connection of it', () => {
  const { series, held } = watched(512);
  const seconds = 86_400;
  for (let second = 0; second < seconds; second++) {
    if (second % 10 === 0) series.beginAttempt();
    series.report(report(second, { second: second % 10, cell: Math.floor(second / 10) % 6, failed: 1 }));
  }
  assert.ok(series.samples.length <= 512, `${series.samples.length} samples`);
  assert.ok(series.samples.length >= 128, `${series.samples.length} samples`);
  assert.deepEqual(held(), series.samples);
  assert.equal(sum(series.samples, 'seconds'), seconds);
  assert.equal(sum(series.samples, 'completed'), 100 * seconds);
  assert.equal(sum(series.samples, 'failed'), seconds);
  const times = series.samples.map(({ at }) => at);
  assert.ok(
    times.every((at, place) => place === 0 || at >= times[place - 1]),
    'not in the order of time',
  );
});
