/** Percentiles, the interval over seeds, and the end of the warm-up, against what they have to be. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomStream } from '../../simulator/random.ts';
import {
  intervalOf,
  meanOf,
  percentileOf,
  standardDeviationOf,
  warmUpLength,
} from '../../simulator/statistics.ts';

test('percentileOf() is the nearest rank', () => {
  const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(percentileOf(sorted, 0.5), 50);
  assert.equal(percentileOf(sorted, 0.99), 99);
  assert.equal(percentileOf(sorted, 1), 100);
  assert.equal(percentileOf(sorted, 0), 1);
  assert.equal(percentileOf([7], 0.99), 7);
});

test('standardDeviationOf() divides by n − 1', () => {
  assert.equal(meanOf([2, 4, 4, 4, 5, 5, 7, 9]), 5);
  assert.ok(Math.abs(standardDeviationOf([2, 4, 4, 4, 5, 5, 7, 9]) - Math.sqrt(32 / 7)) < 1e-12);
  assert.equal(standardDeviationOf([3]), 0);
});

test('intervalOf() covers the true mean 95 times of 100, and is a point for one value', () => {
  const { uniform } = randomStream(9, 'interval');
  const rounds = 4000;
  let covered = 0;
  for (let round = 0; round < rounds; round++) {
    // Twelve uniform numbers: nearly normal.
    const values = Array.from({ length: 5 }, () => {
      let sum = 0;
      for (let draw = 0; draw < 12; draw++) sum += uniform();
      return sum;
    });
    const { low, high } = intervalOf(values);
    if (low <= 6 && 6 <= high) covered++;
  }
  assert.ok(Math.abs(covered / rounds - 0.95) < 0.012, `covered ${covered} of ${rounds} (seed 9)`);
  assert.deepEqual(intervalOf([4]), { mean: 4, low: 4, high: 4 });
});

test('warmUpLength() cuts a start that differs, nothing of a steady series, and never more than half', () => {
  const { uniform } = randomStream(10, 'warm-up');
  const steady = Array.from({ length: 1000 }, () => uniform());
  assert.ok(warmUpLength(steady) <= 100, `${warmUpLength(steady)}`);
  const started = steady.map((value, index) => value + (index < 200 ? 5 * (1 - index / 200) : 0));
  const cut = warmUpLength(started);
  assert.ok(cut >= 150 && cut <= 300, `${cut}`);
  const rising = steady.map((_, index) => index);
  assert.equal(warmUpLength(rising), 500);
  assert.equal(warmUpLength([]), 0);
});
