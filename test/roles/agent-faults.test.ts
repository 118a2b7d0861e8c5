import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ShareOrder } from '../../protocol/messages.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import { type EchoServer, startEchoServer } from './echo-server.ts';
import { isAlive, type RoleProcess, roleEntry, startRole, until } from './role-process.ts';
import { anAttemptId, aShareOrder, ScriptedCoordinator } from './scripted-coordinator.ts';

const run = 'run-agent-faults';
/** On SIGUSR2 the main thread does nothing else for 10 s: longer than every lease. */
const blockable =
  'data:text/javascript,process.on("SIGUSR2",()=>{const end=Date.now()+10000;while(Date.now()<end);})';
let redis: PrivateRedis;
let coordinator: ScriptedCoordinator;
let echo: EchoServer;
let agent: RoleProcess;
let epoch = 1_000_000;

before(async () => {
  redis = await startPrivateRedis();
  coordinator = await ScriptedCoordinator.open(redis.url, run);
  echo = await startEchoServer();
  await startAgent();
});
after(async () => {
  await agent.end();
  echo.close();
  await coordinator.close();
  await redis.stop();
});
beforeEach(() => {
  epoch++;
});

async function startAgent(): Promise<void> {
  agent = startRole(['agent', '--name', 'a1', '--cores', '1'], redis.url, ['--import', blockable]);
  await coordinator.untilMember('agent', 'a1');
}

/** Returns when the load has been flowing for a second. */
async function flooding(changes: Partial<ShareOrder> = {}): Promise<void> {
  await coordinator.order(
    'agent',
    'a1',
    aShareOrder(run, epoch, echo.port, { measuredSeconds: 60, ...changes }),
  );
  await coordinator.hear('prepared', { epoch });
  await coordinator.say({
    kind: 'start',
    ...anAttemptId(run, epoch),
    startAt: (await coordinator.now()) + 100_000,
  });
  await coordinator.hear('report', { epoch });
}

/** How long load has been silent, in milliseconds. */
async function silenceMs(): Promise<number> {
  return Date.now() - (await echo.asked()).last;
}

/** Fails unless load ends within `deadlineMs` of now. */
async function loadEnds(deadlineMs: number): Promise<void> {
  await until(
    async () => (await silenceMs()) > 600,
    deadlineMs + 600,
    () => 'the load goes on',
  );
}

test('stampede agent refuses a target it was not started to allow, for good, and says why', async () => {
  const order = aShareOrder(run, epoch, 80, { target: { addresses: ['127.0.0.1', '198.18.0.1'], port: 80 } });
  await coordinator.order('agent', 'a1', order);
  const failed = await coordinator.hear('failed', { epoch });
  assert.deepEqual([failed.stage, failed.final], ['prepare', true]);
  assert.match(
    failed.reason,
    /^Cannot send load to 198\.18\.0\.1: this agent was started to allow 127\.0\.0\.0\/8/,
  );
});

test('stampede agent refuses source addresses that are not its own, for good', async () => {
  await coordinator.order('agent', 'a1', aShareOrder(run, epoch, 80, { sourceAddresses: ['127.0.0.9'] }));
  const failed = await coordinator.hear('failed', { epoch });
  assert.match(failed.reason, /^Cannot send load from 127\.0\.0\.9/);
  assert.equal(failed.final, true);
});

test('stampede agent refuses orders that are malformed, too large, or not orders at all, and lives', async () => {
  const good = aShareOrder(run, epoch, echo.port);
  await coordinator.orderRaw('agent', 'a1', { ...good, extra: 1 });
  const malformed = await coordinator.hear('failed', { epoch });
  assert.match(malformed.reason, /^Cannot take an order: .*[Uu]nrecognized key/);
  assert.equal(malformed.final, true);

  epoch++;
  const large = { ...aShareOrder(run, epoch, echo.port), sourceAddresses: Array(2_000).fill('127.0.0.1') };
  await coordinator.orderRaw('agent', 'a1', large);
  assert.match(
    (await coordinator.hear('failed', { epoch })).reason,
    /it has \d+ bytes; wanted at most 16384/,
  );

  for (const nonsense of [
    null,
    7,
    'x',
    [],
    { __proto__: null, run: { a: 1 } },
    { epoch: 1e308 },
    'y'.repeat(1e6),
  ]) {
    await coordinator.orderRaw('agent', 'a1', nonsense);
  }
  epoch++;
  await coordinator.order('agent', 'a1', aShareOrder(run, epoch, echo.port));
  await coordinator.hear('prepared', { epoch });
  await coordinator.say({ kind: 'abort', ...anAttemptId(run, epoch), reason: 'the test is over' });
});

