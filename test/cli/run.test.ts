/** The main job as a process: a verdict comes out; interrupted it keeps what it has, and goes on from there. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { comparisonSchema } from '../../protocol/comparison-record.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { trialRecordSchema } from '../../protocol/trial-record.ts';
import { folderFor, scenarioFile, stampede, stampedePath, startStampede } from './stampede-process.ts';

const trialsOf = (out: string) =>
  readFileSync(runFolder(out).trials, 'utf8')
    .trim()
    .split('\n')
    .map((line) => trialRecordSchema.parse(JSON.parse(line)));

/** Processes whose command line names this folder or run: all that a run starts does. */
function processesNaming(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(text) ? [`${pid} ${line}`] : [];
      } catch {
        return [];
      }
    });
}

/** The last six characters of a run's name stand in the names of its members. */
const suffixOf = (out: string): string =>
  (JSON.parse(readFileSync(runFolder(out).run, 'utf8')) as { run: string }).run.slice(-6);

async function assertNothingLeft(out: string): Promise<void> {
  const suffix = suffixOf(out);
  for (let waitedMs = 0; processesNaming(suffix).length > 0 && waitedMs < 5_000; waitedMs += 50)
    await sleep(50);
  assert.deepEqual(processesNaming(suffix), []);
}

test('stampede run floods, judges, reports, and leaves nothing behind', { timeout: 60_000 }, async (t) => {
  const folder = await folderFor(t);
  const out = join(folder, 'out');
  const { status, stdout, stderr } = await stampede('run', await scenarioFile(folder), '--out', out);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /single-queue +reuseport/);
  assert.match(stdout, /connections\/s/);
  const [, closing = ''] = stdout.split(`\nreport: ${join(out, 'report.html')}\n`);
  assert.match(
    closing,
    /^\nmodelled, not measured: single-queue on 8, 24, 48 cores: .*\nmodelled, not measured: reuseport on 8, 24, 48 cores: .*\n$/,
    stdout,
  );
  assert.match(stderr, /trial 1 of 4, \d+ s left: /);
  assert.ok(!(stdout + stderr).includes('\x1b'), 'colour without a terminal');
  const files = runFolder(out);
  for (const file of [
    files.scenario,
    files.environment,
    files.run,
    files.trials,
    files.comparison,
    files.reportHtml,
    files.reportMarkdown,
    files.junit,
  ])
    assert.ok(existsSync(file), `${file} is missing`);
  const trials = trialsOf(out);
  assert.deepEqual(trials.map(({ trial }) => trial).sort(), ['b01-c01', 'b01-c02', 'b02-c01', 'b02-c02']);
  assert.ok(trials.every(({ connections }) => connections.completed > 0));
  comparisonSchema.parse(JSON.parse(readFileSync(files.comparison, 'utf8')));
  await assertNothingLeft(out);
});

test('stampede run --json --quiet prints one document and nothing else', { timeout: 60_000 }, async (t) => {
  const folder = await folderFor(t);
  const out = join(folder, 'out');
  const { status, stdout, stderr } = await stampede(
    'run',
    await scenarioFile(folder, { blocks: 1 }),
    '--out',
    out,
    '--json',
    '--quiet',
  );
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  const outcome = JSON.parse(stdout) as {
    state: string;
    committed: number;
    planned: number;
    comparison: unknown;
    folder: string;
  };
  assert.deepEqual(
    [outcome.state, outcome.committed, outcome.planned, outcome.folder],
    ['complete', 2, 2, out],
  );
  comparisonSchema.parse(outcome.comparison);
});

test('stampede run works within 256 open files, and says when it has too few', {
  timeout: 60_000,
}, async (t) => {
  const folder = await folderFor(t);
  const path = await scenarioFile(folder, { blocks: 1 });
  const limited = (files: number, out: string) =>
    spawnSync(
      'prlimit',
      [
        `--nofile=${files}`,
        process.execPath,
        stampedePath,
        'run',
        path,
        '--quiet',
        '--out',
        join(folder, out),
      ],
      { encoding: 'utf8' },
    );
  const enough = limited(256, 'enough');
  assert.equal(enough.status, 0, enough.stderr);
  assert.equal(trialsOf(join(folder, 'enough')).length, 2);
  const few = limited(60, 'few');
  assert.equal(few.status, 2, few.stderr);
  assert.match(few.stderr, /^Cannot go on: EMFILE.*Raise it: ulimit -n 4096\n$/);
});

test('stampede run keeps the scenario as run, the options written into it', {
  timeout: 60_000,
}, async (t) => {
  const folder = await folderFor(t);
  const out = join(folder, 'out');
  const { status, stderr } = await stampede(
    'run',
    await scenarioFile(folder),
    '--out',
    out,
    '--blocks',
    '1',
    '--set',
    'close=client-rst',
    '--set',
    'variant=reuseport',
  );
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    trialsOf(out).map(({ cell }) => [cell.variant, cell.close]),
    [['reuseport', 'client-rst']],
  );
  const again = await stampede('plan', runFolder(out).scenario, '--json');
  assert.equal((JSON.parse(again.stdout) as { trials: unknown[] }).trials.length, 1);
});

