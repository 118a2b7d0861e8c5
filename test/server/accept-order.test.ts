/**
 * Who accepts the next connection, on the cores that there are: the simulator's wake order (claims C34 and C37) against the
 * kernel's own.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { RunningServer } from '../../server-under-test/launch.ts';
import { acceptOrder } from '../../simulator/papers/claims-queues.ts';
import type { WakeOrder } from '../../simulator/wake-order.ts';
import { until } from '../net-attack/scapy-peer.ts';
import { Client, echoRequest, runningServer } from './under-test.ts';

const cores = [0, 1];
const requestBytes = 64;
const connections = 6;
const inARound = 20;
const shape = { application: 'echo', cores } as const;

const countsOf = (server: RunningServer): number[] => [...(server.accepted() ?? [])];
const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** One connection from its begin to its end. */
async function converse(server: RunningServer): Promise<void> {
  const client = await Client.to(server.port);
  client.send(echoRequest(requestBytes, 1));
  await client.until(requestBytes);
  client.socket.end();
  await client.ended;
}

/** Accepts by worker of `count` connections, each done before the next. */
async function oneByOne(server: RunningServer, count: number): Promise<number[]> {
  const before = countsOf(server);
  for (let turn = 0; turn < count; turn++) {
    await converse(server);
    // Until its worker has seen the end, too, and sleeps again; well under the 50 ms after which a blocked one waits anew.
    await sleep(2);
  }
  return acceptedSince(server, before, count);
}

async function acceptedSince(server: RunningServer, before: readonly number[], count: number) {
  await until(() => sum(countsOf(server)) === sum(before) + count, 'all accepts are counted');
  return countsOf(server).map((accepted, worker) => accepted - (before[worker] as number));
}

/** Accepts by worker as the simulator has them, most first. */
function simulatedCounts(order: WakeOrder, count: number): number[] {
  const accepted = acceptOrder(order, cores.length, count);
  return descending(cores.map((_core, worker) => accepted.filter((one) => one === worker).length));
}

const descending = (counts: readonly number[]): number[] => [...counts].sort((one, other) => other - one);

test('epoll-exclusive: connections that come one by one all go to one worker, as simulated (C34)', async (context) => {
  const server = await runningServer(context, { ...shape, variant: 'single-queue:epoll-exclusive' });
  const expected = simulatedCounts('lifo', connections);
  // On a machine that is busy with other things the first worker may still be awake when the next connection comes.
  const rounds: number[][] = [];
  do rounds.push(descending(await oneByOne(server, connections)));
  while (!isDeepStrictEqual(rounds.at(-1), expected) && rounds.length < 5);
  assert.deepEqual(rounds.at(-1), expected, rounds.map((counts) => counts.join(':')).join(', '));
});

test('blocking: connections that come one by one go to each worker in its turn, as simulated (C34)', async (context) => {
  const server = await runningServer(context, { ...shape, variant: 'single-queue:blocking' });
  const expected = simulatedCounts('fifo', inARound);
  // A worker that nobody wakes for 50 ms waits anew, behind the others: at the begin of a round that may be one turn more.
  const rounds: number[][] = [];
  for (let round = 0; round < 10; round++) rounds.push(descending(await oneByOne(server, inARound)));
  const asSimulated = rounds.filter(([most]) => Math.abs((most as number) - (expected[0] as number)) <= 1);
  context.diagnostic(rounds.map((counts) => counts.join(':')).join(', '));
  assert.ok(asSimulated.length >= 8, `${asSimulated.length} of ${rounds.length} rounds`);
});

/** Most ÷ fewest accepts of a worker, of connections that come at a moderate rate. */
async function spread(server: RunningServer, count: number): Promise<number> {
  const before = countsOf(server);
  const all: Promise<void>[] = [];
  for (let turn = 0; turn < count; turn++) {
    all.push(converse(server));
    await sleep(2);
  }
  await Promise.all(all);
  const own = await acceptedSince(server, before, count);
  return Math.max(...own) / Math.min(...own);
}

test('woken last in, first out, one worker does most of a moderate load; hashed, all do as much (C37)', async (context) => {
  const shared = await runningServer(context, { ...shape, variant: 'single-queue:epoll-exclusive' });
  const hashed = await runningServer(context, { ...shape, variant: 'reuseport:hash' });
  // What else runs on a core may keep its worker from accepting: one calm round of five is enough.
  const spreads: number[] = [];
  do spreads.push(await spread(shared, 300));
  while (Math.max(...spreads) < 10 && spreads.length < 5);
  const even = await spread(hashed, 600);
  context.diagnostic(`shared ${spreads.map((one) => one.toFixed(1)).join(', ')}; hashed ${even.toFixed(2)}`);
  assert.ok(Math.max(...spreads) >= 10, `${spreads}`);
  assert.ok(even <= 1.5, `${even}`);
});
