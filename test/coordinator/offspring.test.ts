/** Processes of a run: where they run, and that they do not outlive it. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { dyingWithUs, keptOn } from '../../coordinator/offspring.ts';

test('keptOn() keeps a program on the cores named, also when it dies with us', () => {
  const [program, ...rest] = dyingWithUs(keptOn([0], ['grep', 'Cpus_allowed_list', '/proc/self/status']));
  assert.match(execFileSync(program as string, rest, { encoding: 'utf8' }), /^Cpus_allowed_list:\s*0\n$/);
});

test('keptOn() leaves a program anywhere when no cores are named', () => {
  assert.deepEqual(keptOn([], ['true']), ['true']);
});
