import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPrivateRedis } from '../../coordinator/redis/private.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { trialRecordSchema } from '../../protocol/trial-record.ts';
import {
  memberCommand,
  processesWith,
  RunElsewhere,
  redisFolders,
  runHere,
  Scratch,
  type Step,
  smallScenario,
} from './harness.ts';

const committed = (count: number) => (step: Step) => step.kind === 'committed' && step.done === count;

async function scratchOf(t: TestContext): Promise<Scratch> {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  return scratch;
}

/** Everything a run started is gone: members (by the run's suffix in their names) and Redis (by its folder). */
async function assertNothingLeft(run: string, pid: number): Promise<void> {
  assert.deepEqual(await processesWith(`-${run.slice(-6)}`), []);
  assert.deepEqual(await processesWith(`stampede-redis-${pid}-`), []);
}

test('runScenario, killed in mid-trial, leaves no process; run again, every block is there exactly once', async (t) => {
  const scratch = await scratchOf(t);
  const scenario = smallScenario({ blocks: 3 });
  const first = new RunElsewhere(scratch, scenario);
  await first.until(committed(2));
  await first.until(({ kind, done }) => kind === 'trial' && done === 2);
  await sleep(250);
  first.child.kill('SIGKILL');
  await first.ended;
  await sleep(1_500);
  const { run } = await scratch.run();
  await assertNothingLeft(run as string, first.child.pid ?? 0);

  const began = performance.now();
  const second = new RunElsewhere(scratch, scenario);
  await second.until(({ kind }) => kind === 'trial');
  assert.ok(performance.now() - began < 5_000, 'resumed late');
  const outcome = await second.outcome();
  assert.deepEqual([outcome?.state, outcome?.committed, outcome?.planned], ['complete', 6, 6]);
  const trials = (await scratch.trials()).map(({ trial }) => trial);
  assert.deepEqual([...trials].sort(), ['b01-c01', 'b01-c02', 'b02-c01', 'b02-c02', 'b03-c01', 'b03-c02']);
  assert.equal((await scratch.run()).incarnation, 2);
  const [interrupted] = await scratch.attempts();
  assert.match(interrupted?.reason ?? '', /its coordinator ended/);
  const epochs = (await scratch.events())
    .filter(({ event }) => event === 'attempt-begun')
    .map(({ epoch }) => epoch as number);
  assert.deepEqual(
    epochs,
    [...epochs].sort((a, b) => a - b),
  );
  assert.equal(new Set(epochs).size, epochs.length);
  assert.deepEqual(await redisFolders(first.child.pid), [], 'swept by the next start');
});

test('runScenario on a finished folder starts nothing and judges again', async (t) => {
  const scratch = await scratchOf(t);
  const first = await runHere(scratch, smallScenario({ blocks: 1 }));
  const phases: string[] = [];
  const second = await runHere(scratch, smallScenario({ blocks: 1 }), {
    onProgress: (step) => step.kind === 'phase' && phases.push(step.phase),
  });
  assert.deepEqual(second, first);
  assert.ok(!phases.includes('redis'));
  assert.deepEqual(second.comparison, first.comparison);
});

test('runScenario refuses a folder in which another coordinator runs, with exit status 2', async (t) => {
  const scratch = await scratchOf(t);
  const first = new RunElsewhere(scratch, smallScenario({ blocks: 2 }));
  await first.until(({ kind }) => kind === 'trial');
  const second = await new RunElsewhere(scratch, smallScenario({ blocks: 2 })).outcome();
  assert.equal(second?.exitStatus, 2);
  assert.match(String(second?.message), new RegExp(`process ${first.child.pid} on .* is running there`));
  assert.equal((await first.outcome())?.state, 'complete');
  assert.equal((await scratch.trials()).length, 4);
});

test('runScenario, told to stop, ends within 5 s as aborted and leaves no process, socket or folder', async (t) => {
  const scratch = await scratchOf(t);
  const elsewhere = new RunElsewhere(scratch, smallScenario({ blocks: 1, measuredSeconds: 30 }));
  await elsewhere.until(({ kind }) => kind === 'rate');
  const began = performance.now();
  elsewhere.child.kill('SIGINT');
  const outcome = await elsewhere.outcome();
  await elsewhere.ended;
  assert.ok(performance.now() - began < 5_000, `${performance.now() - began} ms`);
  assert.deepEqual([outcome?.state, outcome?.reason], ['aborted', 'the run was told to stop']);
  const { run, state } = await scratch.run();
  assert.equal(state, 'aborted');
  assert.deepEqual(await redisFolders(elsewhere.child.pid), []);
  await assertNothingLeft(run as string, elsewhere.child.pid ?? 0);
  assert.equal((await scratch.attempts()).length, 1);
  assert.equal((await scratch.attempts())[0]?.samples.length !== 0, true);
});

test('runScenario judges what was committed before it was told to stop', async (t) => {
  const scratch = await scratchOf(t);
  const abort = new AbortController();
  const outcome = await runHere(scratch, smallScenario(), {
    signal: abort.signal,
    onProgress: (step) => step.kind === 'committed' && step.done === 2 && abort.abort(),
  });
  assert.deepEqual([outcome.state, outcome.committed], ['aborted', 2]);
  assert.notEqual(outcome.comparison, null);
  await access(scratch.folder.reportMarkdown);
});

