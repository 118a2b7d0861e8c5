/** `stampede report` and `stampede compare` as processes: what they print and how they end. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { comparisonSchema } from '../../protocol/comparison-record.ts';
import { type SyntheticOptions, writeSyntheticRun } from './synthetic-run.ts';

const program = fileURLToPath(new URL('../../cli/stampede.js', import.meta.url));

let scratch = '';
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stampede-commands-'));
});
after(async () => {
  await rm(scratch, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function stampede(...argv: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...argv], { timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function run(name: string, options: SyntheticOptions = {}): Promise<string> {
  const { path } = await writeSyntheticRun(join(scratch, name), options);
  return path;
}

const faster = { reuseport: { rate: 23_100 } };

test('stampede report prints the table and where the page is; --json prints comparison.json', async () => {
  const path = await run('plain', { truths: faster });
  const told = await stampede('report', path);
  assert.equal(told.status, 0, told.stderr);
  assert.match(told.stdout, /connections\/s .* better/);
  assert.ok(told.stdout.trimEnd().endsWith(join(path, 'report.html')));
  const json = await stampede('report', path, '--json');
  const comparison = comparisonSchema.parse(JSON.parse(json.stdout));
  assert.equal(comparison.rows[0].verdict, 'better');
});

test('stampede report ends with 1 when a threshold is broken, with 2 when there is no run', async () => {
  const scenario = { thresholds: [{ metric: 'connectionsPerSecond', min: 1e6 }] };
  assert.equal((await stampede('report', await run('broken', { scenario }))).status, 1);
  const missing = await stampede('report', join(scratch, 'nowhere'));
  assert.equal(missing.status, 2);
  assert.match(
    missing.stderr,
    /Cannot report on ".*nowhere": it has no scenario\.yaml; wanted the folder of a run/,
  );
});

test('stampede compare says that verdicts agree and nothing moved, and what differs around the runs', async () => {
  const first = await run('monday', { truths: faster, blockNoise: 0.005, noise: 0.01 });
  const second = await run('tuesday', { truths: faster, blockNoise: 0.005, noise: 0.01, seed: 2 });
  const environment = JSON.parse(await readFile(join(second, 'environment.json'), 'utf8')) as {
    kernel: { release: string };
  };
  environment.kernel.release = '6.19.1';
  await writeFile(join(second, 'environment.json'), JSON.stringify(environment));
  const told = await stampede('compare', first, second);
  assert.equal(told.status, 0, told.stderr);
  assert.match(told.stdout, /verdicts: \d+ of 11 agree, \d+ are decided in one run only, 0 contradict/);
  assert.match(told.stdout, /reuseport: connections\/s .* same/);
  assert.match(told.stdout, /environments differ in 1 setting.*\n {2}kernel\.release: 6\.18\.0 → 6\.19\.1/);
});

test('stampede compare names a contradiction and a figure that moved', async () => {
  const first = await run('before', { truths: faster, blockNoise: 0.01 });
  const second = await run('after', { truths: { reuseport: { rate: 18_000 } }, blockNoise: 0.01, seed: 4 });
  const { stdout, status } = await stampede('compare', first, second, '--json');
  assert.equal(status, 0);
  const told = JSON.parse(stdout) as {
    verdicts: { metric: string; agreement: string }[];
    movements: { metric: string; variant: string; moved: string; ratio: number }[];
  };
  assert.equal(
    told.verdicts.find(({ metric }) => metric === 'connectionsPerSecond')?.agreement,
    'contradicts',
  );
  const rate = told.movements.find(
    ({ metric, variant }) => metric === 'connectionsPerSecond' && variant === 'reuseport',
  );
  assert.equal(rate?.moved, 'worse');
  assert.ok(Math.abs((rate?.ratio ?? 0) - 18_000 / 23_100) < 0.03);
});

test('stampede compare keeps the marks of bounds, and says of two bounds neither "same" nor more', async () => {
  const bounded = { 'single-queue': { loadIdle: 0.1 }, reuseport: { loadIdle: 0.1 } };
  const options = { truths: bounded, blockNoise: 0.001, noise: 0.002 };
  const first = await run('bounds', options);
  const second = await run('bounds-again', { ...options, seed: 2 });
  const { stdout } = await stampede('compare', first, second);
  assert.match(stdout, /reuseport: connections\/s +≥ 2\d\.\d k +≥ 2\d\.\d k .* ~\n/);
  assert.match(stdout, /reuseport: total latency, p50 +≤ \S+ ms +≤ \S+ ms .* ~\n/);
  assert.match(stdout, /reuseport: server CPU per connection +\d.* same\n/);
  const told = await stampede('report', first);
  assert.match(
    told.stdout,
    /\n\nThe load generator was the limit in 20 of 20 trials, .*\n\n.*report\.html\n$/,
  );
});

test('stampede compare ends with 2 when the runs have no cell in common', async () => {
  const first = await run('narrow', { scenario: { factors: { variant: ['single-queue'], concurrency: 8 } } });
  const second = await run('wide', { scenario: { factors: { variant: ['single-queue'], concurrency: 9 } } });
  const told = await stampede('compare', first, second);
  assert.equal(told.status, 2);
  assert.match(told.stderr, /no variant was measured under the same conditions in both/);
});

test('stampede report and compare have help with an example', async () => {
  for (const name of ['report', 'compare']) {
    const { stdout, status } = await stampede(name, '--help');
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`Example:\\n {2}\\$ stampede ${name} `));
  }
});
