/**
 * The tests, from what was built: every built test file, file by file, as many at a time as do not disturb
 * each other's timing. `node setup/test.mjs [AREA…]` runs only those areas. The runner's summary is the last thing said.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = 'dist/test';
const wanted = process.argv.slice(2);
const areas = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && (wanted.length === 0 || wanted.includes(entry.name)))
  .map(({ name }) => name)
  .sort();

const files = areas.flatMap((area) => testsIn(join(root, area)));
if (files.length === 0 || wanted.some((area) => !existsSync(join(root, area)))) {
  process.stderr.write(
    `Cannot run the tests: nothing in ${wanted.join(', ') || root}; wanted areas of test/.\n`,
  );
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-reporter=spec', '--test-concurrency=1', '--test-timeout=300000', ...files],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;

function testsIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return testsIn(path);
      return entry.name.endsWith('.test.js') ? [path] : [];
    })
    .sort();
}
