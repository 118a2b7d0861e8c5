/** The bench of the simulator, run small so that it cannot rot. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresOf } from '../bench/figures-of.ts';

test('bench/simulator says its figures in the fixed form', async () => {
  const figures = await figuresOf('simulator');
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
