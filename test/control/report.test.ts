import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { closeRedis, connectRedis, untilReady } from '../../control/connection.ts';
import { Reporter } from '../../control/report.ts';
import { reportStream } from '../../protocol/keys.ts';
import { type MemberMessage, memberMessageSchema } from '../../protocol/messages.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';

let server: PrivateRedis;
let redis: Redis;
before(async () => {
  server = await startPrivateRedis();
  redis = connectRedis(server.url, { name: 'test', blocking: true });
  await untilReady(redis, server.url);
});
after(async () => {
  await closeRedis(redis);
  await server.stop();
});

const attemptOf = (run: string) => ({ run, trial: 't', attempt: 1, epoch: 7 });
const ready = { kind: 'ready', port: 1234, notes: {} } as const;

async function said(run: string): Promise<MemberMessage[]> {
  const entries = await redis.xrange(reportStream(run), '-', '+');
  return entries.map(([, fields]) => memberMessageSchema.parse(JSON.parse(fields[1] as string)));
}

test('Reporter numbers what is said from 1 and keeps the order', async () => {
  const reporter = new Reporter(redis, attemptOf('order'), 'a1');
  reporter.say({ kind: 'prepared', backend: 'io_uring' });
  for (let second = 0; second < 20; second++) reporter.say({ kind: 'report', second });
  assert.equal(await reporter.flush(2_000), true);
  const messages = await said('order');
  assert.deepEqual(
    messages.map(({ sequence }) => sequence),
    Array.from({ length: 21 }, (_, index) => index + 1),
  );
  assert.equal(messages[0]?.sender, 'a1');
});

test('Reporter carries everything over a Redis that is killed and back within 3 s', async () => {
  const reporter = new Reporter(redis, attemptOf('restart'), 'a1');
  reporter.say({ kind: 'prepared', backend: 'io_uring' });
  // With everysec, what was answered within the last second may be lost: that is the deal with Redis.
  await reporter.flush(1_000);
  await sleep(1_500);
  await server.kill();
  for (let second = 0; second < 3; second++) {
    reporter.say({ kind: 'report', second });
    await sleep(700);
  }
  await server.start();
  const back = performance.now();
  assert.equal(await reporter.flush(5_000), true);
  assert.ok(performance.now() - back < 5_000);
  assert.deepEqual(
    (await said('restart')).map(({ sequence }) => sequence),
    [1, 2, 3, 4],
  );
});

test('Reporter drops the oldest reports while Redis is away for long, shows the gap, and keeps the result', async () => {
  await server.kill();
  const reporter = new Reporter(redis, attemptOf('bounded'), 'a1');
  reporter.say(ready);
  for (let second = 0; second < 500; second++) reporter.say({ kind: 'report', second });
  reporter.say({ kind: 'failed', stage: 'measure', reason: 'something', final: false });
  assert.equal(reporter.dropped, 502 - 120);
  await server.start();
  assert.equal(await reporter.flush(10_000), true);
  const messages = await said('bounded');
  assert.equal(messages.length, 120);
  assert.equal(messages[0]?.kind, 'ready');
  assert.equal(messages.at(-1)?.kind, 'failed');
  assert.equal(messages.at(-1)?.sequence, 502);
  assert.equal(messages[1]?.sequence, 384);
});

test('Reporter sends no message that the protocol would refuse: a broken report is dropped, a broken result becomes a failure', async () => {
  const reporter = new Reporter(redis, attemptOf('broken'), 'a1');
  reporter.say({ kind: 'report', second: Number.NaN });
  reporter.say({ kind: 'ready', port: 70_000, notes: {} });
  await reporter.flush(2_000);
  const messages = await said('broken');
  assert.deepEqual(
    messages.map((message) => [message.kind, message.sequence]),
    [['failed', 3]],
  );
  assert.match((messages[0] as { reason: string }).reason, /^Cannot say "ready"/);
  assert.equal(reporter.dropped, 2);
});

test('Reporter.skip() leaves a gap for reports that could not be made', async () => {
  const reporter = new Reporter(redis, attemptOf('skip'), 'a1');
  reporter.say({ kind: 'report', second: 0 });
  reporter.skip(3);
  reporter.say({ kind: 'report', second: 4 });
  await reporter.flush(2_000);
  assert.deepEqual(
    (await said('skip')).map(({ sequence }) => sequence),
    [1, 5],
  );
});
