/** The bench of the stack, run small so that it cannot rot. The figures themselves prove nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allParts } from '../../net/tcp/settings.ts';
import { figuresOf } from '../bench/figures-of.ts';

test('bench/stack says what the stack makes, with and without each part, and what is collected', async () => {
  const [total, ...rest] = await figuresOf('stack');
  assert.equal(total.figure, 'connections per second');
  assert.ok((total.value ?? 0) > 10_000, `${total.value} connections/s`);
  const collected = rest.pop();
  assert.match(collected?.figure ?? '', /^collections of garbage in/);
  assert.deepEqual(
    rest.map(({ against }) => against),
    [...['hotLine', ...Object.keys(allParts)].map((part) => `without ${part}`), 'with checksums'],
  );
  for (const { ratio, pairs } of rest) assert.ok(ratio !== null && ratio.min > 0 && pairs === 1);
});
