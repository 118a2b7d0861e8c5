import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { monotonicNs } from '../../control/clock.ts';
import { closeRedis, connectRedis, untilReady } from '../../control/connection.ts';
import { Lease, type LeaseEvents } from '../../control/lease.ts';
import { LoadDeadline } from '../../control/load-deadline.ts';
import { coordinatorKey, leaseMs, loadStopMs, memberKey } from '../../protocol/keys.ts';
import { memberSchema } from '../../protocol/messages.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import { until } from '../roles/role-process.ts';

let server: PrivateRedis;
let redis: Redis;
before(async () => {
  server = await startPrivateRedis();
  redis = connectRedis(server.url, { name: 'test' });
  await untilReady(redis, server.url);
});
after(async () => {
  await closeRedis(redis);
  await server.stop();
});

/** Closed however the test ends: a lease that goes on keeps its process alive. */
async function joinFor(
  test: TestContext,
  name: string,
  { url = server.url, events = quiet }: { url?: string; events?: LeaseEvents } = {},
): Promise<Lease> {
  const lease = await Lease.join(url, aMember(name), events);
  test.after(() => lease.close());
  return lease;
}

const quiet: LeaseEvents = {
  onTrouble: () => undefined,
  onRenewed: () => undefined,
  onEnded: () => undefined,
};

function aMember(name: string, changes: { pid?: number; instance?: string } = {}) {
  return {
    role: 'agent' as const,
    name,
    instance: randomBytes(4).toString('hex'),
    host: hostname(),
    pid: process.pid,
    cores: [0],
    allow: [],
    sourceAddresses: [],
    addresses: [],
    ...changes,
  };
}

function leftMs(memory: SharedArrayBuffer): number {
  return Number(new LoadDeadline(memory).monotonicNs - monotonicNs()) / 1e6;
}

test('Lease.join() writes a member record with a clock under a key that expires; close() takes it away', async (t) => {
  const lease = await joinFor(t, 'one');
  const member = memberSchema.parse(JSON.parse((await redis.get(memberKey('agent', 'one'))) ?? ''));
  assert.deepEqual(member.clock, lease.clock);
  assert.ok(lease.clock.offsetMicroseconds > 1e15 / 2);
  const ttl = await redis.pttl(memberKey('agent', 'one'));
  assert.ok(ttl > 0 && ttl <= leaseMs, `${ttl}`);
  await lease.close();
  assert.equal(await redis.exists(memberKey('agent', 'one')), 0);
});

test('Lease goes on being renewed while the event loop of its process is blocked for longer than the lease', async (t) => {
  const lease = await joinFor(t, 'blocked');
  await redis.set(coordinatorKey('blocked-run'), '1:x');
  const run = await lease.serve('blocked-run');
  const blockedUntil = performance.now() + leaseMs + 2_500;
  while (performance.now() < blockedUntil);
  // Read before the loop turns once: what the thread did by itself.
  assert.ok(leftMs(run.memory) > loadStopMs - 2_500, `${leftMs(run.memory)} ms left`);
  assert.equal(await redis.exists(memberKey('agent', 'blocked')), 1);
  run.release();
});

test('Lease survives a Redis that is killed and back within 3 s', async (t) => {
  const troubles: (string | null)[] = [];
  const lease = await joinFor(t, 'restart', {
    events: { ...quiet, onTrouble: (trouble) => troubles.push(trouble) },
  });
  await redis.set(coordinatorKey('restart-run'), '1:x');
  await redis.bgrewriteaof();
  const run = await lease.serve('restart-run');
  await sleep(1_200);
  await server.kill();
  await sleep(2_500);
  assert.ok(leftMs(run.memory) > 3_000 && leftMs(run.memory) < loadStopMs - 2_000);
  await server.start();
  await sleep(2_000);
  assert.ok(leftMs(run.memory) > loadStopMs - 2_000, `${leftMs(run.memory)} ms left`);
  assert.equal(troubles.length, 2, JSON.stringify(troubles));
});

// Each waits for a lease to run out; they do so together.
describe('Lease', { concurrency: true }, () => {
  test('Lease.join() takes a name over at once from a process of this host that is dead', async (t) => {
    const dead = {
      ...aMember('again', { pid: 2 ** 22 - 1 }),
      clock: { offsetMicroseconds: 0, boundMicroseconds: 0 },
    };
    await redis.set(memberKey('agent', 'again'), JSON.stringify(dead), 'PX', leaseMs);
    const began = performance.now();
    await joinFor(t, 'again');
    assert.ok(performance.now() - began < 4_000);
  });

  test('Lease.join() refuses a name that another living process keeps, and says whose it is', async (t) => {
    await joinFor(t, 'taken');
    await assert.rejects(
      Lease.join(server.url, aMember('taken'), quiet),
      new RegExp(`Cannot join as agent "taken": process ${process.pid} on .* has that name`),
    );
  });

  test('Lease tells a member whose name was taken meanwhile, and leaves the successor alone', async (t) => {
    let ended = '';
    const lease = await joinFor(t, 'successor', {
      events: {
        ...quiet,
        onEnded: (error) => {
          ended = error.message;
        },
      },
    });
    const other = { ...aMember('successor', { instance: 'other' }), clock: lease.clock };
    await redis.set(memberKey('agent', 'successor'), JSON.stringify(other));
    await until(
      () => ended !== '',
      6_000,
      () => 'it was not told',
    );
    assert.match(ended, /has taken that name/);
    assert.equal(JSON.parse((await redis.get(memberKey('agent', 'successor'))) ?? '').instance, 'other');
  });

  test('Lease is lost for good within 10 s of the last sign of the coordinator, and the deadline is not moved again', async (t) => {
    const lease = await joinFor(t, 'left');
    await redis.set(coordinatorKey('left-run'), '1:x', 'PX', leaseMs);
    const began = performance.now();
    const run = await lease.serve('left-run');
    const reason = await run.lost;
    const tookMs = performance.now() - began;
    assert.match(reason, /the coordinator let its lease expire/);
    assert.ok(tookMs > leaseMs && tookMs < 10_000, `${tookMs} ms`);
    assert.equal(new LoadDeadline(run.memory).monotonicNs, 0n);
    await redis.set(coordinatorKey('left-run'), '1:x', 'PX', leaseMs);
    await sleep(1_500);
    assert.equal(new LoadDeadline(run.memory).monotonicNs, 0n);
  });

  test('Lease is lost as soon as another coordinator holds the run', async (t) => {
    const lease = await joinFor(t, 'replaced');
    await redis.set(coordinatorKey('replaced-run'), '1:x', 'PX', leaseMs);
    const run = await lease.serve('replaced-run');
    const began = performance.now();
    await redis.set(coordinatorKey('replaced-run'), '2:y', 'PX', leaseMs);
    assert.equal(await run.lost, 'another coordinator has taken over the run');
    assert.ok(performance.now() - began < 4_000);
  });

  test('Lease is lost within 10 s when Redis is gone for good', async (t) => {
    const doomed = await startPrivateRedis();
    t.after(() => doomed.stop());
    const connection = connectRedis(doomed.url, { name: 'test' });
    await connection.set(coordinatorKey('doomed-run'), '1:x');
    const lease = await joinFor(t, 'doomed', { url: doomed.url });
    const run = await lease.serve('doomed-run');
    const began = performance.now();
    await doomed.kill();
    assert.match(await run.lost, /the lease was not renewed in time/);
    assert.ok(performance.now() - began < 10_000);
    connection.disconnect();
  });
});
