/** The bench of plans, run small so that it cannot rot. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresOf } from '../bench/figures-of.ts';

test('bench/plan says its figure in the fixed form', async () => {
  const [figure] = await figuresOf('plan');
  assert.deepEqual(
    [figure.bench, figure.figure, figure.unit, figure.pairs],
    ['plan', 'plan of 1000 trials', 's', 3],
  );
  assert.ok(figure.value !== null && figure.value > 0);
  assert.ok(
    figure.ratio !== null &&
      figure.ratio.min <= figure.ratio.median &&
      figure.ratio.median <= figure.ratio.max,
  );
});