test('runScenario told to stop before it begins starts nothing', async (t) => {
  const scratch = await scratchOf(t);
  const outcome = await runHere(scratch, smallScenario(), { signal: AbortSignal.abort() });
  assert.deepEqual([outcome.state, outcome.committed], ['aborted', 0]);
  assert.deepEqual(await redisFolders(), []);
});

test('runScenario goes on within 5 s when its Redis is killed, loses nothing and doubles nothing', async (t) => {
  const scratch = await scratchOf(t);
  const warnings: string[] = [];
  let backAt = 0;
  let nextAt = 0;
  const outcome = await runHere(scratch, smallScenario({ measuredSeconds: 1.5 }), {
    onProgress: (step) => {
      if (step.kind === 'warning') warnings.push(step.text);
      if (step.kind === 'warning' && step.text.startsWith('the private Redis')) backAt = performance.now();
      if (step.kind === 'committed' && backAt > 0 && nextAt === 0) nextAt = performance.now();
      if (step.kind === 'trial' && step.done === 1) void sleep(300).then(killRedis);
    },
  });
  assert.equal(outcome.state, 'complete', outcome.reason ?? '');
  assert.ok(
    warnings.some((text) => text.includes('the private Redis was killed by SIGKILL')),
    warnings.join('\n'),
  );
  assert.ok(nextAt - backAt < 5_000 && nextAt > 0);
  assert.equal(new Set((await scratch.trials()).map(({ trial }) => trial)).size, 4);
  assert.equal((await scratch.trials()).length, 4);
  assert.deepEqual(await redisFolders(), []);
});

async function killRedis(): Promise<void> {
  for (const pid of await processesWith(`stampede-redis-${process.pid}-`)) process.kill(pid, 'SIGKILL');
}

test('runScenario ends as invalid when its members cannot be started, and says what they said', async (t) => {
  const scratch = await scratchOf(t);
  const outcome = await runHere(scratch, smallScenario(), {
    memberCommand: [process.execPath, '-e', 'console.error("no such option"); process.exit(2)'],
  });
  assert.equal(outcome.state, 'invalid');
  assert.match(outcome.reason ?? '', /Cannot keep local-\S+ running: it ended with status 2.*no such option/);
});

test('runScenario ends as invalid on a full disk, with ENOSPC and the path named and every record whole', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('a full disk is a tmpfs, and mounting one needs root');
  const scratch = await scratchOf(t);
  const { path } = scratch.folder;
  // In a mount namespace of its own; what was written is copied out before that goes.
  const inside = `mkdir -p '${path}' && mount -t tmpfs -o size=96k tmpfs '${path}' && "$@"; status=$?
    cp -r '${path}' '${path}.kept'; exit $status`;
  const scenario = smallScenario({ blocks: 30, measuredSeconds: 0.2, warmUpSeconds: 0 });
  const elsewhere = new RunElsewhere(scratch, scenario, null, [
    'unshare',
    '--mount',
    'sh',
    '-c',
    inside,
    '-',
  ]);
  const outcome = await elsewhere.outcome();
  await elsewhere.ended;
  assert.equal(outcome?.state, 'invalid');
  assert.match(String(outcome?.reason), /ENOSPC/);
  assert.ok(String(outcome?.reason).includes(path));
  const kept = runFolder(`${path}.kept`);
  const text = await readFile(kept.trials, 'utf8');
  assert.ok(text.endsWith('\n'));
  const trials = text
    .trim()
    .split('\n')
    .map((line) => trialRecordSchema.parse(JSON.parse(line)).trial);
  assert.equal(trials.length, outcome?.committed);
  assert.ok(trials.length >= 3 && trials.length < 60, `${trials.length} trials`);
  for (const trial of trials) JSON.parse(await readFile(join(kept.histograms, `${trial}.json`), 'utf8'));
  return undefined;
});

test('runScenario on a cluster waits for its members, leaves them running, and uses them again', async (t) => {
  const scratch = await scratchOf(t);
  const redis = await startPrivateRedis({ onRestart() {}, onLost() {} });
  t.after(() => redis.stop());
  const [program = '', script = ''] = memberCommand;
  const start = (...words: string[]) =>
    spawn(program, [script, ...words], {
      env: { ...process.env, STAMPEDE_REDIS_URL: redis.url },
      stdio: 'ignore',
    });
  const members: ChildProcess[] = [];
  t.after(() => {
    for (const member of members) member.kill('SIGKILL');
  });
  const scenario = smallScenario({ lab: 'cluster', agents: { count: 2 } });
  const running = runHere(scratch, scenario, { redisUrl: redis.url });
  await sleep(1_000);
  for (const words of [
    ['server', '--name', 's1'],
    ['agent', '--name', 'a1'],
    ['agent', '--name', 'a2'],
  ])
    members.push(start(...words));
  const outcome = await running;
  assert.equal(outcome.state, 'complete', outcome.reason ?? '');
  const trials = await scratch.trials();
  assert.equal(trials.length, 4);
  assert.ok(trials.every(({ connectionsPerSecond }) => connectionsPerSecond === 2_000));
  assert.ok(members.every(({ exitCode, signalCode }) => exitCode === null && signalCode === null));
});
