/** All claims of the papers, as `stampede simulate papers` runs them: each within its tolerance, and honest of its basis. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missText } from '../../simulator/papers/claim.ts';
import { claims } from '../../simulator/papers/claims.ts';
import { testClaims } from '../../simulator/papers/papers.ts';

const listed =
  'C01 C02 C03 C05 C06 C07 C08 C10 C11 C13 C14 C15 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28 C29 C30 C31 C33 C34 C37 C38 C40 C41';

test('every claim is there, once, in order', () => {
  assert.deepEqual(
    claims.map(({ id }) => id),
    listed.split(' '),
  );
});

test('every claim is within its tolerance, most of its figures are predicted, and none but a bound is infinite', () => {
  const seed = 1;
  const { claims: judged } = testClaims(claims, seed);
  const misses = judged.flatMap((claim) =>
    claim.verdict === 'within' ? [] : [`${claim.id}: ${missText(claim)}`],
  );
  assert.deepEqual(misses, [], `seed ${seed}`);
  const checks = judged.flatMap((claim) => claim.checks);
  const predicted = checks.filter(({ basis }) => basis === 'predicted').length;
  assert.ok(predicted > checks.length * 0.7, `${predicted} of ${checks.length}`);
  for (const { figure, simulated } of checks) assert.ok(Number.isFinite(simulated), figure);
});

test('curves are simulated when they are asked for', () => {
  const some = claims.filter(({ id }) => ['C30', 'C41'].includes(id));
  assert.deepEqual(testClaims(some, 1).curves, []);
  const { curves } = testClaims(some, 1, { curves: true });
  assert.deepEqual(
    curves.map(({ chart }) => chart),
    ['nsl.fig8', 'affinity.migration'],
  );
  for (const { chart, name, simulated } of curves)
    assert.ok(simulated.length > 1 && simulated.every(([, y]) => Number.isFinite(y)), `${chart} ${name}`);
});
