/**
 * A process that does what a coordinator does in the middle of a trial, however many agents there are: holds its lease on the
 * run, collects and screens reports, watches every member's lease. The real parts, put together as a run puts them.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { AttemptUnderWay } from '../../coordinator/attempt.ts';
import { Closers } from '../../coordinator/closing.ts';
import { openControlPlane } from '../../coordinator/control-plane.ts';
import { gatherCrew, watchCrew } from '../../coordinator/members.ts';
import type { AttemptId } from '../../protocol/messages.ts';
import { ReportWatch, type WatchedReports } from './report-watch.ts';

export interface CollectorOrder {
  readonly redisUrl: string;
  readonly attempt: AttemptId;
  readonly agents: number;
  readonly startAtMs: number;
  readonly seconds: number;
}

export interface CollectorMeasured extends WatchedReports {
  readonly lost: number;
  readonly refused: number;
  /** Members that it took for lost. */
  readonly lostMembers: number;
}

/** For the last reports to come. */
const afterMs = 2_000;

const order = JSON.parse(process.argv[2] ?? '') as CollectorOrder;
// By name: looking for members ends at a thousand.
const agents = Array.from({ length: order.agents }, (_, index) => `agent-${index}`);
const watch = new ReportWatch();
const closers = new Closers();
let lostMembers = 0;
let attempt: AttemptUnderWay | null = null;
const control = await openControlPlane(
  { redisUrl: order.redisUrl, cores: [], ownQueues: false, run: order.attempt.run, incarnation: 1 },
  {
    onMessage: (message) => {
      attempt?.take(message);
      if (message.kind === 'report') watch.take(message);
    },
    ...{
      onQuarantine: () => {},
      onRefusal: () => {},
      onForgotten: fail,
      onWarning: () => {},
      onRedis: () => {},
    },
    onLost: (error) => fail(error.message),
  },
  closers,
);
const crew = await gatherCrew(
  control.redis,
  { agents: order.agents, names: { server: 'server-0', agents } },
  order.startAtMs - Date.now(),
  new AbortController().signal,
);
if (!('server' in crew)) throw new Error(`Cannot measure: ${crew.missing}`);
attempt = new AttemptUnderWay(order.attempt, crew);
const senders = new Set(crew.agents.map(({ name }) => name));
control.collector.expect({ run: order.attempt.run, epoch: order.attempt.epoch, senders });
const watching = watchCrew(control.redis, crew, () => {
  lostMembers++;
});
await sleep(order.startAtMs + order.seconds * 1000 + afterMs - Date.now());
watching.stop();
const { lost, refused } = control.collector.coverage.record();
const measured: CollectorMeasured = {
  ...{ lost, lostMembers, refused: Object.values(refused).reduce((sum, count) => sum + count, 0) },
  ...watch.result(order.startAtMs),
};
await closers.closeAll();
process.stdout.write(JSON.stringify(measured), () => process.exit(0));

function fail(reason: string): void {
  process.stderr.write(`Cannot measure: ${reason}\n`);
  process.exit(1);
}
