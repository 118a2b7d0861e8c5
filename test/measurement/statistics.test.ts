/** Statistics of small samples: known values, and seeded simulations of what the intervals promise. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forecastMore } from '../../measurement/forecast.ts';
import {
  differenceInterval,
  freedomOf,
  type LocationInterval,
  location,
  locationInterval,
} from '../../measurement/location.ts';
import { seededRandom } from '../../measurement/random.ts';
import { holm, jainFairness, median } from '../../measurement/statistics.ts';
import { studentQuantile, studentTail } from '../../measurement/student.ts';

test('median() is the middle value, or the mean of the two in the middle', () => {
  assert.equal(median([]), null);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('jainFairness() is 1 when even, 1/n when one has all, null when there is nothing', () => {
  assert.equal(jainFairness([5, 5, 5, 5]), 1);
  assert.equal(jainFairness([8, 0, 0, 0]), 0.25);
  assert.equal(jainFairness([0, 0]), null);
  assert.equal(jainFairness([]), null);
});

test('holm() steps down and stops at the first that does not stand', () => {
  assert.deepEqual(holm([0.01, 0.04, 0.03, 0.005], 0.05), [true, false, false, true]);
  assert.deepEqual(holm([0.02, 0.02], 0.05), [true, true]);
  assert.deepEqual(holm([], 0.05), []);
});

test('studentTail() and studentQuantile() agree with the tables', () => {
  const quantiles: readonly (readonly [number, number, number])[] = [
    [0.975, 1, 12.706],
    [0.975, 7, 2.3646],
    [0.975, 9, 2.2622],
    [0.9995, 7, 5.4079],
    [0.95, 30, 1.6973],
    [0.975, 1000, 1.9623],
  ];
  for (const [probability, degrees, expected] of quantiles)
    assert.ok(Math.abs(studentQuantile(probability, degrees) / expected - 1) < 1e-4);
  assert.ok(Math.abs(studentTail(2.3646, 7) - 0.05) < 1e-5);
  assert.equal(studentTail(Number.POSITIVE_INFINITY, 7), 0);
});

test('location() leaves out the lowest and the highest of ten, and nothing of nine', () => {
  assert.equal(location([-1000, 1, 2, 3, 4, 5, 6, 7, 8, 1000])?.estimate, 4.5);
  assert.equal(location([1, 2, 3, 4, 5, 6, 7, 8, 9])?.estimate, 5);
  assert.equal(location([1]), null);
});

test('locationInterval() of one value repeated is that value', () => {
  const interval = locationInterval(Array(10).fill(0.02), { confidence: 0.95, random: seededRandom(1) });
  assert.deepEqual(
    [interval?.low, interval?.high, interval?.pValue],
    [interval?.estimate, interval?.estimate, 0],
  );
  assert.ok(Math.abs((interval?.estimate ?? 0) - 0.02) < 1e-12);
});

test('locationInterval() depends on its seed alone', () => {
  const sample = [0.1, 0.3, 0.2, 0.15, 0.22, 0.31, 0.18, 0.27, 0.11, 0.2];
  const once = () => locationInterval(sample, { confidence: 0.95, random: seededRandom(4) });
  assert.deepEqual(once(), once());
});

type Noise = (random: () => number) => number;
const gauss: Noise = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Noise of the logarithm of a ratio, as seen between trials: plain, with heavy tails, and with ruined blocks. */
const noises: Readonly<Record<string, Noise>> = {
  normal: (random) => 0.03 * gauss(random),
  'heavy-tailed (t, 3 degrees)': (random) =>
    (0.03 * gauss(random)) / Math.sqrt((gauss(random) ** 2 + gauss(random) ** 2 + gauss(random) ** 2) / 3),
  'one block in ten off by 20 %': (random) =>
    0.02 * gauss(random) + (random() < 0.1 ? (random() < 0.5 ? -0.2 : 0.2) : 0),
};

