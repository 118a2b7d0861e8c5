/** `npm ci`, when there are no packages or the lock has changed since. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { runProgram, say } from './run-program.mjs';

const stamp = 'node_modules/.stampede-lock';

export function installNodePackages() {
  const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('installing node packages');
  if (!runProgram('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])) {
    throw new Error(
      'Cannot install the node packages: "npm ci" failed; see above. Wanted a registry that npm can reach (npm config get registry).',
    );
  }
  writeFileSync(stamp, lock);
}
