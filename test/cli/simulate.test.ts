/** `stampede simulate` as a person or a script meets it: its JSON, its tables, its pages, and what it refuses. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { writeSyntheticRun } from '../report/synthetic-run.ts';
import { folderFor, stampede } from './stampede-process.ts';

async function json(...parameters: string[]): Promise<Record<string, unknown>> {
  const { status, stdout, stderr } = await stampede('simulate', ...parameters, '--json');
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

for (const subcommand of ['papers', 'explain', 'calibrate', 'queue', 'lock'])
  test(`stampede simulate ${subcommand} --help says what it does, with an example`, async () => {
    const { status, stdout, stderr } = await stampede('simulate', subcommand, '--help');
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`^Usage: stampede simulate ${subcommand} `));
    assert.match(stdout, /Examples?:\n.*stampede simulate/s);
  });

const few = ['--connections', '500', '--seeds', '2'];

test('stampede simulate --json prints a row a number of cores, with the fixed fields', async () => {
  const { machine, design, rows } = (await json(
    '--machine=x5560',
    '--design=stock',
    '--transactions=10',
    '--bytes=64',
    '--cores=1..2',
    '--concurrency=96',
    '--workload=rpc',
    ...few,
  )) as { machine: string; design: string; rows: Record<string, number>[] };
  assert.deepEqual([machine, design, rows.map(({ cores }) => cores)], ['x5560', 'stock', [1, 2]]);
  for (const row of rows) {
    assert.deepEqual(Object.keys(row), [
      'cores',
      'transactions',
      'bytes',
      'connectionsPerSecond',
      'transactionsPerSecond',
      'gigabitsPerSecond',
      'cyclesPerConnection',
      'missesPerConnection',
      'lockWaitShare',
      'latencySeconds',
      'low',
      'high',
    ]);
    assert.deepEqual(Object.keys(row.latencySeconds), ['mean', 'p50', 'p99', 'max', 'standardDeviation']);
    assert.ok(row.low <= row.connectionsPerSecond && row.connectionsPerSecond <= row.high);
    assert.ok(Math.abs(row.transactionsPerSecond / row.connectionsPerSecond / 10 - 1) < 0.1);
  }
  assert.equal(rows[0].lockWaitShare, 0);
});

test('stampede simulate prints the same JSON for the same seed, and a table says that nothing was measured', async () => {
  const asked = ['simulate', '--cores=2', '--concurrency=64', ...few];
  const [first, second] = [await stampede(...asked, '--json'), await stampede(...asked, '--json')];
  assert.equal(first.stdout, second.stdout);
  const table = await stampede(...asked);
  assert.match(table.stdout, /^stock on x5560 \(simulated, not measured\)\ncores {2}connections\/s/);
});

test('stampede simulate --rate: what came, what was dropped; not together with --concurrency', async () => {
  const asked = ['--design=user-level', '--rate=20000', ...few];
  const { rows } = (await json(...asked)) as { rows: Record<string, number>[] };
  assert.deepEqual(
    rows.map(({ ratePerSecond, dropsPerSecond }) => [ratePerSecond, dropsPerSecond]),
    [[20_000, 0]],
  );
  assert.ok(Math.abs(rows[0].connectionsPerSecond / 20_000 - 1) < 0.15, JSON.stringify(rows));
  assert.match((await stampede('simulate', ...asked)).stdout, /drops\/s\n.* 0\n/);
  const both = await stampede('simulate', ...asked, '--concurrency=10');
  assert.equal(both.status, 2);
  assert.match(both.stderr, /give one of them/);
});

test('stampede simulate --service exponential varies what fixed does not; another one ends with status 2', async () => {
  const rowOf = async (service: string): Promise<unknown> =>
    (await json(`--service=${service}`, '--workload=http', '--concurrency=8', ...few)).rows;
  assert.deepEqual(await rowOf('fixed'), (await json('--workload=http', '--concurrency=8', ...few)).rows);
  assert.notDeepEqual(await rowOf('exponential'), await rowOf('fixed'));
  const { status, stderr } = await stampede('simulate', '--service=normal');
  assert.equal(status, 2);
  assert.match(stderr, /fixed, exponential/);
});

test('stampede simulate --interrupts one-core --rps hands packets on, which explain shows; without one-core it is refused', async () => {
  const placed = ['--interrupts=one-core', '--rps', ...few];
  const { lines } = (await json('explain', 'reuseport', 'fastsocket', '--cores=4', ...placed)) as {
    lines: { of: string; from: number }[];
  };
  // Four packets a connection of one request, of 800 cycles.
  const handedOn = lines.find(({ of }) => of === 'hand on')?.from ?? 0;
  assert.ok(Math.abs(handedOn / (4 * 800) - 1) < 0.2, `${handedOn}`);
  const { status, stderr } = await stampede('simulate', '--rps');
  assert.equal(status, 2);
  assert.match(stderr, /wanted interrupts one-core/);
});

test('stampede simulate lock --json: rows of cores, speed-up and waiting, which add up to the cores', async () => {
  const { rows } = (await json(
    'lock',
    '--kind=ticket',
    '--serial-cycles=400',
    '--serial-share=0.004',
    '--cores=1..2,48',
  )) as { rows: { cores: number; speedup: number; waiting: number }[] };
  assert.deepEqual(
    rows.map(({ cores }) => cores),
    [1, 2, 48],
  );
  for (const { cores, speedup, waiting } of rows) assert.ok(Math.abs(speedup + waiting - cores) < 1e-9);
  assert.ok(rows[2].speedup < 5, 'a ticket lock collapses');
});

test('stampede simulate queue --json: latencies and CPU share by worker, of twelve workers and 200 clients', async () => {
  const { latencySeconds, workers } = (await json(
    'queue',
    '--workers=12',
    '--clients=200',
    '--service-ms=1.823',
    '--distribution=deterministic',
    '--choice=shared-fifo',
    '--requests=20000',
  )) as { latencySeconds: Record<string, number>; workers: { worker: number; cpuShare: number }[] };
  assert.deepEqual(Object.keys(latencySeconds), ['mean', 'p50', 'p99', 'max', 'standardDeviation']);
  // By Little's law: 200 clients, 12 workers that never rest.
  assert.ok(Math.abs(latencySeconds.mean / ((200 * 0.001823) / 12) - 1) < 0.01, `${latencySeconds.mean}`);
  assert.deepEqual(
    workers.map(({ worker }) => worker),
    Array.from({ length: 12 }, (_, worker) => worker),
  );
  for (const { cpuShare } of workers) assert.ok(cpuShare > 0.999 && cpuShare <= 1 + 1e-9, `${cpuShare}`);
});

test('stampede simulate papers --json: claims with their checks; --page writes them as a page without scripts', async (t) => {
  const page = join(await folderFor(t), 'papers.html');
  const { claims, rows } = (await json('papers', '--only=C34,C41', `--page=${page}`)) as {
    rows: { id: string; tolerance: string; verdict: string }[];
    claims: { id: string; verdict: string; checks: Record<string, unknown>[] }[];
  };
  assert.deepEqual(
    claims.map(({ id, verdict }) => [id, verdict]),
    [
      ['C34', 'within'],
      ['C41', 'within'],
    ],
  );
  assert.deepEqual(
    rows.map(({ id, tolerance, verdict }) => [id, tolerance, verdict]),
    [
      ['C34', 'exact', 'within'],
      ['C34', 'exact', 'within'],
      ['C41', '±10 %', 'within'],
      ['C41', '±10 %', 'within'],
      ['C41', 'exact', 'within'],
    ],
  );
  for (const check of claims.flatMap(({ checks }) => checks))
    for (const field of [
      'figure',
      'published',
      'simulated',
      'relativeError',
      'tolerance',
      'basis',
      'verdict',
    ])
      assert.ok(field in check, field);
  const html = readFileSync(page, 'utf8');
  assert.match(html, /All 2 claims are within their tolerances/);
  assert.match(html, /<svg role="img" aria-label="[^"]+"/);
  assert.match(html, /prefers-color-scheme:dark/);
  assert.doesNotMatch(html, /<script|https?:\/\/(?!www\.w3\.org)/);
});

test('stampede simulate explain: the lines sum to the difference between the two designs', async () => {
  const asked = ['explain', 'stock', 'megapipe', '--cores=4', '--concurrency=128', ...few];
  const { total, lines, connectionsPerSecond } = (await json(...asked)) as {
    total: Record<'from' | 'to' | 'saved', number>;
    lines: (Record<'from' | 'to' | 'saved', number> & { kind: string; of: string })[];
    connectionsPerSecond: [number, number];
  };
  for (const side of ['from', 'to', 'saved'] as const) {
    const sum = lines.reduce((all, line) => all + line[side], 0);
    assert.ok(Math.abs(sum / total[side] - 1) < 1e-6, `${side}: ${sum} of ${total[side]}`);
  }
  assert.ok(lines.some(({ kind, of, saved }) => kind === 'lock wait' && of === 'listener' && saved > 0));
  // Core time a connection is cores × clock ÷ rate, whichever way it is counted.
  assert.ok(Math.abs((connectionsPerSecond[0] * total.from) / (4 * 2.8e9) - 1) < 0.02);
  const { stdout } = await stampede('simulate', ...asked);
  assert.match(stdout, /^stock to megapipe on 4 cores of x5560 \(simulated, not measured\)/);
});

test('stampede simulate calibrate RUN: variants on as many cores as are asked for, each row marked as modelled', async (t) => {
  const folder = await writeSyntheticRun(join(await folderFor(t), 'run'));
  const { model } = (await json('calibrate', folder.path, '--cores=4,6')) as {
    model: { variant: string; cores: number; modelled: boolean; connectionsPerSecond: number }[];
  };
  assert.deepEqual(
    model.map(({ variant, cores, modelled }) => [variant, cores, modelled]),
    ['single-queue', 'reuseport'].flatMap((variant) => [2, 4, 6].map((cores) => [variant, cores, true])),
  );
  assert.ok(model[1].connectionsPerSecond > model[0].connectionsPerSecond);
  const table = await stampede('simulate', 'calibrate', folder.path, '--cores=4');
  assert.match(table.stdout, /^modelled, not measured\nvariant +cores +connections\/s/);
});

test('stampede simulate --chart writes a page with the curve', async (t) => {
  const page = join(await folderFor(t), 'chart.html');
  await json('lock', '--cores=1..4', `--chart=${page}`);
  const html = readFileSync(page, 'utf8');
  assert.match(html, /simulated, not measured/);
  assert.match(html, /<td role="cell" class="number"/);
});

const lacking = {
  name: 'lacking',
  sockets: 1,
  coresPerSocket: 4,
  clockGHz: 3,
  protocol: 'mesi',
  privateCacheKiB: 256,
  sharedCacheKiB: 8192,
  latencyCycles: { l1: 4, l2: 12, l3: 40, otherSocket: [200], memory: 200, remoteMemory: [300] },
  singleCore: { kernel: { connection: 30_000, transaction: 10_000 } },
};

const refused: readonly (readonly [readonly string[], RegExp])[] = [
  [['--cores', '-3'], /Wanted core counts from 1 to 1024/],
  [['--cores', '0'], /Wanted core counts from 1 to 1024/],
  [['--cores', '1000000'], /Wanted core counts from 1 to 1024/],
  [['--cores', '8..2'], /Wanted core counts from 1 to 1024/],
  [['--cores', '9'], /Cannot simulate 9 cores on x5560: it has 8/],
  [['--design', 'magic'], /Cannot simulate design "magic": .*stock/],
  [['--machine', 'x9999'], /Cannot find machine "x9999": .*x5560/],
  [['--machine', './none.yaml'], /Cannot read machine file \.\/none\.yaml: ENOENT/],
  [['--workload', 'dance'], /Allowed choices are rpc, accept-only, http/],
  [['--transactions', '0'], /Wanted a whole number from 1 to/],
  [['--concurrency', '1e99'], /Wanted a whole number from 1 to/],
  [['--cores', '1', '--chart', '/proc/nowhere/x.html'], /Cannot write the page "\/proc\/nowhere\/x\.html"/],
  [['elsewhere'], /too many arguments for 'simulate'/],
  [['calibrate', '/proc'], /Cannot report on "\/proc": it has no scenario\.yaml/],
  [['calibrate'], /missing required argument 'run'/],
  [['explain', 'stock', 'magic'], /Cannot simulate design "magic"/],
  [['explain', 'stock'], /missing required argument 'to'/],
  [['explain', 'stock', 'megapipe', '--cores', '99'], /Cannot simulate 99 cores on x5560: it has 8/],
  [['papers', '--only', 'C99'], /Cannot test the claim "C99": there is none; wanted some of C/],
  [['queue', '--workers', '12'], /neither --clients nor --load is given; wanted one of them/],
  [['queue', '--clients', '5', '--load', '5'], /both --clients and --load are given/],
  [
    ['queue', '--workers', '2', '--load', '3000', '--service-ms', '1'],
    /2 workers of 1 ms a request do 2000\/s/,
  ],
  [['queue', '--clients', '-1'], /Wanted a whole number from 1 to/],
  [['queue', '--clients', '5', '--choice', 'best'], /Allowed choices are shared-fifo, shared-lifo, hashed/],
  [['lock', '--kind', 'padlock'], /Allowed choices are ticket, mcs/],
  [['lock', '--serial-share', '0'], /Wanted a number from 0\.000001 to 1/],
  [['lock', '--serial-share', 'much'], /Wanted a number/],
];

for (const [parameters, said] of refused)
  test(`stampede simulate ${parameters.join(' ')} ends with 2 at once, and says what is wanted`, async () => {
    const { status, stdout, stderr, seconds } = await stampede('simulate', ...parameters);
    assert.equal(status, 2, stderr);
    assert.match(stderr, said);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\n {4}at /);
    assert.ok(seconds < 10, `${seconds} s`);
  });

test('stampede simulate refuses a machine file with a missing latency, and names it', async (t) => {
  const path = join(await folderFor(t), 'lacking.yaml');
  await writeFile(path, stringify(lacking));
  const { status, stderr } = await stampede('simulate', '--machine', path);
  assert.equal(status, 2, stderr);
  assert.match(stderr, /latencyCycles\.otherCore/);
  const whole = { ...lacking, latencyCycles: { ...lacking.latencyCycles, otherCore: 90 } };
  await writeFile(path, stringify(whole));
  const { machine } = await json('--machine', path, '--concurrency=32', ...few);
  assert.equal(machine, 'lacking');
  assert.ok(existsSync(path));
});
