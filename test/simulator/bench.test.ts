/** The bench of the simulator, run small so that it cannot rot. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Figure } from '../../bench/runner/figure.ts';

test('bench/simulator says its figures in the fixed form', () => {
  const program = fileURLToPath(new URL('../../bench/simulator.js', import.meta.url));
  const said = execFileSync(process.execPath, [program, '--small', '--json'], { encoding: 'utf8' });
  const figures = said
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Figure);
  assert.deepEqual(
    figures.map(({ bench, figure, unit }) => [bench, figure, unit]),
    [
      ['simulator', 'queue of 10000 events', 'events/s'],
      ['simulator', '2,000 connections on 4 cores', 'events/s'],
      ['simulator', 'time for 2,000 connections on 4 cores', 's'],
    ],
  );
  for (const { value, figure } of figures) assert.ok(value !== null && value > 0, figure);
});
