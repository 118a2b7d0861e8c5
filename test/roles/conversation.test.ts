/** The whole conversation of a trial: a coordinator played by the test, a real server and a real agent as processes. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import type { MemberMessage } from '../../protocol/messages.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import { childrenOf, isAlive, type RoleProcess, startRole, until } from './role-process.ts';
import { anAttemptId, aServerOrder, aShareOrder, ScriptedCoordinator } from './scripted-coordinator.ts';

const run = 'run-conversation';
let redis: PrivateRedis;
let coordinator: ScriptedCoordinator;
let server: RoleProcess;
let agent: RoleProcess;

before(async () => {
  redis = await startPrivateRedis();
  coordinator = await ScriptedCoordinator.open(redis.url, run);
  server = startRole(['server', '--name', 's1', '--cores', '0'], redis.url);
  agent = startRole(['agent', '--name', 'a1', '--cores', '1'], redis.url);
  await Promise.all([coordinator.untilMember('server', 's1'), coordinator.untilMember('agent', 'a1')]);
});
after(async () => {
  await Promise.all([server.end(), agent.end()]);
  await coordinator.close();
  await redis.stop();
});

function reportsOf(sender: string, epoch: number) {
  return coordinator.heard.filter(
    (message): message is Extract<MemberMessage, { kind: 'report' }> =>
      message.kind === 'report' && message.sender === sender && message.epoch === epoch,
  );
}

test('A member record says who is there, where, with which cores and with how good a clock', async () => {
  const member = await coordinator.untilMember('agent', 'a1');
  assert.equal(member.pid, agent.pid);
  assert.deepEqual(member.cores, [1]);
  assert.deepEqual(member.allow, ['127.0.0.0/8', '::1/128']);
  assert.ok(member.clock.boundMicroseconds > 0 && member.clock.boundMicroseconds < 500_000);
  assert.deepEqual((await coordinator.untilMember('server', 's1')).addresses, ['127.0.0.1']);
});

test('A trial goes from order to result, every second is told of, and nothing is counted twice', async () => {
  const epoch = 1_000_001;
  await coordinator.order('server', 's1', aServerOrder(run, epoch));
  const { port } = await coordinator.hear('ready', { epoch });
  const [child] = childrenOf(server.pid);
  assert.ok(child !== undefined);

  await coordinator.order('agent', 'a1', aShareOrder(run, epoch, port));
  const { backend } = await coordinator.hear('prepared', { epoch });
  assert.match(backend, /^(io_uring|epoll)/);

  const startAt = (await coordinator.now()) + 150_000;
  await coordinator.say({ kind: 'start', ...anAttemptId(run, epoch), startAt });
  const { load } = await coordinator.hear('result', { epoch, sender: 'a1' });
  const lateMs = (await coordinator.now()) / 1000 - startAt / 1000 - 3_000;
  assert.ok(lateMs > 0 && lateMs < 4_000, `the result came ${lateMs} ms after the measured interval`);

  await coordinator.say({ kind: 'finish', ...anAttemptId(run, epoch) });
  const { server: served } = await coordinator.hear('result', { epoch, sender: 's1' });
  assert.ok(load !== undefined && served !== undefined);

  assert.ok(load.counts.completed > 500, `${load.counts.completed}`);
  assert.equal(Math.round(load.measuredSeconds * 10), 20);
  assert.equal(LatencyHistogram.decode(load.histograms.total).count, load.counts.completed);
  assert.equal(load.cores?.[0]?.core, 1);
  assert.deepEqual(load.notes, {});

  const failures = Object.values(load.lifetime.failed).reduce((sum, count) => sum + count, 0);
  const accepted = served.lifetimeAccepted ?? 0;
  assert.ok(accepted >= load.lifetime.completed * 0.999, `${accepted} of ${load.lifetime.completed}`);
  assert.ok(accepted <= (load.lifetime.completed + failures) * 1.001 + 8, `${accepted}`);
  assert.ok(Math.abs(served.measuredSeconds - 2) < 0.5, `${served.measuredSeconds} s`);
  assert.equal(served.cores?.[0]?.core, 0);
  const off = Math.abs((served.accepted ?? 0) - load.counts.completed) / load.counts.completed;
  assert.ok(off < 0.3, `${served.accepted} accepted, ${load.counts.completed} completed`);

  for (const sender of ['a1', 's1']) {
    assert.deepEqual(
      reportsOf(sender, epoch).map(({ second }) => second),
      [0, 1, 2],
      sender,
    );
  }
  const told = reportsOf('a1', epoch).reduce((sum, report) => sum + (report.load?.completed ?? 0), 0);
  assert.ok(told <= load.lifetime.completed && told > load.lifetime.completed * 0.9, `${told}`);
  assert.ok(!isAlive(child), 'the server process has ended');
});

test('A next trial is taken up at once, in a fresh process', async () => {
  const epoch = 1_000_002;
  await coordinator.order('server', 's1', aServerOrder(run, epoch));
  const began = performance.now();
  await coordinator.hear('ready', { epoch });
  assert.ok(performance.now() - began < 3_000);
  const [child] = childrenOf(server.pid);
  await coordinator.say({ kind: 'abort', ...anAttemptId(run, epoch), reason: 'enough' });
  await until(
    () => !isAlive(child as number),
    2_000,
    () => 'the server process goes on',
  );
  await until(
    () => childrenOf(server.pid).length === 0,
    2_000,
    () => 'a process is left',
  );
  assert.equal(
    coordinator.heard.some((message) => message.kind === 'failed'),
    false,
  );
});

test('A share of no connections is prepared, and its result is of none', async () => {
  const epoch = 1_000_003;
  const order = aShareOrder(run, epoch, 9, { index: 9, count: 10, warmUpSeconds: 0, measuredSeconds: 0.2 });
  await coordinator.order('agent', 'a1', order);
  assert.match((await coordinator.hear('prepared', { epoch })).backend, /^none/);
  await coordinator.say({
    kind: 'start',
    ...anAttemptId(run, epoch),
    startAt: (await coordinator.now()) + 50_000,
  });
  const { load } = await coordinator.hear('result', { epoch });
  assert.equal(load?.counts.attempted, 0);
});

test('Orders are taken and reports come after Redis has lost everything it held', async () => {
  const epoch = 1_000_004;
  await coordinator.forgetEverything();
  await coordinator.holdLease('1:test');
  await coordinator.order('agent', 'a1', aShareOrder(run, epoch, 9));
  await coordinator.hear('prepared', { epoch });
  await coordinator.say({ kind: 'abort', ...anAttemptId(run, epoch), reason: 'enough' });
  await coordinator.untilMember('agent', 'a1');
});
