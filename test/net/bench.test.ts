/** The bench of the stack, run small so that it cannot rot. The figures themselves prove nothing. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Figure } from '../../bench/runner/figure.ts';
import { allParts } from '../../net/tcp/settings.ts';

test('bench/stack says what the stack makes, with and without each part, and what is collected', async () => {
  const program = fileURLToPath(new URL('../../bench/stack.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--small', '--json']);
  const figures = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Figure);
  const [total, ...rest] = figures;
  assert.equal(total.figure, 'connections per second');
  assert.ok((total.value ?? 0) > 1_000, `${total.value} connections/s`);
  const collected = rest.pop();
  assert.match(collected?.figure ?? '', /^collections of garbage in/);
  assert.deepEqual(
    rest.map(({ against }) => against),
    [...['hotLine', ...Object.keys(allParts)].map((part) => `without ${part}`), 'with checksums'],
  );
  for (const { ratio, pairs } of rest) assert.ok(ratio !== null && ratio.min > 0 && pairs === 1);
});
