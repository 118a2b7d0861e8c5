/**
 * A cluster on this machine for one measurement: a Redis, processes of simulated members, a coordinator in a process of its
 * own. Everything is ended, whatever happens.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PrivateRedis, startPrivateRedis } from '../../coordinator/redis/private.ts';
import type { CoordinatorMeasured, CoordinatorOrder } from './measured-coordinator.ts';
import type { MembersOrder, Said } from './simulated-members.ts';

export interface ClusterWish {
  readonly agents: number;
  readonly seconds: number;
}

export interface ClusterMeasured {
  readonly coordinator: CoordinatorMeasured;
  readonly said: readonly Said[];
  /** CPU seconds of Redis, from the start of the coordinator to its end. */
  readonly redisCpuSeconds: number;
  readonly wholeSeconds: number;
}

/** A lease thread each: more of them in one process would be late for each other. */
const agentsAProcess = 13;
const ticksASecond = 100;

/** @throws {Error} when a process of it does not do its part. */
export async function measureCluster({ agents, seconds }: ClusterWish): Promise<ClusterMeasured> {
  const folder = await mkdtemp(join(tmpdir(), 'stampede-control-'));
  const redis = await startPrivateRedis({ onRestart: () => {}, onLost: () => {} });
  const members: Process[] = [];
  try {
    for (let first = 0; first < agents; first += agentsAProcess)
      members.push(
        start('simulated-members', {
          ...{
            redisUrl: redis.url,
            first,
            agents: Math.min(agentsAProcess, agents - first),
            withServer: first === 0,
          },
        } satisfies MembersOrder),
      );
    const began = { redis: cpuSecondsOf(redis), atMs: performance.now() };
    const order: CoordinatorOrder = { redisUrl: redis.url, folder: join(folder, 'run'), agents, seconds };
    const coordinator = JSON.parse(await start('measured-coordinator', order).output) as CoordinatorMeasured;
    const wholeSeconds = (performance.now() - began.atMs) / 1000;
    const redisCpuSeconds = cpuSecondsOf(redis) - began.redis;
    for (const { child } of members) child.kill('SIGTERM');
    const said = (await Promise.all(members.map(({ output }) => output))).flatMap(
      (text) => JSON.parse(text) as Said[],
    );
    return { coordinator, said, redisCpuSeconds, wholeSeconds };
  } finally {
    for (const { child } of members) child.kill('SIGKILL');
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Process {
  readonly child: ChildProcess;
  /** What it printed, once it has ended as it should. */
  readonly output: Promise<string>;
}

function start(part: string, order: object): Process {
  const program = fileURLToPath(new URL(`./${part}.js`, import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    text += data;
  });
  const output = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      if (status === 0) resolve(text);
      else
        reject(
          new Error(`Cannot measure the control plane: ${part} ended with ${signal ?? `status ${status}`}`),
        );
    });
  });
  // Ends that nobody waits for, because another part failed first.
  output.catch(() => {});
  return { child, output };
}

/** User and system time, by proc_pid_stat(5). */
function cpuSecondsOf(redis: PrivateRedis): number {
  const text = readFileSync(`/proc/${redis.pid()}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksASecond;
}
