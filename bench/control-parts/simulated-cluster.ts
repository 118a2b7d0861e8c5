/**
 * A cluster on this machine for one measurement: a Redis, processes of simulated members, a coordinator in a process of its
 * own. Everything is ended, whatever happens.
 */

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PrivateRedis, startPrivateRedis } from '../../coordinator/redis/private.ts';
import type { CoordinatorMeasured, CoordinatorOrder } from './measured-coordinator.ts';
import { chromiumPath, type WatchedPage, watchPage } from './page-watch.ts';
import { type PartProcess, startPart } from './part-process.ts';
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
  /** Null: there is no Chromium here. */
  readonly page: WatchedPage | null;
}

/** A lease thread each: more of them in one process would be late for each other. */
const agentsAProcess = 13;
const ticksASecond = 100;

/** @throws {Error} when a process of it does not do its part. */
export async function measureCluster({ agents, seconds }: ClusterWish): Promise<ClusterMeasured> {
  const folder = await mkdtemp(join(tmpdir(), 'stampede-control-'));
  const redis = await startPrivateRedis({ onRestart: () => {}, onLost: () => {} });
  const members: PartProcess<readonly Said[]>[] = [];
  try {
    for (let first = 0; first < agents; first += agentsAProcess)
      members.push(
        startPart('simulated-members', {
          ...{ redisUrl: redis.url, first, withServer: first === 0 },
          agents: Math.min(agentsAProcess, agents - first),
        } satisfies MembersOrder),
      );
    const began = { cpuSeconds: cpuSecondsOf(redis), atMs: performance.now() };
    const pageAddressFile = join(folder, 'page-address');
    const order: CoordinatorOrder = {
      ...{ redisUrl: redis.url, folder: join(folder, 'run'), agents, seconds, pageAddressFile },
    };
    const coordinating = startPart<CoordinatorMeasured>('measured-coordinator', order).measured;
    const watching =
      chromiumPath === undefined ? Promise.resolve(null) : watchPage(pageAddressFile, coordinating);
    // Of one that nobody waits for, because the coordinator failed first.
    watching.catch(() => {});
    const coordinator = await coordinating;
    const wholeSeconds = (performance.now() - began.atMs) / 1000;
    const redisCpuSeconds = cpuSecondsOf(redis) - began.cpuSeconds;
    const page = await watching;
    for (const { child } of members) child.kill('SIGTERM');
    const said = (await Promise.all(members.map(({ measured }) => measured))).flat();
    return { coordinator, said, redisCpuSeconds, wholeSeconds, page };
  } finally {
    for (const { child } of members) child.kill('SIGKILL');
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** User and system time so far, by proc_pid_stat(5). */
export function cpuSecondsOf(redis: PrivateRedis): number {
  const text = readFileSync(`/proc/${redis.pid()}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksASecond;
}
