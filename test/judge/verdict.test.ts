/** From an interval to one of four words, as a table. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide, type Judged, zoneOf } from '../../coordinator/judge/verdict.ts';

const unbiased = { understated: false, overstated: false };
const understated = { understated: true, overstated: false };
const overstated = { understated: false, overstated: true };

/** Smallest difference 5 %: the zone is 0.95 to 1.0526. */
const plain: Judged = {
  low: 1.06,
  high: 1.09,
  better: 'higher',
  smallestDifference: 0.05,
  blocks: 10,
  standsCorrected: true,
  comparisons: 11,
  variantBias: unbiased,
  baselineBias: unbiased,
};

const table: readonly (readonly [string, Partial<Judged>, string, RegExp | null])[] = [
  ['the interval lies above 1 and higher is better', {}, 'better', null],
  ['the interval lies above 1 and lower is better', { better: 'lower' }, 'worse', null],
  ['the interval lies below 1', { low: 0.8, high: 0.9 }, 'worse', null],
  ['the interval straddles the edge of the zone but not 1', { low: 1.01, high: 1.2 }, 'better', null],
  ['the interval lies in the zone', { low: 0.97, high: 1.04 }, 'equivalent', null],
  ['the interval lies in the zone and excludes 1', { low: 1.01, high: 1.03 }, 'equivalent', null],
  ['the interval ends exactly at the zone', { low: 0.95, high: 1 / 0.95 }, 'equivalent', null],
  ['the interval holds 1 and leaves the zone', { low: 0.9, high: 1.02 }, 'inconclusive', null],
  ['there are nine blocks', { blocks: 9 }, 'inconclusive', /9 blocks were measured; 10 are wanted/],
  ['nine blocks look equivalent', { blocks: 9, low: 0.99, high: 1.01 }, 'inconclusive', /10 are wanted/],
  ['Holm says no', { standsCorrected: false }, 'inconclusive', /all 11 comparisons/],
  [
    'Holm says no but it is equivalent',
    { standsCorrected: false, low: 0.99, high: 1.01 },
    'equivalent',
    null,
  ],
  ['the variant was held back and still leads', { variantBias: understated }, 'better', null],
  [
    'the variant was held back and trails',
    { variantBias: understated, low: 0.7, high: 0.8 },
    'inconclusive',
    /no "worse" is claimed: the variant's figure is a bound/,
  ],
  [
    'the variant was held back and looks equivalent',
    { variantBias: understated, low: 0.99, high: 1.01 },
    'inconclusive',
    /no "equivalent" is claimed/,
  ],
  [
    'the baseline was held back and trails',
    { baselineBias: understated },
    'inconclusive',
    /no "better" is claimed: the baseline's figure is a bound/,
  ],
  ['the baseline was held back and leads', { baselineBias: understated, low: 0.7, high: 0.8 }, 'worse', null],
  [
    'both were held back',
    { variantBias: understated, baselineBias: understated, low: 0.7, high: 0.8 },
    'inconclusive',
    /no "worse"/,
  ],
  [
    'the variant missed starts and leads',
    { variantBias: overstated, better: 'lower', low: 0.7, high: 0.8 },
    'inconclusive',
    /the variant's figure flatters it/,
  ],
  ['the variant missed starts and trails', { variantBias: overstated, better: 'lower' }, 'worse', null],
  ['the baseline missed starts and trails', { baselineBias: overstated }, 'better', null],
  [
    'the baseline missed starts and leads',
    { baselineBias: overstated, low: 0.7, high: 0.8 },
    'inconclusive',
    /the baseline's figure flatters it/,
  ],
];

for (const [name, change, verdict, note] of table) {
  test(`decide() is "${verdict}" when ${name}`, () => {
    const decision = decide({ ...plain, ...change });
    assert.equal(decision.verdict, verdict);
    if (note === null) assert.deepEqual(decision.notes, []);
    else assert.match(decision.notes.join('; '), note);
  });
}

test('zoneOf() is the same when the variants change places', () => {
  const { low, high } = zoneOf(0.05);
  assert.equal(1 / low, high);
});
