/** How a claim is judged. The claims themselves are put to the test in `papers.test.ts`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Check,
  type Claim,
  judgeClaim,
  missText,
  type Tolerance,
  toleranceText,
} from '../../simulator/papers/claim.ts';

function check(simulated: number, tolerance: Tolerance, published = 10): Check {
  return { figure: 'x', published, simulated, unit: '', tolerance, basis: 'predicted' };
}

function judged(...checks: Check[]) {
  const claim: Claim = {
    id: 'C00',
    says: '',
    source: '',
    why: 'because',
    simulate: () => ({ checks }),
  };
  return judgeClaim(claim, { checks });
}

for (const [tolerance, within, outside, text] of [
  [{ kind: 'relative', share: 0.1 }, [9, 11, 10], [8.99, 11.01, Number.NaN, Infinity], '±10 %'],
  [{ kind: 'absolute', by: 2 }, [8, 12], [7.9, 12.1], '±2'],
  [{ kind: 'absolute', by: 0 }, [10], [9, 11], 'exact'],
  [{ kind: 'between', low: 1, high: 3 }, [1, 3], [0.9, 3.1, 10], '1 to 3'],
  [{ kind: 'at-least', low: 10 }, [10, 99, Infinity], [9.9, Number.NaN], '≥ 10'],
  [{ kind: 'at-most', high: 1.5 }, [1.5, 0], [1.6, Number.NaN], '≤ 1.5'],
] as const)
  test(`judgeClaim() keeps the tolerance ${text}`, () => {
    for (const value of within) assert.equal(judged(check(value, tolerance)).verdict, 'within', `${value}`);
    for (const value of outside) assert.equal(judged(check(value, tolerance)).verdict, 'outside', `${value}`);
    assert.equal(toleranceText(tolerance), text);
  });

test('judgeClaim(): one check out of tolerance is enough, and says why', () => {
  const both = judged(
    check(10, { kind: 'relative', share: 0.1 }),
    check(20, { kind: 'relative', share: 0.1 }),
  );
  assert.equal(both.verdict, 'outside');
  assert.equal(both.why, 'because');
  assert.equal(missText(both), 'x is 20, published 10, wanted ±10 %.');
  assert.deepEqual(
    both.checks.map(({ verdict, relativeError }) => [verdict, relativeError]),
    [
      ['within', 0],
      ['outside', 1],
    ],
  );
  assert.equal(judged(check(10, { kind: 'absolute', by: 0 })).why, null);
});

test('judgeClaim(): a claim that checks nothing is a mistake; nothing published as 0 has a relative error', () => {
  assert.throws(() => judged(), /checks nothing/);
  assert.equal(judged(check(0, { kind: 'absolute', by: 0 }, 0)).checks[0].relativeError, null);
});
