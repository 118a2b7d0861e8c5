/** The bench of plans, run small so that it cannot rot. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Figure } from '../../bench/runner/figure.ts';

test('bench/plan says its figure in the fixed form', () => {
  const program = fileURLToPath(new URL('../../bench/plan.js', import.meta.url));
  const said = execFileSync(process.execPath, [program, '--small', '--json'], { encoding: 'utf8' });
  const figure = JSON.parse(said) as Figure;
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
