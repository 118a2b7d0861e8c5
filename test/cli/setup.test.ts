/** Set-up: nothing to do the second time, one command to run when not root. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { namespacesRefused } from '../../coordinator/labs/possible.ts';

// Set-up builds into dist/: only there it has nothing to do.
const elsewhere = fileURLToPath(import.meta.url).includes('/dist/')
  ? false
  : 'the tests are not those of dist/';

test('setup.mjs does nothing the second time, in less than 2 s', { skip: elsewhere }, () => {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, ['setup.mjs'], { encoding: 'utf8' });
  const tookMs = performance.now() - began;
  assert.deepEqual([status, stdout], [0, '']);
  assert.doesNotMatch(stderr, /building|node packages/);
  assert.ok(tookMs < 2_000, `it took ${tookMs} ms`);
});

const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

/** Why another user cannot be played here; false when it can. */
function cannotBeNobody(): string | false {
  const refused = namespacesRefused();
  if (refused !== null) return refused;
  const [program = '', ...rest] = [
    ...asNobody,
    process.execPath,
    '-e',
    "require('fs').readFileSync('setup.mjs')",
  ];
  return spawnSync(program, rest).status === 0 ? false : 'another user cannot read this folder';
}

test('setup.mjs names the one command to run when a program is missing and it is not root', {
  skip: cannotBeNobody(),
}, () => {
  // In a mount namespace of its own, redis-server is nothing that can be run.
  const hide = 'mount --bind /dev/null "$(readlink -f "$(command -v redis-server)")" && ';
  const setUp = `exec ${asNobody.join(' ')} '${process.execPath}' setup.mjs`;
  const { status, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', hide + setUp], {
    encoding: 'utf8',
  });
  assert.equal(status, 2, stderr);
  assert.match(
    stderr,
    /^Cannot set up Stampede: redis-server is missing, and installing it needs root\. Run: sudo sh -c 'apt-get update && apt-get install --no-install-recommends redis-server'$/m,
  );
});
