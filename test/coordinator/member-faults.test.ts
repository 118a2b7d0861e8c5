import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { RunMetrics } from '../../coordinator/metrics/run-metrics.ts';
import { metricsBy } from '../../exporter/metrics.ts';
import { MetricRegistry } from '../../exporter/registry.ts';
import { valueIn, valuesIn } from '../exporter/exposition.ts';
import { processesWith, redisFolders, runHere, Scratch, smallScenario } from './harness.ts';

/** One trial. */
const one = (changes: object = {}) =>
  smallScenario({ factors: { variant: ['single-queue'], concurrency: 4 }, blocks: 1, ...changes });

test('runScenario commits every trial of the plan once, reports, and leaves nothing behind', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  const seen: string[] = [];
  const outcome = await runHere(scratch, smallScenario(), { onProgress: (step) => seen.push(step.kind) });
  assert.equal(outcome.reason, null);
  assert.equal(outcome.state, 'complete');
  assert.deepEqual([outcome.committed, outcome.planned], [4, 4]);
  assert.equal(outcome.comparison?.baseline, 'single-queue');
  const trials = await scratch.trials();
  const names = trials.map(({ trial }) => trial).sort();
  assert.deepEqual(names, ['b01-c01', 'b01-c02', 'b02-c01', 'b02-c02']);
  assert.ok(trials.every(({ attempt }) => attempt === 1));
  assert.ok(trials.every(({ connectionsPerSecond }) => connectionsPerSecond === 1000));
  assert.deepEqual(
    (await readdir(scratch.folder.histograms)).sort(),
    names.map((name) => `${name}.json`),
  );
  assert.equal((await scratch.run()).state, 'complete');
  assert.equal(seen.filter((kind) => kind === 'committed').length, 4);
  assert.match(await readFile(scratch.folder.reportHtml, 'utf8'), /<html/);
  assert.equal(JSON.parse(await readFile(scratch.folder.environment, 'utf8')).lab.kind, 'loopback');
  assert.deepEqual(await redisFolders(), []);
  assert.deepEqual(await processesWith(((await scratch.run()).run as string).slice(-6)), []);
});

test('runScenario numbers its events without a gap, with growing monotonic time, all of one run', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await runHere(scratch, one());
  const events = await scratch.events();
  assert.deepEqual(
    events.map(({ sequence }) => sequence),
    events.map((_, index) => index + 1),
  );
  const times = events.map(({ monotonicNs }) => BigInt(monotonicNs as string));
  assert.ok(times.every((time, index) => index === 0 || time >= (times[index - 1] as bigint)));
  assert.equal(new Set(events.map(({ run }) => run)).size, 1);
  assert.deepEqual(
    events.map(({ event }) => event),
    [
      'coordinator-started',
      'attempt-begun',
      'said-ready',
      'said-prepared',
      'start',
      'said-result',
      'said-result',
      'attempt-ended',
      'run-ended',
    ],
  );
});

test('runScenario tries a trial again when its agent is killed in mid-flood, and keeps the lost attempt', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('agent-die');
  const began = performance.now();
  const registry = new MetricRegistry(metricsBy('coordinator'));
  const outcome = await runHere(scratch, one(), { watchers: [new RunMetrics(registry)] });
  assert.equal(outcome.state, 'complete');
  const [trial] = await scratch.trials();
  assert.equal(trial?.attempt, 2);
  const [lost] = await scratch.attempts();
  assert.equal(lost?.attempt, 1);
  assert.match(lost?.reason ?? '', /^local-agent-0-\w+ was lost: its process was killed by SIGKILL/);
  assert.ok(performance.now() - began < 10_000);
  // Those who watch are told of both, and what is void counts nowhere.
  const text = await registry.text();
  assert.deepEqual(valuesIn(text, 'stampede_run_void_attempts_total'), [1]);
  assert.equal(valueIn(text, 'stampede_lost_members_total', { role: 'agent' }), 1);
  assert.equal(valueIn(text, 'stampede_lost_members_total', { role: 'server' }), 0);
  const completed = { variant: 'single-queue', cores: '1', conditions: '', outcome: 'completed' };
  assert.equal(valueIn(text, 'stampede_connections_total', completed), trial?.connections.completed);
  assert.ok((valuesIn(text, 'stampede_redis_round_trip_seconds_count')[0] ?? 0) >= 1);
});

test('runScenario replaces an agent that was stopped within 10 s', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('agent-stop');
  const outcome = await runHere(scratch, one({ measuredSeconds: 20, warmUpSeconds: 0, attempts: 1 }), {
    onProgress: () => {},
  });
  assert.equal(outcome.state, 'invalid');
  const [lost] = (await scratch.attempts()) as unknown as {
    reason: string;
    startedAt: string;
    endedAt: string;
  }[];
  assert.match(lost?.reason ?? '', /was lost: its lease was not renewed/);
  assert.ok(Date.parse(lost?.endedAt ?? '') - Date.parse(lost?.startedAt ?? '') < 10_000);
});

