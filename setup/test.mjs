/**
 * The tests, from what was built: `node setup/test.mjs [AREA…]` runs every built test file of test/, or only those areas.
 *
 * Three lanes run side by side, each file by file: in one what floods at full speed, or measures what a flood does; in another
 * what waits more than it works; in the third, at the lowest priority, what only computes, with whatever the others leave of the
 * cores. They report as one; the runner's summary is the last thing said.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec as Spec } from 'node:test/reporters';
import { computing, waiting } from './test-lanes.mjs';

const root = 'dist/test';
/** A file that hangs ends; on a slow machine the longest takes half of it. */
const longestMs = 300_000;

const wanted = process.argv.slice(2);
const areas = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && (wanted.length === 0 || wanted.includes(entry.name)))
  .map(({ name }) => name)
  .sort();
const lanes = [
  areas.filter((area) => !waiting.has(area) && !computing.has(area)),
  areas.filter((area) => waiting.has(area)),
  areas.filter((area) => computing.has(area)),
]
  .map((lane) => lane.flatMap((area) => testsIn(join(root, area))))
  .filter((files) => files.length > 0);
if (lanes.length === 0 || wanted.some((area) => !existsSync(join(root, area)))) {
  process.stderr.write(
    `Cannot run the tests: nothing in ${wanted.join(', ') || root}; wanted areas of test/.\n`,
  );
  process.exit(2);
}

process.env.NODE_OPTIONS = `--import ${new URL('./test-priority.mjs', import.meta.url)}`;
const startMs = performance.now();
const reporter = new Spec();
reporter.pipe(process.stdout);
const summary = new Map();
await Promise.all(lanes.map(runLane));
summary.set('duration_ms', performance.now() - startMs);
for (const [name, value] of summary)
  reporter.write({ type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${value}` } });
await new Promise((resolve) => {
  process.stdout.once('unpipe', resolve);
  reporter.end();
});
if (summary.get('fail') > 0 || summary.get('cancelled') > 0 || !(summary.get('pass') > 0))
  process.exitCode = 1;

/** What one lane says of a test, its subtests included, is passed on in one piece. */
async function runLane(files) {
  let piece = [];
  const tell = () => {
    for (const event of piece) reporter.write(event);
    piece = [];
  };
  for await (const event of run({ files, concurrency: 1, timeout: longestMs })) {
    const { nesting, message } = event.data ?? {};
    const [, name, value] = /^(\w+) ([\d.]+)$/.exec(message ?? '') ?? [];
    if (event.type === 'test:diagnostic' && nesting === 0 && name !== undefined) {
      summary.set(name, (summary.get(name) ?? 0) + Number(value));
      continue;
    }
    piece.push(event);
    if (nesting === 0 && (event.type === 'test:pass' || event.type === 'test:fail')) tell();
  }
  tell();
}

function testsIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return testsIn(path);
      return entry.name.endsWith('.test.js') ? [path] : [];
    })
    .sort();
}
