/**
 * A process that plays very many agents as Redis and the coordinator see them in the middle of a trial: a lease renewed every
 * second, a report every second. What an agent does otherwise (a lease thread, orders, a control stream) is not there: some
 * 35 MB each would be the limit. Its reports are made and written by the real reporter, on a connection of its own; or,
 * `bare`, all at once over one connection: the same entries in the same stream, for more agents than one machine can play.
 *
 * It ends when the trial is over, and prints what each said.
 */

import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicNs } from '../../control/clock.ts';
import { closeRedis, connectRedis, untilReady } from '../../control/connection.ts';
import { entryField } from '../../control/control-stream.ts';
import { Reporter } from '../../control/report.ts';
import { everySecond } from '../../control/timeline.ts';
import {
  leaseMs,
  leaseRenewalMs,
  memberKey,
  reportStream,
  reportStreamMaxEntries,
} from '../../protocol/keys.ts';
import { type AttemptId, type Member, memberSchema } from '../../protocol/messages.ts';
import { reportOf } from './report-shape.ts';
import type { Said } from './simulated-members.ts';

export interface LightAgentsOrder {
  readonly redisUrl: string;
  readonly attempt: AttemptId;
  readonly first: number;
  readonly agents: number;
  readonly withServer: boolean;
  /** Milliseconds since 1970. */
  readonly startAtMs: number;
  readonly seconds: number;
  readonly bare: boolean;
}

const flushMs = 5_000;

const order = JSON.parse(process.argv[2] ?? '') as LightAgentsOrder;
const names = Array.from({ length: order.agents }, (_, index) => `agent-${order.first + index}`);
const members = [
  ...names.map((name) => memberOf('agent', name)),
  ...(order.withServer ? [memberOf('server', 'server-0')] : []),
];
const shared = connectRedis(order.redisUrl, { name: 'light-agents' });
await untilReady(shared, order.redisUrl);
await renew();
const renewing = setInterval(() => void renew().catch(() => {}), leaseRenewalMs);
const all: readonly Said[] = order.bare ? await playBare() : await Promise.all(names.map(play));
// The coordinator is to see its last reports before anybody's lease runs out.
await sleep(leaseRenewalMs);
clearInterval(renewing);
await closeRedis(shared);
process.stdout.write(JSON.stringify(all), () => process.exit(0));

async function play(name: string): Promise<Said> {
  const redis = connectRedis(order.redisUrl, { name: `light-${name}`, blocking: true });
  const reporter = new Reporter(redis, order.attempt, name);
  const said = { name, reports: 0, skipped: 0 };
  await duringTheTrial(
    (second) => {
      reporter.say(reportOf(second));
      said.reports++;
    },
    (seconds) => {
      reporter.skip(seconds);
      said.skipped += seconds;
    },
  );
  await reporter.flush(flushMs);
  await closeRedis(redis);
  return said;
}

async function playBare(): Promise<readonly Said[]> {
  const said = names.map((name) => ({ name, reports: 0, skipped: 0 }));
  const stream = reportStream(order.attempt.run);
  let sequence = 0;
  await duringTheTrial(
    (second) => {
      sequence++;
      const pipeline = shared.pipeline();
      for (const one of said) {
        const text = JSON.stringify({ ...reportOf(second), ...order.attempt, sender: one.name, sequence });
        pipeline.xadd(stream, 'MAXLEN', '~', reportStreamMaxEntries, '*', entryField, text);
        one.reports++;
      }
      void pipeline.exec();
    },
    (seconds) => {
      sequence += seconds;
      for (const one of said) one.skipped += seconds;
    },
  );
  return said;
}

function duringTheTrial(
  onSecond: (second: number) => void,
  onMissed: (seconds: number) => void,
): Promise<void> {
  return everySecond({
    startAtNs: monotonicNs() + BigInt(Math.round((order.startAtMs - Date.now()) * 1e6)),
    seconds: order.seconds,
    signal: new AbortController().signal,
    onSecond,
    onMissed,
  });
}

async function renew(): Promise<void> {
  const pipeline = shared.pipeline();
  for (const member of members)
    pipeline.set(memberKey(member.role, member.name), JSON.stringify(member), 'PX', leaseMs);
  await pipeline.exec();
}

function memberOf(role: Member['role'], name: string): Member {
  return memberSchema.parse({
    ...{ role, name, instance: `light-${name}`, host: hostname(), pid: process.pid, cores: [0, 1, 2, 3] },
    allow: role === 'agent' ? ['127.0.0.0/8'] : [],
    ...{ sourceAddresses: [], addresses: role === 'server' ? ['127.0.0.1'] : [] },
    clock: { offsetMicroseconds: 0, boundMicroseconds: 100 },
  });
}
