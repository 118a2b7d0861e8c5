/** Load ends when nobody can stop it any more. Every test has an agent and a run of its own, and they wait together. */

import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import { startEchoServer } from './echo-server.ts';
import { startRole, until } from './role-process.ts';
import { anAttemptId, aShareOrder, ScriptedCoordinator } from './scripted-coordinator.ts';

const epoch = 1_000_001;
let redis: PrivateRedis;
before(async () => {
  redis = await startPrivateRedis();
});
after(() => redis.stop());

/** An agent that has flooded an echo server for a second, in a run of its own. */
async function floodingAgent(test: TestContext, name: string) {
  const run = `run-${name}`;
  const [coordinator, echo] = await Promise.all([
    ScriptedCoordinator.open(redis.url, run),
    startEchoServer(),
  ]);
  const agent = startRole(['agent', '--name', name, '--cores', '1'], redis.url);
  test.after(async () => {
    await agent.end();
    echo.close();
    await coordinator.close();
  });
  await coordinator.untilMember('agent', name);
  await coordinator.order('agent', name, aShareOrder(run, epoch, echo.port, { measuredSeconds: 60 }));
  await coordinator.hear('prepared');
  const startAt = (await coordinator.now()) + 100_000;
  await coordinator.say({ kind: 'start', ...anAttemptId(run, epoch), startAt });
  await coordinator.hear('report');
  return { coordinator, echo, agent };
}

describe('stampede agent', { concurrency: true }, () => {
  test('that was stopped for 10 s makes at most 1 s of load when it wakes up, and says that its lease is lost', async (t) => {
    const { coordinator, agent, echo } = await floodingAgent(t, 'stopped');
    agent.kill('SIGSTOP');
    const gone = async () => (await coordinator.member('agent', 'stopped')) === null;
    await until(gone, 10_000, () => 'it still has a lease');
    await sleep(4_000);
    const before = (await echo.asked()).count;
    const woken = Date.now();
    agent.kill('SIGCONT');
    await sleep(2_000);
    const { count, last } = await echo.asked();
    assert.ok(last - woken < 1_000, `load until ${last - woken} ms after waking up`);
    assert.ok(count - before < 8_000, `${count - before} connections`);
    assert.match((await coordinator.hear('failed')).reason, /the lease was not renewed in time|lease/);
    assert.notEqual(await coordinator.member('agent', 'stopped'), null, 'it is there for the next attempt');
  });

  test('stops its load within 10 s of the last sign of its coordinator', async (t) => {
    const { coordinator, echo } = await floodingAgent(t, 'left-alone');
    coordinator.dropLease();
    const dropped = Date.now();
    const silent = async () => Date.now() - (await echo.asked()).last > 1_000;
    await until(silent, 12_000, () => 'the load goes on');
    const loadMs = (await echo.asked()).last - dropped;
    assert.ok(loadMs > 2_000 && loadMs < 10_000, `load for ${loadMs} ms`);
    assert.match((await coordinator.hear('failed')).reason, /the coordinator let its lease expire/);
  });

  test('that is killed leaves no load, and its name can be taken at once', async (t) => {
    const { coordinator, echo, agent } = await floodingAgent(t, 'killed');
    agent.kill('SIGKILL');
    await agent.ended;
    const killed = Date.now();
    const successor = startRole(['agent', '--name', 'killed', '--cores', '1'], redis.url);
    t.after(() => successor.end());
    const taken = async () => (await coordinator.member('agent', 'killed'))?.pid === successor.pid;
    await until(taken, 5_000, () => 'the name is not taken over');
    assert.ok((await echo.asked()).last - killed < 200);
  });
});