test('stampede run ends with 1 when a threshold is broken', { timeout: 60_000 }, async (t) => {
  const folder = await folderFor(t);
  const thresholds = [{ metric: 'connectionsPerSecond', min: 1e9 }];
  const { status, stderr } = await stampede(
    'run',
    await scenarioFile(folder, { blocks: 1, thresholds }),
    '--out',
    join(folder, 'out'),
  );
  assert.equal(status, 1, stderr);
});

test('stampede run ends with 2 when the Redis it is to use cannot be reached, and starts nothing and leaves no run', {
  timeout: 60_000,
}, async (t) => {
  const folder = await folderFor(t);
  const path = await scenarioFile(folder);
  const refused = async (out: string): Promise<void> => {
    const unreachable = 'redis://127.0.0.1:1';
    const { status, stderr, seconds } = await stampede('run', path, '--out', out, '--redis', unreachable);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^connecting to Redis …$.*^Cannot reach Redis at redis:\/\/127\.0\.0\.1:1: /ms);
    assert.ok(seconds < 20, `it took ${seconds} s`);
  };
  const [deep, empty, named] = ['deep', 'empty', 'named'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(empty);
  mkdirSync(named);
  copyFileSync(path, runFolder(named).scenario);
  await Promise.all([join(deep, 'new'), empty, named].map(refused));
  assert.equal(existsSync(deep), false);
  assert.deepEqual(readdirSync(empty), []);
  assert.deepEqual(readdirSync(named), ['scenario.yaml']);
});

/** How many lines the ledger has. */
function committed(out: string): number {
  return readFileSync(runFolder(out).trials, 'utf8').split('\n').length - 1;
}

/** Two side by side: each waits more than it works. */
describe('stampede run, cut off', { concurrency: 2 }, () => {
  test('stampede run that is refused on the folder of an interrupted run keeps that', {
    timeout: 60_000,
  }, async (t) => {
    const folder = await folderFor(t);
    const out = join(folder, 'out');
    const path = await scenarioFile(folder, { blocks: 20 });
    const run = startStampede(['run', path, '--out', out]);
    await run.said(/trial 1 of/);
    run.child.kill('SIGINT');
    assert.equal((await run.ended).status, 3);
    const before = readdirSync(out);
    const { status, stderr } = await stampede('run', path, '--out', out, '--redis', 'redis://127.0.0.1:1');
    assert.equal(status, 2, stderr);
    assert.deepEqual(
      readdirSync(out).filter((name) => before.includes(name)),
      before,
    );
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} ends a run soon and keeps what was committed; run again completes it, every trial once`, {
      timeout: 120_000,
    }, async (t) => {
      const folder = await folderFor(t);
      const out = join(folder, 'out');
      const path = await scenarioFile(folder, { blocks: 2 });
      const run = startStampede(['run', path, '--out', out]);
      for (;;) {
        await sleep(50);
        if (existsSync(runFolder(out).trials) && committed(out) >= 1) break;
      }
      const told = performance.now();
      run.child.kill(signal);
      const { status, stderr } = await run.ended;
      assert.equal(status, 3, stderr);
      assert.ok(performance.now() - told < 20_000, `it took ${performance.now() - told} ms`);
      assert.match(stderr, new RegExp(`${signal}: ending the run`));
      assert.match(
        stderr,
        /The run is aborted: .* of 4 trials are committed and kept\. To resume: stampede run .* --out /,
      );
      await assertNothingLeft(out);
      const kept = trialsOf(out).map(({ trial }) => trial);

      const resumed = await stampede('run', path, '--out', out);
      assert.equal(resumed.status, 0, resumed.stderr);
      const all = trialsOf(out).map(({ trial }) => trial);
      assert.deepEqual(all.slice(0, kept.length), kept);
      assert.equal(all.length, 4);
      assert.equal(new Set(all).size, 4);
      await assertNothingLeft(out);
    });
  }

  test('SIGINT twice ends a run at once, and what it started with it', { timeout: 60_000 }, async (t) => {
    const folder = await folderFor(t);
    const out = join(folder, 'out');
    const run = startStampede(['run', await scenarioFile(folder, { blocks: 20 }), '--out', out]);
    await run.said(/trial 1 of/);
    run.child.kill('SIGINT');
    await run.said(/once more to end at once/);
    const told = performance.now();
    run.child.kill('SIGINT');
    const { status } = await run.ended;
    assert.equal(status, 3);
    assert.ok(performance.now() - told < 1_000);
    await assertNothingLeft(out);
  });

  test('a run that was killed is completed by running it again, every trial once', {
    timeout: 120_000,
  }, async (t) => {
    const folder = await folderFor(t);
    const out = join(folder, 'out');
    const path = await scenarioFile(folder, { blocks: 2 });
    const run = startStampede(['run', path, '--out', out]);
    while (!existsSync(runFolder(out).trials) || committed(out) < 1) await sleep(50);
    run.child.kill('SIGKILL');
    assert.equal((await run.ended).signal, 'SIGKILL');
    await assertNothingLeft(out);
    const resumed = await stampede('run', path, '--out', out);
    assert.equal(resumed.status, 0, resumed.stderr);
    const all = trialsOf(out).map(({ trial }) => trial);
    assert.deepEqual([all.length, new Set(all).size], [4, 4]);
    await assertNothingLeft(out);
  });
});
