/** The draws of a simulation against the moments of their distributions. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomStream } from '../../simulator/random.ts';

const draws = 200_000;

test('exponential() has the mean, the variance and the tail of its distribution', () => {
  const stream = randomStream(11, 'test');
  let [sum, squares, over] = [0, 0, 0];
  for (let index = 0; index < draws; index++) {
    const value = stream.exponential(4);
    assert.ok(value >= 0 && Number.isFinite(value));
    sum += value;
    squares += value * value;
    if (value > 12) over++;
  }
  const mean = sum / draws;
  assert.ok(Math.abs(mean / 4 - 1) < 0.01, `mean ${mean}`);
  assert.ok(Math.abs((squares / draws - mean * mean) / 16 - 1) < 0.03, 'variance');
  assert.ok(Math.abs(over / draws / Math.exp(-3) - 1) < 0.05, 'tail');
});

test('below() draws every whole number below its bound as often', () => {
  const stream = randomStream(12, 'test');
  const counts = new Array(7).fill(0);
  for (let index = 0; index < draws; index++) counts[stream.below(7)]++;
  for (const count of counts) assert.ok(Math.abs((count * 7) / draws - 1) < 0.03, String(counts));
});

test('randomStream() repeats with its seed, and differs by label', () => {
  const three = (seed: number, label: string) => {
    const { uniform } = randomStream(seed, label);
    return [uniform(), uniform(), uniform()];
  };
  assert.deepEqual(three(5, 'service'), three(5, 'service'));
  assert.notDeepEqual(three(5, 'service'), three(5, 'arrivals'));
  assert.notDeepEqual(three(5, 'service'), three(6, 'service'));
});
