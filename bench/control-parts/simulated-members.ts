/**
 * A process that plays many members of a cluster at once, for the coordinator's sake: the real members' side of `control/`
 * (a lease thread, orders, a control stream, reports, each its own), and no load. Every second each agent tells of figures
 * as a real one's, and at the end gives a result as large.
 *
 * On SIGTERM it leaves, and prints what each said: only then can anybody know what was lost.
 */

import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attempt } from '../../control/attempt.ts';
import { type MemberLog, runMember } from '../../control/member.ts';
import { everySecond } from '../../control/timeline.ts';
import {
  type LoadResult,
  type ServerOrder,
  type ShareOrder,
  serverOrderSchema,
  shareOrderSchema,
} from '../../protocol/messages.ts';
import { completedASecond, coreTimes, countsOf, reportOf, typicalHistogram } from './report-shape.ts';

export interface MembersOrder {
  readonly redisUrl: string;
  /** Names are `agent-FIRST` and on. */
  readonly first: number;
  readonly agents: number;
  /** One of the processes has the server. */
  readonly withServer: boolean;
}

/** What one member said, by its own account. */
export interface Said {
  readonly name: string;
  readonly reports: number;
  /** Seconds that this process was too busy to tell of in time: their numbers are left out, and the reader sees the gap. */
  readonly skipped: number;
}

/** Joining costs: not all in one instant. */
const joinEveryMs = 20;

const order = JSON.parse(process.argv[2] ?? '') as MembersOrder;
const stop = new AbortController();
// Each member listens, and nobody forgets to stop.
setMaxListeners(0, stop.signal);
process.once('SIGTERM', () => stop.abort());
const quiet: MemberLog = { info: () => {}, warn: () => {}, error: () => {} };
const said = new Map<string, { reports: number; skipped: number }>();
const histogram = typicalHistogram();

const members: Promise<void>[] = [];
if (order.withServer) members.push(playServer('server-0'));
for (let index = 0; index < order.agents; index++) {
  members.push(playAgent(`agent-${order.first + index}`));
  await sleep(joinEveryMs);
}
await Promise.all(members);
const all: Said[] = [...said].map(([name, counts]) => ({ name, ...counts }));
process.stdout.write(JSON.stringify(all), () => process.exit(0));

function playAgent(name: string): Promise<void> {
  return runMember<ShareOrder>({
    redisUrl: order.redisUrl,
    member: {
      ...{
        role: 'agent',
        name,
        cores: [0, 1, 2, 3],
        allow: ['127.0.0.0/8'],
        sourceAddresses: [],
        addresses: [],
      },
    },
    orderSchema: shareOrderSchema,
    carryOut: async (attempt) => {
      attempt.reporter.say({ kind: 'prepared', backend: 'simulated' });
      const seconds = await reportSeconds(name, attempt, reportOf);
      attempt.signal.throwIfAborted();
      attempt.reporter.say({ kind: 'result', load: resultOf(attempt.order, seconds) });
    },
    signal: stop.signal,
    log: quiet,
  });
}

function playServer(name: string): Promise<void> {
  return runMember<ServerOrder>({
    redisUrl: order.redisUrl,
    member: {
      ...{ role: 'server', name, cores: [0], allow: [], sourceAddresses: [], addresses: ['127.0.0.1'] },
    },
    orderSchema: serverOrderSchema,
    carryOut: async (attempt) => {
      attempt.reporter.say({ kind: 'ready', port: 9, notes: {} });
      await reportSeconds(name, attempt, (second) => ({
        ...{ kind: 'report' as const, second, accepted: completedASecond, cores: coreTimes() },
      }));
      await attempt.finish;
      const notMeasured = {
        listenOverflows: null,
        listenDrops: null,
        locality: null,
        cacheMisses: null,
        accept: null,
        cores: null,
      };
      attempt.reporter.say({
        kind: 'result',
        server: {
          ...{ measuredSeconds: attempt.order.measuredSeconds, accepted: null, lifetimeAccepted: null },
          ...notMeasured,
          notes: {},
        },
      });
    },
    signal: stop.signal,
    log: quiet,
  });
}

type Report = Parameters<Attempt<ShareOrder>['reporter']['say']>[0];

/** @returns how many seconds there were. */
async function reportSeconds(
  name: string,
  attempt: Attempt<ShareOrder> | Attempt<ServerOrder>,
  reportOf: (second: number) => Report,
): Promise<number> {
  const { warmUpSeconds, measuredSeconds } = attempt.order;
  const mine = { reports: 0, skipped: 0 };
  said.set(name, mine);
  await everySecond({
    startAtNs: await attempt.startAtNs,
    seconds: warmUpSeconds + measuredSeconds,
    signal: attempt.signal,
    onSecond: (second) => {
      attempt.reporter.say(reportOf(second));
      mine.reports++;
    },
    onMissed: (seconds) => {
      attempt.reporter.skip(seconds);
      mine.skipped += seconds;
    },
  });
  return warmUpSeconds + measuredSeconds;
}

function resultOf({ measuredSeconds }: ShareOrder, seconds: number): LoadResult {
  return {
    counts: countsOf(completedASecond * measuredSeconds),
    completedMeanwhile: completedASecond * measuredSeconds,
    lifetime: countsOf(completedASecond * seconds),
    measuredSeconds,
    histograms: { connect: histogram, firstByte: histogram, total: histogram },
    cores: coreTimes(),
    backend: 'simulated',
    notes: {},
  };
}
