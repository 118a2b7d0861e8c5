/**
 * The pulse of the control plane, for those who watch a run: once a second how long Redis takes to answer, how far behind
 * the report stream is read, and how many orders stalled. It judges nothing, and a Redis that is away does not end it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { withDeadline } from '../control/connection.ts';
import type { ControlPlane } from './control-plane.ts';
import type { RunEvent } from './watchers.ts';

const everyMs = 1_000;
const answerMs = 1_000;

type Pulse = Extract<RunEvent, { kind: 'control' }>;

/** Until `stop`, which waits for the pulse that is being taken. Never rejects. */
export function takePulse(
  { redis, collector, orders }: Pick<ControlPlane, 'redis' | 'collector' | 'orders'>,
  tell: (pulse: Pulse) => void,
): { stop(): Promise<void> } {
  const end = new AbortController();
  let stalledJobs = 0;
  const pulse = async (): Promise<Pulse> => {
    const sentMs = performance.now();
    const redisRoundTripSeconds = await withDeadline(redis.ping(), answerMs, 'Cannot reach Redis').then(
      () => (performance.now() - sentMs) / 1000,
      () => null,
    );
    stalledJobs = await orders.countStalled(answerMs).catch(() => stalledJobs);
    return {
      kind: 'control',
      redisRoundTripSeconds,
      reportLagSeconds: collector.takeLagSeconds(),
      stalledJobs,
    };
  };
  const loop = async () => {
    while (!end.signal.aborted) {
      tell(await pulse());
      await sleep(everyMs, undefined, { signal: end.signal }).catch(() => {});
    }
  };
  const done = loop();
  return {
    async stop() {
      end.abort();
      await done;
    },
  };
}
