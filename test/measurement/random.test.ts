/** Seeded randomness: repeatable, uniform, and split by label. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, shuffled } from '../../measurement/random.ts';

const draws = (count: number, random: () => number): number[] => Array.from({ length: count }, random);

test('seededRandom() gives the same numbers for the same seed and label, for ever', () => {
  assert.deepEqual(draws(100, seededRandom(7, 'order')), draws(100, seededRandom(7, 'order')));
  assert.deepEqual(
    draws(3, seededRandom(1)).map((value) => value.toFixed(9)),
    ['0.814795248', '0.868098148', '0.495029442'],
  );
});

test('seededRandom() gives unrelated numbers for another label, or another seed', () => {
  const streams = [seededRandom(7, 'order'), seededRandom(7, 'arrivals'), seededRandom(8, 'order')];
  const [order, arrivals, next] = streams.map((random) => draws(20_000, random)) as [
    number[],
    number[],
    number[],
  ];
  assert.ok(Math.abs(correlation(order, arrivals)) < 0.03);
  assert.ok(Math.abs(correlation(order, next)) < 0.03);
});

test('seededRandom() is uniform over [0, 1): chi-square of 64 cells over 640,000 draws', () => {
  const cells = new Float64Array(64);
  const random = seededRandom(42);
  for (let draw = 0; draw < 640_000; draw++) {
    const value = random();
    assert.ok(value >= 0 && value < 1);
    cells[Math.floor(value * 64)]! += 1;
  }
  const chiSquare = cells.reduce((sum, seen) => sum + (seen - 10_000) ** 2 / 10_000, 0);
  // 63 degrees of freedom: 0.1 % and 99.9 % quantiles.
  assert.ok(chiSquare > 34 && chiSquare < 104, `chi-square ${chiSquare}`);
});

test('seededRandom() fills all 53 bits: the lowest bit of the fraction is fair too', () => {
  const random = seededRandom(3);
  let ones = 0;
  for (let draw = 0; draw < 10_000; draw++) ones += (random() * 2 ** 53) % 2;
  assert.ok(Math.abs(ones - 5_000) < 200, `${ones} of 10,000`);
});

test('shuffled() leaves its list alone and makes every order of three as likely', () => {
  const random = seededRandom(11, 'shuffle');
  const list = ['a', 'b', 'c'] as const;
  const seen = new Map<string, number>();
  for (let draw = 0; draw < 12_000; draw++) {
    const order = shuffled(list, random).join('');
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assert.deepEqual(list, ['a', 'b', 'c']);
  assert.equal(seen.size, 6);
  for (const [order, count] of seen) assert.ok(Math.abs(count - 2_000) < 200, `${order}: ${count}`);
});

function correlation(left: readonly number[], right: readonly number[]): number {
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [leftMean, rightMean] = [mean(left), mean(right)];
  let [both, ofLeft, ofRight] = [0, 0, 0];
  for (let index = 0; index < left.length; index++) {
    const [x, y] = [left[index]! - leftMean, right[index]! - rightMean];
    both += x * y;
    ofLeft += x * x;
    ofRight += y * y;
  }
  return both / Math.sqrt(ofLeft * ofRight);
}
