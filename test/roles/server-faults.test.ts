import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import { childrenOf, isAlive, type RoleProcess, startRole, until } from './role-process.ts';
import { anAttemptId, aServerOrder, ScriptedCoordinator } from './scripted-coordinator.ts';

const run = 'run-server-faults';
let redis: PrivateRedis;
let coordinator: ScriptedCoordinator;
let server: RoleProcess;
let epoch = 1_000_000;

before(async () => {
  redis = await startPrivateRedis();
  coordinator = await ScriptedCoordinator.open(redis.url, run);
  server = startRole(['server', '--name', 's1', '--cores', '0'], redis.url);
  await coordinator.untilMember('server', 's1');
});
after(async () => {
  await server.end();
  await coordinator.close();
  await redis.stop();
});
beforeEach(() => {
  epoch++;
});

async function servingChild(): Promise<number> {
  await coordinator.order('server', 's1', aServerOrder(run, epoch, { measuredSeconds: 60 }));
  await coordinator.hear('ready', { epoch });
  const [child] = childrenOf(server.pid);
  assert.ok(child !== undefined);
  return child;
}

async function start(): Promise<void> {
  await coordinator.say({
    kind: 'start',
    ...anAttemptId(run, epoch),
    startAt: (await coordinator.now()) + 50_000,
  });
}

test('stampede server says at which stage its server process was killed, and by what', async () => {
  process.kill(await servingChild(), 'SIGKILL');
  const before = await coordinator.hear('failed', { epoch });
  assert.equal(before.stage, 'prepare');
  assert.match(before.reason, /ended by itself: .*SIGKILL/);
  assert.equal(before.final, false);

  epoch++;
  const child = await servingChild();
  await start();
  await coordinator.hear('report', { epoch });
  await until(
    async () =>
      (await coordinator.listen()).some((m) => m.kind === 'report' && m.epoch === epoch && m.second >= 1),
    5_000,
    () => 'no second report',
  );
  process.kill(child, 'SIGKILL');
  assert.equal((await coordinator.hear('failed', { epoch })).stage, 'measure');
});

test('stampede server refuses cores and addresses it was not started with, for good', async () => {
  await coordinator.order('server', 's1', aServerOrder(run, epoch, { cores: [1] }));
  const cores = await coordinator.hear('failed', { epoch });
  assert.equal(cores.final, true);
  assert.match(cores.reason, /^Cannot serve on core 1: this server was started with the cores 0;/);
  epoch++;
  await coordinator.order('server', 's1', aServerOrder(run, epoch, { addresses: ['0.0.0.0'] }));
  const addresses = await coordinator.hear('failed', { epoch });
  assert.equal(addresses.final, true);
  assert.match(addresses.reason, /^Cannot serve on 0\.0\.0\.0/);
});

test('stampede server gives no result when it is told to finish before the measured interval is over', async () => {
  const child = await servingChild();
  await start();
  await coordinator.hear('report', { epoch });
  await coordinator.say({ kind: 'finish', ...anAttemptId(run, epoch) });
  const failed = await coordinator.hear('failed', { epoch });
  assert.match(failed.reason, /before its measured interval was over/);
  assert.ok(!isAlive(child));
});

test('stampede server kills its process within 10 s of the last sign of its coordinator', async () => {
  const child = await servingChild();
  coordinator.dropLease();
  const began = performance.now();
  await until(
    () => !isAlive(child),
    12_000,
    () => 'the server process goes on',
  );
  assert.ok(performance.now() - began < 10_000);
  assert.match((await coordinator.hear('failed', { epoch })).reason, /the coordinator let its lease expire/);
  await coordinator.holdLease('1:test');
});

test('stampede server ends its process and itself on SIGTERM', async () => {
  const child = await servingChild();
  const began = performance.now();
  server.kill('SIGTERM');
  assert.equal(await server.ended, 0, server.log());
  assert.ok(performance.now() - began < 5_000);
  assert.ok(!isAlive(child));
  assert.match((await coordinator.hear('failed', { epoch })).reason, /s1 was told to stop/);
  assert.equal(await coordinator.member('server', 's1'), null);
});

test('stampede server leaves no process behind when it is killed', async () => {
  server = startRole(['server', '--name', 's1', '--cores', '0'], redis.url);
  await coordinator.untilMember('server', 's1');
  const child = await servingChild();
  server.kill('SIGKILL');
  await server.ended;
  await until(
    () => !isAlive(child),
    2_000,
    () => 'the server process outlives the role',
  );
});
