/** Pure time: when connections are due, and how to be awake by then. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Alarm } from '../../agent/alarm.ts';
import { PoissonPacer } from '../../agent/pacing.ts';
import { seededRandom } from '../../measurement/random.ts';

/** Random numbers from a list, so that gaps are known: 1 - 1/e gives the mean gap. */
const given = (numbers: readonly number[]): (() => number) => {
  let at = 0;
  return () => numbers[at++ % numbers.length];
};
const meanGap = 1 - 1 / Math.E;

test('advance() goes on by -ln(1 - u) mean gaps', () => {
  for (const [ratePerSecond, random, wanted] of [
    [1000, [meanGap], [11, 12, 13]],
    [10, [meanGap], [110, 210, 310]],
    [1000, [0], [10, 10, 10]],
    [1000, [1 - 1 / Math.E ** 2, meanGap], [12, 13, 15]],
  ] as const) {
    const pacer = new PoissonPacer({ ratePerSecond, startMs: 10, random: given(random) });
    const due = wanted.map(() => {
      const at = Math.round(pacer.dueMs[0] * 1e6) / 1e6;
      pacer.advance();
      return at;
    });
    assert.deepEqual(due, wanted);
  }
});

test('PoissonPacer keeps its rate, and its gaps are as spread as they are long', () => {
  const pacer = new PoissonPacer({ ratePerSecond: 5000, startMs: 0, random: seededRandom(42, 'arrivals') });
  const gaps: number[] = [];
  for (let previous = 0; gaps.length < 100_000; pacer.advance()) {
    gaps.push(pacer.dueMs[0] - previous);
    previous = pacer.dueMs[0];
  }
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  assert.ok(Math.abs(mean - 0.2) < 0.002, `mean gap ${mean} ms`);
  assert.ok(Math.abs(deviation / mean - 1) < 0.02, `deviation ${deviation} ms`);
});

test('PoissonPacer is its seed', () => {
  const due = (seed: number): number[] => {
    const pacer = new PoissonPacer({
      ratePerSecond: 100,
      startMs: 0,
      random: seededRandom(seed, 'arrivals'),
    });
    return Array.from({ length: 5 }, () => {
      pacer.advance();
      return pacer.dueMs[0];
    });
  };
  assert.deepEqual(due(7), due(7));
  assert.notDeepEqual(due(7), due(8));
});

test('waitUs() wakes earlier by as much as wake-ups were late', () => {
  const alarm = new Alarm(100);
  assert.equal(alarm.waitUs(1000), 1000);
  for (let round = 0; round < 100; round++) alarm.rang(alarm.waitUs(1000) + 60);
  assert.ok(Math.abs(alarm.waitUs(1000) - 940) <= 1);
  assert.equal(alarm.waitUs(50), 0);
});

test('rang() learns nothing from what ended early, and little from a busy machine', () => {
  const alarm = new Alarm(100);
  alarm.waitUs(1000);
  alarm.rang(200);
  assert.equal(alarm.waitUs(1000), 1000);
  for (let round = 0; round < 100; round++) alarm.rang(alarm.waitUs(1000) + 50_000);
  assert.ok(alarm.waitUs(1000) >= 900);
});

test('waitUs() of an alarm that may not be early is the time that is left', () => {
  const alarm = new Alarm(0);
  for (let round = 0; round < 100; round++) alarm.rang(alarm.waitUs(1000) + 60);
  assert.equal(alarm.waitUs(1000), 1000);
});
