/**
 * Clients that take and give nothing: 10,000 that connect and are silent, 100 that read a byte a second. Others are served
 * as before, and the silent cost little memory. Numbers are rows of the black-box checklist.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../server/under-test.ts';
import { type AttackedServer, attackedServer, inLab, requestBytes } from './attacked-server.ts';
import { until } from './scapy-peer.ts';

/** As many as this process may have open; the rest is for what else it needs. */
const mayOpen = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]);
const silentCount = Math.min(10_000, mayOpen - 500);
const slowCount = 100;
const mostRounds = 5;
const slowBytes = 262_144;
const attacked = (
  inLab.skip === false
    ? await attackedServer({ responseBytes: slowBytes, messages: 1, idleMs: 120_000 })
    : undefined
) as AttackedServer;
const open: Socket[] = [];
after(() => {
  for (const socket of open) socket.resetAndDestroy();
});

/** Milliseconds of honest clients, one after the other, rising. */
async function times(count: number): Promise<number[]> {
  const all: number[] = [];
  for (let turn = 0; turn < count; turn++) all.push(await attacked.serve());
  return all.sort((a, b) => a - b);
}

/**
 * Honest clients while others sit there: the first of some rounds in which they are served as before, or the last. Whatever
 * else the machine does has its own tail, but not in every round; what the others cost is there in each.
 */
async function timesAsGoodAs(before: readonly number[], count: number): Promise<number[]> {
  const isAsGood = (during: readonly number[]) =>
    median(during) < 2 * median(before) + 100 && p99(during) < 2 * p99(before) + 100;
  for (let round = 1; ; round++) {
    const during = await times(count);
    if (isAsGood(during) || round === mostRounds) return during;
  }
}

const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)] as number;
const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1] as number;

test(`${silentCount} silent connections cost little memory and nobody time (63)`, {
  ...inLab,
  timeout: 120_000,
}, async (t) => {
  await times(100);
  const before = await times(200);
  const memory = attacked.memoryBytes();
  for (let at = 0; at < silentCount; at += 500)
    await Promise.all(
      Array.from({ length: 500 }, async () => {
        const socket = connect({ host: attacked.address, port: attacked.port });
        open.push(socket);
        await once(socket, 'connect');
      }),
    );
  // All of them are the application's.
  await until(() => (attacked.server.accepted()?.[0] ?? 0) >= silentCount, 'all of them accepted');
  const during = await timesAsGoodAs(before, 200);
  const each = (attacked.memoryBytes() - memory) / silentCount;
  t.diagnostic(
    `${Math.round(each)} bytes each; median ${median(before).toFixed(2)} → ${median(during).toFixed(2)} ms, ` +
      `p99 ${p99(before).toFixed(2)} → ${p99(during).toFixed(2)} ms`,
  );
  assert.ok(each <= 4_096, `${each} bytes each`);
  assert.ok(median(during) < 2 * median(before) + 100, `${median(before)} → ${median(during)} ms`);
  assert.ok(p99(during) < 2 * p99(before) + 100, `${p99(before)} → ${p99(during)} ms`);
});

test('100 that read a byte a second are no burden to others (63)', inLab, async (t) => {
  const before = await times(100);
  const slow = await Promise.all(
    Array.from({ length: slowCount }, () => Client.to(attacked.port, attacked.address)),
  );
  for (const { socket } of slow) {
    open.push(socket);
    socket.pause();
    socket.write(Buffer.alloc(requestBytes, 1));
  }
  const reading = setInterval(() => {
    for (const { socket } of slow) socket.read(1);
  }, 1_000);
  await sleep(1_000);
  const during = await timesAsGoodAs(before, 100);
  clearInterval(reading);
  t.diagnostic(`median ${median(before).toFixed(2)} → ${median(during).toFixed(2)} ms`);
  assert.ok(median(during) < 2 * median(before) + 100, `${median(before)} → ${median(during)} ms`);
});
