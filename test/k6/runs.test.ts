/** k6 in the hands of an agent and of a run: leases, a program that is not there, what is kept. Most waits are shared. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { k6TrialSchema } from '../../coordinator/k6-file.ts';
import { namespacesRefused } from '../../coordinator/labs/possible.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { trialRecordSchema } from '../../protocol/trial-record.ts';
import { serverThat } from '../agent-engine/flood-fixture.ts';
import { folderFor, scenarioFile, startStampede } from '../cli/stampede-process.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import { startRole, until } from '../roles/role-process.ts';
import { anAttemptId, aShareOrder, ScriptedCoordinator } from '../roles/scripted-coordinator.ts';
import { answering, goodAnswer, k6Missing } from './k6-fixture.ts';

const epoch = 1_000_001;
/** Processes start slowly on a machine that does much else. */
const patienceMs = 30_000;
const patience = { deadlineMs: patienceMs };
const absent = { K6_BIN: '/nonexistent/k6' };
let redis: PrivateRedis;
before(async () => {
  redis = await startPrivateRedis();
});
after(() => redis.stop());

function k6Share(run: string, port: number, seconds: number) {
  const order = aShareOrder(run, epoch, port, { application: 'http', measuredSeconds: seconds });
  return { ...order, cell: { ...order.cell, engine: 'k6' as const, close: 'client-fin' as const } };
}

/** An agent whose k6 floods a server of this process, which notes when it was last asked. */
async function floodingAgent(test: TestContext, name: string) {
  const run = `run-${name}`;
  let lastMs = 0;
  const server = await serverThat((socket) => {
    lastMs = performance.now();
    answering((one) => one.write(goodAnswer))(socket);
  });
  const coordinator = await ScriptedCoordinator.open(redis.url, run);
  const agent = startRole(['agent', '--name', name, '--cores', '1'], redis.url);
  test.after(async () => {
    await agent.end();
    await server[Symbol.asyncDispose]();
    await coordinator.close();
  });
  await coordinator.untilMember('agent', name, patienceMs);
  await coordinator.order('agent', name, k6Share(run, server.port, 60));
  assert.match((await coordinator.hear('prepared', patience)).backend, /^k6 v/);
  const startAt = (await coordinator.now()) + 100_000;
  await coordinator.say({ kind: 'start', ...anAttemptId(run, epoch), startAt });
  const { load } = await coordinator.hear('report', patience);
  assert.ok((load?.completed ?? 0) > 0);
  const silentMs = () => performance.now() - lastMs;
  return { agent, coordinator, silentMs, lastMs: () => lastMs };
}

describe('stampede agent with engine k6', { skip: k6Missing, concurrency: true }, () => {
  test('that is stopped (SIGSTOP) leaves no load for over 10 s: its guard ends k6; woken, it says so', async (t) => {
    const { agent, coordinator, silentMs, lastMs } = await floodingAgent(t, 'stopped');
    agent.kill('SIGSTOP');
    const stopped = performance.now();
    // Not woken before: k6 may fall silent by itself, for nobody reads its lines.
    await sleep(11_000);
    const loadMs = lastMs() - stopped;
    assert.ok(loadMs < 10_000, `load for ${loadMs} ms`);
    agent.kill('SIGCONT');
    assert.match((await coordinator.hear('failed', patience)).reason, /lease/);
    assert.ok(silentMs() > 1_000, 'it began again');
  });

  test('stops its load within 10 s of the last sign of its coordinator', async (t) => {
    const { coordinator, silentMs, lastMs } = await floodingAgent(t, 'left-alone');
    coordinator.dropLease();
    const dropped = performance.now();
    await until(
      () => silentMs() > 1_000,
      12_000,
      () => 'the load goes on',
    );
    const loadMs = lastMs() - dropped;
    assert.ok(loadMs > 2_000 && loadMs < 10_000, `load for ${loadMs} ms`);
    assert.match((await coordinator.hear('failed', patience)).reason, /the coordinator let its lease expire/);
  });

  test('that is killed (SIGKILL) takes k6 with it', async (t) => {
    const { agent, silentMs, lastMs } = await floodingAgent(t, 'killed');
    agent.kill('SIGKILL');
    const killed = performance.now();
    await until(
      () => silentMs() > 1_000,
      5_000,
      () => 'the load goes on',
    );
    assert.ok(lastMs() - killed < 500, `load for ${lastMs() - killed} ms`);
  });
});