test('stampede agent refuses an order of an epoch that is over, and one it was given before', async () => {
  for (const old of [1_000_000, epoch - 1]) {
    await coordinator.order('agent', 'a1', aShareOrder(run, old, echo.port));
    await agent.said(new RegExp(`epoch ${old}: `));
  }
  assert.equal(
    coordinator.heard.some((message) => message.epoch === 1_000_000),
    false,
  );
});

test('stampede agent stops its load within a second of an abort, and says nothing more of it', async () => {
  await flooding();
  await coordinator.say({ kind: 'abort', ...anAttemptId(run, epoch), reason: 'the test says so' });
  await loadEnds(1_000);
  await sleep(500);
  const heard = (await coordinator.listen()).filter((message) => message.epoch === epoch);
  assert.ok(
    heard.every(({ kind }) => kind === 'prepared' || kind === 'report'),
    JSON.stringify(heard.at(-1)),
  );
});

test('stampede agent ends an attempt when a newer one of the run begins', async () => {
  await flooding();
  await coordinator.say({ kind: 'abort', ...anAttemptId(run, epoch + 1), reason: 'newer' });
  epoch++;
  await loadEnds(1_000);
});

test('stampede agent reports without a gap while Redis is killed and back within 3 s', async () => {
  await flooding({ warmUpSeconds: 1, measuredSeconds: 6 });
  await redis.kill();
  await sleep(1_500);
  await redis.start();
  await coordinator.holdLease('1:test');
  const { load, sequence } = await coordinator.hear('result', { epoch, deadlineMs: 15_000 });
  assert.ok((load?.counts.completed ?? 0) > 500);
  const sequences = coordinator.heard.filter((message) => message.epoch === epoch).map((m) => m.sequence);
  // What Redis had not yet written to its disk may be lost with it: at most the last second.
  const missing = Array.from({ length: sequence }, (_, index) => index + 1).filter(
    (n) => !sequences.includes(n),
  );
  assert.ok(missing.length <= 2, `missing ${missing}`);
  assert.ok(sequence === 9, `${sequence}`);
});

test('stampede agent goes on flooding while its event loop is blocked for 10 s: no false loss', async () => {
  await flooding({ warmUpSeconds: 1, measuredSeconds: 13 });
  agent.kill('SIGUSR2');
  await sleep(9_000);
  assert.ok((await silenceMs()) < 2_000, 'the load goes on');
  assert.notEqual(await coordinator.member('agent', 'a1'), null, 'its lease is renewed');
  const { load, sequence } = await coordinator.hear('result', { epoch, deadlineMs: 10_000 });
  assert.ok((load?.counts.completed ?? 0) > 1_000);
  const reports = coordinator.heard.filter((message) => message.epoch === epoch && message.kind === 'report');
  assert.equal(sequence, 1 + 14 + 1, 'every second has its number');
  assert.ok(reports.length >= 3 && reports.length <= 6, `${reports.length} of 14 seconds could be told of`);
});

test('stampede agent stops its load and ends on SIGTERM, gives its lease back, and says why', async () => {
  await flooding();
  const began = performance.now();
  agent.kill('SIGTERM');
  assert.equal(await agent.ended, 0, agent.log());
  assert.ok(performance.now() - began < 5_000);
  assert.equal(await coordinator.member('agent', 'a1'), null);
  assert.match((await coordinator.hear('failed', { epoch })).reason, /a1 was told to stop/);
});

test('stampede agent ends at once on a second SIGTERM', async () => {
  await startAgent();
  await flooding();
  await redis.kill();
  const began = performance.now();
  agent.kill('SIGTERM');
  await agent.said(/"stopping"/);
  agent.kill('SIGTERM');
  const how = await agent.ended;
  assert.ok(performance.now() - began < 4_000, `${performance.now() - began} ms`);
  assert.ok(how === 'SIGKILL' || how === 0, String(how));
  await redis.start();
});

test('stampede agent shows no password in its log', () => {
  assert.ok(
    !agent.log().includes(redis.password) && !agent.log().includes(encodeURIComponent(redis.password)),
  );
});

test('stampede agent started with --die-with-parent ends when its parent is killed', async () => {
  const program = `
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, ${JSON.stringify([roleEntry, 'agent', '--name', 'orphan', '--cores', '1'])}
      .concat('--die-with-parent', String(process.pid)), { stdio: 'ignore' });
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, STAMPEDE_REDIS_URL: redis.url },
  });
  const [line] = (await once(parent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const orphan = Number(line.toString());
  await coordinator.untilMember('agent', 'orphan');
  parent.kill('SIGKILL');
  await until(
    () => !isAlive(orphan),
    5_000,
    () => 'the agent outlives its parent',
  );
  assert.equal(await coordinator.member('agent', 'orphan'), null);
});