/** Share of intervals that hold the truth. */
function coverage(
  samples: number,
  make: (random: () => number) => LocationInterval | null,
  truth: number,
): number {
  const random = seededRandom(20_251_121, 'coverage');
  let covered = 0;
  for (let sample = 0; sample < samples; sample++) {
    const interval = make(random);
    if (interval !== null && interval.low <= truth && truth <= interval.high) covered++;
  }
  return covered / samples;
}

for (const [name, noise] of Object.entries(noises)) {
  test(`locationInterval() of ten blocks covers the truth as often as it says, noise ${name}`, () => {
    const truth = 0.05;
    const covered = coverage(
      1500,
      (random) =>
        locationInterval(
          Array.from({ length: 10 }, () => truth + noise(random)),
          { confidence: 0.95, random, resamples: 599 },
        ),
      truth,
    );
    // 1500 samples: ± 1.7 % is three standard errors.
    assert.ok(covered >= 0.933 && covered <= 0.99, `covered ${(covered * 100).toFixed(1)} %`);
  });

  test(`locationInterval() keeps its p-value honest at 5 %, 1 % and 0.1 %, noise ${name}`, () => {
    const random = seededRandom(7, `p ${name}`);
    const levels = [0.05, 0.01, 0.001];
    const found = levels.map(() => 0);
    const samples = 60_000;
    for (let sample = 0; sample < samples; sample++) {
      const own = location(Array.from({ length: 10 }, () => noise(random)));
      const pValue = own === null ? 1 : studentTail(own.estimate / own.standardError, freedomOf(10));
      for (const [index, level] of levels.entries()) if (pValue <= level) found[index]++;
    }
    for (const [index, level] of levels.entries()) {
      const rate = found[index] / samples;
      assert.ok(rate <= level * 1.25 + 3 * Math.sqrt(level / samples), `${rate} at ${level}`);
    }
  });
}

test('differenceInterval() of two runs of ten blocks covers the truth as often as it says', () => {
  const sample = (random: () => number, center: number) =>
    Array.from({ length: 10 }, () => center + 0.03 * gauss(random));
  const covered = coverage(
    1000,
    (random) =>
      differenceInterval(sample(random, 0.3), sample(random, 0.2), {
        confidence: 0.95,
        random,
        resamples: 599,
      }),
    0.1,
  );
  assert.ok(covered >= 0.93 && covered <= 0.985, `covered ${(covered * 100).toFixed(1)} %`);
});

test('forecastMore() asks for blocks that then decide, four times in five or more often', () => {
  const random = seededRandom(5, 'forecast');
  const confidence = { confidence: 0.95, correctedConfidence: 0.95 };
  const more = forecastMore({
    size: 10,
    estimate: 0.025,
    standardError: 0.03 / Math.sqrt(10),
    ...confidence,
    zone: 0.05,
    leastSize: 10,
  });
  assert.ok(more !== null && more >= 2 && more <= 20, String(more));
  let decided = 0;
  for (let run = 0; run < 300; run++) {
    const interval = locationInterval(
      Array.from({ length: 10 + more }, () => 0.025 + 0.03 * gauss(random)),
      { confidence: 0.95, random, resamples: 299 },
    );
    if (interval !== null && (interval.low > 0 || interval.high < 0.05)) decided++;
  }
  assert.ok(decided / 300 > 0.72, `${decided} of 300`);
});

test('forecastMore() says null when no reasonable number would do, and at least one otherwise', () => {
  const undecided = { size: 10, confidence: 0.95, correctedConfidence: 0.95, zone: 0.05, leastSize: 10 };
  assert.equal(forecastMore({ ...undecided, estimate: 0.0499, standardError: 0.9 }), null);
  assert.equal(forecastMore({ ...undecided, estimate: 0.5, standardError: 0.001 }), 1);
  assert.equal(forecastMore({ ...undecided, size: 5, estimate: 0.5, standardError: 0.001 }), 5);
});