test('runScenario tries a trial again when its server dies before it is ready, and when its host does', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('server-fail', 'server-die');
  const outcome = await runHere(scratch, one());
  assert.equal(outcome.state, 'complete');
  const reasons = (await scratch.attempts()).map(({ reason }) => reason);
  assert.match(reasons[0] ?? '', /failed \(prepare\): killed by SIGSEGV/);
  assert.match(reasons[1] ?? '', /local-server-\w+ was lost: its process was killed by SIGKILL/);
  assert.equal((await scratch.trials())[0]?.attempt, 3);
});

test('runScenario gives up a variant whose server cannot be started, and goes on with the others', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('server-cannot-reuseport');
  const outcome = await runHere(scratch, smallScenario());
  assert.equal(outcome.state, 'degraded');
  assert.match(outcome.reason ?? '', /was given up.*no such program/);
  assert.deepEqual(
    (await scratch.trials()).map(({ cell }) => cell.variant),
    ['single-queue', 'single-queue'],
  );
  assert.equal((await scratch.attempts()).length, 1);
});

test('runScenario gives up a trial whose every attempt comes to nothing, and says the last reason', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('server-fail');
  const outcome = await runHere(scratch, smallScenario({ attempts: 1 }));
  assert.equal(outcome.state, 'degraded');
  assert.equal(outcome.committed, 3);
  assert.match(outcome.reason ?? '', /1 attempts came to nothing; the last: .*SIGSEGV/);
});

test('runScenario ends when an agent says that trying again cannot help', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('agent-refuse');
  const outcome = await runHere(scratch, smallScenario());
  assert.equal(outcome.state, 'invalid');
  assert.match(outcome.reason ?? '', /the target is not allowed; trying again would not help/);
  assert.equal(outcome.comparison, null);
});

test('runScenario commits a result once that comes twice, and refuses one of an older attempt', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('agent-say-twice');
  const outcome = await runHere(scratch, smallScenario(), {
    onProgress: (step) => {
      if (step.kind === 'committed' && step.done === 1) void scratch.order('agent-say-old-result');
    },
  });
  assert.equal(outcome.state, 'complete');
  assert.equal(new Set((await scratch.trials()).map(({ trial }) => trial)).size, 4);
  const { refused } = (await scratch.run()).coverage;
  assert.ok((refused.repeated ?? 0) >= 1 || (refused.oldEpoch ?? 0) >= 2, JSON.stringify(refused));
  assert.ok((refused.oldEpoch ?? 0) >= 1, JSON.stringify(refused));
});

test('runScenario notes lost reports on the record of their trial, and counts them in the run', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('agent-lose-reports');
  const outcome = await runHere(scratch, one());
  assert.equal(outcome.state, 'complete');
  assert.match((await scratch.trials())[0]?.notes.reports ?? '', /^2 of 3 one-second reports were lost/);
  assert.equal((await scratch.run()).coverage.lost, 2);
});

test('runScenario refuses 10,000 malformed messages by reason and goes on', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('agent-malformed');
  const outcome = await runHere(scratch, one());
  assert.equal(outcome.state, 'complete', outcome.reason ?? '');
  const { refused } = (await scratch.run()).coverage;
  assert.deepEqual(
    { ...refused, quarantined: 0, repeated: 0 },
    {
      tooLarge: 1_000,
      malformed: 6_000,
      prototypeKey: 1_000,
      otherRun: 0,
      oldEpoch: 1_000,
      unknownSender: 1_000,
      repeated: 0,
      quarantined: 0,
    },
  );
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test('runScenario quarantines a participant that was refused 100 times, and replaces it', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('agent-malformed-own');
  const outcome = await runHere(scratch, one());
  assert.equal(outcome.state, 'complete', outcome.reason ?? '');
  assert.match((await scratch.attempts())[0]?.reason ?? '', /too many of its messages were refused/);
  assert.equal((await scratch.run()).coverage.quarantined.length, 1);
  assert.equal((await scratch.trials())[0]?.attempt, 2);
});

test('runScenario takes a message of 100 MiB as a fault of its sender, with its own memory bounded', async (t) => {
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  await scratch.order('agent-huge');
  let peak = 0;
  const before = process.memoryUsage.rss();
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 5);
  const outcome = await runHere(scratch, one());
  clearInterval(watch);
  assert.equal(outcome.state, 'complete', outcome.reason ?? '');
  assert.ok(peak - before < 64 << 20, `${(peak - before) >> 20} MiB more`);
  assert.deepEqual(await readdir(join(scratch.folder.path, 'histograms')), ['b01-c01.json']);
});
