import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  closeRedis,
  connectRedis,
  DeadlineError,
  untilReady,
  withDeadline,
} from '../../control/connection.ts';
import { Failure } from '../../protocol/failure.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';

let redis: PrivateRedis;
before(async () => {
  redis = await startPrivateRedis();
});
after(() => redis.stop());

async function refusalOf(url: string, deadlineMs: number): Promise<{ message: string; tookMs: number }> {
  const began = performance.now();
  const connection = connectRedis(url, { name: 'test' });
  try {
    await untilReady(connection, url, deadlineMs);
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.exitStatus, 2);
    return { message: error.message, tookMs: performance.now() - began };
  } finally {
    connection.disconnect();
  }
  throw new Error('it was not refused');
}

test('untilReady() says at once that a password is wrong, and does not show it', async () => {
  const { message, tookMs } = await refusalOf(`redis+unix://:wrongone@${redis.socket}`, 5_000);
  assert.match(message, /^Cannot log in to Redis at redis\+unix:\/\/\/.*: WRONGPASS/);
  assert.ok(!message.includes('wrongone'));
  assert.ok(tookMs < 3_000, `${tookMs} ms`);
});

test('untilReady() says that no password was given', async () => {
  const { message } = await refusalOf(`redis+unix://${redis.socket}`, 5_000);
  assert.match(message, /^Cannot log in to Redis at .*: NOAUTH/);
});

test('untilReady() gives an unreachable Redis its deadline, and names why', async () => {
  const { message, tookMs } = await refusalOf('redis://:hidden@127.0.0.1:1', 600);
  assert.match(message, /^Cannot reach Redis at redis:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.* for 0\.6 s/);
  assert.ok(!message.includes('hidden'));
  assert.ok(tookMs < 4_000, `${tookMs} ms`);
});

test('withDeadline() ends a call that Redis does not answer, and names it', async () => {
  await assert.rejects(
    withDeadline(new Promise(() => undefined), 50, 'Cannot send the order'),
    (error) =>
      error instanceof DeadlineError &&
      error.message === 'Cannot send the order: no answer from Redis within 50 ms',
  );
  assert.equal(await withDeadline(Promise.resolve(3), 50, 'Cannot count'), 3);
});

test('connectRedis() is back within 2 s of a restart, keeps waiting commands, and tells of both changes once', async () => {
  const changes: (string | null)[] = [];
  const connection = connectRedis(redis.url, { name: 'test', onChange: (trouble) => changes.push(trouble) });
  await untilReady(connection, redis.url);
  await connection.set('kept', '1');
  await redis.kill();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const waiting = connection.set('waited', 'yes');
  const restart = performance.now();
  await redis.start();
  assert.equal(await waiting, 'OK');
  assert.ok(performance.now() - restart < 2_000);
  assert.equal(await connection.get('waited'), 'yes');
  assert.equal(changes.length, 2, JSON.stringify(changes));
  assert.match(String(changes[0]), /ECONNREFUSED|ENOENT|ECONNRESET|closed/i);
  assert.equal(changes[1], null);
  await closeRedis(connection);
});
