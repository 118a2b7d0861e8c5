/** The pulse of the control plane against a real Redis: asked, lagging, away, and with an order that stalls. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { closeRedis, connectRedis } from '../../control/connection.ts';
import { Collector } from '../../coordinator/collect.ts';
import { takePulse } from '../../coordinator/control-pulse.ts';
import { Orders } from '../../coordinator/orders.ts';
import type { RunEvent } from '../../coordinator/watchers.ts';
import { queueName, queuePrefix, reportStream } from '../../protocol/keys.ts';
import type { ShareOrder } from '../../protocol/messages.ts';
import { startPrivateRedis } from '../private-redis.ts';

type Pulse = Extract<RunEvent, { kind: 'control' }>;
const run = 'pulse-1';

async function beating(t: TestContext) {
  const server = await startPrivateRedis();
  const redis = connectRedis(server.url, { name: 'test' });
  const collector = new Collector(redis, run, { onMessage() {}, onQuarantine() {}, onRefusal() {} });
  await collector.start();
  const orders = new Orders(redis, server.url, { run, ownQueues: true });
  const pulses: Pulse[] = [];
  const pulse = takePulse({ redis, collector, orders }, (one) => pulses.push(one));
  t.after(async () => {
    await pulse.stop();
    await orders.close();
    await collector.stop();
    await closeRedis(redis);
    await server.stop();
  });
  /** The first pulse from now on that is as wanted. */
  const until = async (wanted: (pulse: Pulse) => boolean, seconds = 15): Promise<Pulse> => {
    const from = pulses.length;
    for (let waitedMs = 0; waitedMs < seconds * 1_000; waitedMs += 20) {
      const found = pulses.slice(from).find(wanted);
      if (found !== undefined) return found;
      await sleep(20);
    }
    assert.fail(`no such pulse within ${seconds} s: ${JSON.stringify(pulses.slice(from))}`);
  };
  return { server, redis, orders, until };
}

test('takePulse() tells the round trip, a report’s age when it was read, and null while Redis is away', async (t) => {
  const { server, redis, until } = await beating(t);
  const well = await until(() => true);
  assert.ok(well.redisRoundTripSeconds !== null && well.redisRoundTripSeconds < 1);
  assert.equal(well.stalledJobs, 0);
  await redis.xadd(reportStream(run), '*', 'message', '{}');
  const fresh = await until(({ reportLagSeconds }) => reportLagSeconds !== null);
  assert.ok(fresh.reportLagSeconds !== null && fresh.reportLagSeconds >= 0 && fresh.reportLagSeconds < 1);
  // One that was made three seconds ago, by Redis' clock, and comes only now.
  const [seconds] = await redis.time();
  const last = await redis.xrevrange(reportStream(run), '+', '-', 'COUNT', 1);
  await redis.del(reportStream(run));
  const newest = Number.parseInt(last[0]?.[0] ?? '0', 10) + 1;
  const madeMs = Math.max(newest, Number(seconds) * 1_000 - 3_000);
  await sleep(3_000);
  await redis.xadd(reportStream(run), `${madeMs}-0`, 'message', '{}');
  const late = await until(({ reportLagSeconds }) => reportLagSeconds !== null);
  assert.ok((late.reportLagSeconds as number) > 2.5, `${late.reportLagSeconds} s`);
  await server.kill();
  assert.equal((await until((pulse) => pulse.redisRoundTripSeconds === null)).reportLagSeconds, null);
  await server.start();
  await until(({ redisRoundTripSeconds }) => redisRoundTripSeconds !== null);
});

test('takePulse() counts an order that BullMQ found stalled, once, and none of another run', async (t) => {
  const { server, redis, orders, until } = await beating(t);
  await orders.withdraw('agent', 'agent-1', { epoch: 1 });
  const stream = `${queuePrefix}:${queueName('agent', 'agent-1')}:events`;
  await redis.xadd(stream, '*', 'event', 'stalled', 'jobId', 'another-run-1-agent-1');
  const settings = { prefix: queuePrefix, lockDuration: 300, stalledInterval: 300, maxStalledCount: 0 };
  const take = (work: () => Promise<void>) => {
    const connection = connectRedis(server.url, { name: 'test-worker', blocking: true });
    const worker = new Worker(queueName('agent', 'agent-1'), work, { connection, ...settings });
    worker.on('error', () => {});
    return { worker, connection };
  };
  let taken: () => void = () => {};
  const isTaken = new Promise<void>((resolve) => {
    taken = resolve;
  });
  // It takes the order, and its connection is cut: the lock is renewed no more.
  const first = take(async () => {
    taken();
    await new Promise(() => {});
  });
  await orders.toAgent('agent-1', anOrder);
  await isTaken;
  first.connection.disconnect();
  await first.worker.close(true).catch(() => {});
  const second = take(async () => {});
  t.after(async () => {
    await second.worker.close(true);
    await closeRedis(second.connection);
  });
  assert.equal((await until(({ stalledJobs }) => stalledJobs > 0)).stalledJobs, 1);
  assert.equal((await until(() => true)).stalledJobs, 1);
});

const anOrder: ShareOrder = {
  run,
  trial: 'b01-c01',
  attempt: 1,
  epoch: 1,
  warmUpSeconds: 0,
  measuredSeconds: 1,
  index: 0,
  count: 1,
  cell: {
    variant: 'single-queue',
    cores: 1,
    engine: 'socket',
    messages: 1,
    requestBytes: 1,
    responseBytes: 1,
    close: 'client-fin',
    concurrency: 1,
    rate: null,
  },
  application: 'echo',
  target: { addresses: ['127.0.0.1'], port: 1 },
  sourceAddresses: [],
  seed: 1,
  connectSeconds: 1,
  responseSeconds: 1,
};