describe('where k6 is not', { concurrency: true }, () => {
  test('an agent refuses the order for good, and says how to get it', async (t) => {
    const run = 'run-absent';
    const coordinator = await ScriptedCoordinator.open(redis.url, run);
    const agent = withEnvironment(absent, () =>
      startRole(['agent', '--name', 'absent', '--cores', '1'], redis.url),
    );
    t.after(async () => {
      await agent.end();
      await coordinator.close();
    });
    await coordinator.untilMember('agent', 'absent', patienceMs);
    await coordinator.order('agent', 'absent', k6Share(run, 80, 2));
    const { reason, final, stage } = await coordinator.hear('failed', patience);
    assert.deepEqual([stage, final], ['prepare', true]);
    assert.match(
      reason,
      /K6_BIN is "\/nonexistent\/k6", which is no program; .*go install go\.k6\.io\/k6@latest/,
    );
  });

  test('a run on this machine starts nothing: exit status 2, and how to get it', async (t) => {
    const folder = await folderFor(t);
    const out = join(folder, 'out');
    const factors = { variant: ['single-queue', 'reuseport'], engine: 'k6', concurrency: 4 };
    const path = await scenarioFile(folder, { application: 'http', factors, measuredSeconds: 1 });
    for (const command of [
      ['plan', path],
      ['run', path, '--out', out],
    ]) {
      const { status, stderr } = await startStampede(command, absent).ended;
      assert.equal(status, 2, stderr);
      assert.match(stderr, /Cannot make load by engine "k6": K6_BIN is .*go install go\.k6\.io\/k6@latest/);
    }
    assert.ok(!existsSync(out));
  });
});

test('stampede run with engine k6 commits what the server counted, and keeps what k6 says', {
  skip: k6Missing,
  timeout: 60_000,
}, async (t) => {
  const folder = await folderFor(t);
  const out = join(folder, 'out');
  const path = await scenarioFile(folder, {
    application: 'http',
    lab: namespacesRefused() === null ? 'namespaces' : 'loopback',
    factors: { variant: 'reuseport', engine: ['k6', 'socket'], rate: 200 },
    agents: { count: 1, sourceAddresses: 1 },
    blocks: 1,
    warmUpSeconds: 0.5,
    measuredSeconds: 1,
    thresholds: [{ metric: 'latencySeconds.total.p99', variant: 'reuseport', max: 2 }],
  });
  const { status, stderr } = await startStampede(['run', path, '--out', out]).ended;
  assert.equal(status, 0, stderr);
  assert.match(stderr, /By engine "k6" the starts of an open loop are evenly spaced/);
  const records = readFileSync(runFolder(out).trials, 'utf8')
    .trim()
    .split('\n')
    .map((line) => trialRecordSchema.parse(JSON.parse(line)));
  const byK6 = records.find(({ cell }) => cell.engine === 'k6');
  const bySocket = records.find(({ cell }) => cell.engine === 'socket');
  assert.ok(byK6 !== undefined && bySocket !== undefined);
  assert.match(byK6.generator.backend, /^k6 v/);
  assert.equal(byK6.notes.connections, undefined, 'both sides count the same');
  const { attempted, missed, completed } = byK6.connections;
  assert.ok(Math.abs(attempted + missed - 200) <= 4, `${attempted} and ${missed} of 200`);
  assert.equal(completed, attempted);
  assert.ok(byK6.server.cores?.[0]?.accepted === null || (byK6.server.cores?.[0]?.accepted ?? 0) > 100);
  const kept = k6TrialSchema.parse(
    JSON.parse(readFileSync(join(runFolder(out).k6, `${byK6.trial}.json`), 'utf8')),
  );
  assert.equal(kept.trial, byK6.trial);
  assert.deepEqual(kept.agents[0]?.thresholds, { 'total p(99)<=2000': true });
  assert.ok((kept.agents[0]?.metrics.iterations?.count ?? 0) >= attempted);
  assert.ok(!existsSync(join(runFolder(out).k6, `${bySocket.trial}.json`)));
});

/** What is started meanwhile has these variables. */
function withEnvironment<Result>(changes: Record<string, string>, work: () => Result): Result {
  const before = { ...process.env };
  Object.assign(process.env, changes);
  try {
    return work();
  } finally {
    process.env = before;
  }
}
