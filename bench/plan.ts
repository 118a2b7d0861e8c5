/**
 * `npm run bench -- plan [--json] [--small]`: how long `stampede plan` takes for a scenario of 10,000 trials, the start of
 * the process included, against the second it may take.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchOptions, medianOf, ratioOf, report } from './runner/figure.ts';

const limitSeconds = 1;
const options = benchOptions();
const trials = options.small ? 1_000 : 10_000;
const rounds = options.small ? 3 : 11;

const folder = mkdtempSync(join(tmpdir(), 'stampede-bench-'));
try {
  const path = join(folder, 'many.yaml');
  const factors = { variant: ['single-queue', 'reuseport'], concurrency: [16, 32, 64, 128, 256] };
  const scenario = { name: 'many', blocks: trials / 10, factors, agents: { sourceAddresses: 64 } };
  writeFileSync(path, JSON.stringify(scenario));
  const seconds = Array.from({ length: rounds }, () => planOnce(path));
  report(
    {
      bench: 'plan',
      figure: `plan of ${trials} trials`,
      value: medianOf(seconds),
      unit: 's',
      against: `the ${limitSeconds} s it may take`,
      ratio: ratioOf(seconds.map((each) => each / limitSeconds)),
      pairs: rounds,
      note: 'wall time of the whole process, JSON printed',
    },
    options,
  );
} finally {
  rmSync(folder, { recursive: true });
}

function planOnce(scenario: string): number {
  const stampede = fileURLToPath(new URL('../cli/stampede.js', import.meta.url));
  const began = performance.now();
  const printed = execFileSync(process.execPath, [stampede, 'plan', scenario, '--json'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const seconds = (performance.now() - began) / 1000;
  const plan = JSON.parse(printed) as { trials: unknown[] };
  if (plan.trials.length !== trials)
    throw new Error(`${plan.trials.length} trials were planned, not ${trials}`);
  return seconds;
}
