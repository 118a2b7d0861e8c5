/**
 * Start here: an agent. It makes the load of its share of a trial, and says every second how that goes.
 *
 *   order ─► allowed? ─► share ─► a pinned load thread a core ─► "prepared" ─► start(startAt) ─► a report a second ─► "result"
 *
 * The agent's own thread never touches a socket under load; load threads are told things through shared words only, and
 * stop by themselves when the lease runs out. It never sends load to an address it was not started to allow.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Attempt, AttemptEnded, type Stage } from '../control/attempt.ts';
import { monotonicNs } from '../control/clock.ts';
import { AttemptFailed, type MemberLog, type MemberWatcher, runMember } from '../control/member.ts';
import { after, everySecond, untilMonotonic } from '../control/timeline.ts';
import { ExitStatus, Failure, messageOf } from '../protocol/failure.ts';
import { leaseRenewalMs } from '../protocol/keys.ts';
import { type LoadCounts, type ShareOrder, shareOrderSchema } from '../protocol/messages.ts';
import { Allowance } from './allow.ts';
import { ShareFlood } from './flood.ts';
import type { LoadOrder } from './load.ts';
import { LoadCores } from './load-cores.ts';
import { countsSince, mergeNotes, mergeResults, noCounts } from './merge.ts';
import { type AgentPlace, idleCoresNote, shareOf } from './share.ts';

export interface AgentWatcher extends MemberWatcher {
  /** What the load of an attempt comes to, whenever it is asked for; null: that attempt is over. */
  load(counts: (() => LoadCounts) | null): void;
}

export interface AgentSettings extends AgentPlace {
  readonly redisUrl: string;
  readonly name: string;
  /** CIDRs. */
  readonly allow: readonly string[];
  readonly sourceAddresses: readonly string[];
  readonly log: MemberLog;
  /** Stops the load and ends the agent within 5 s. */
  readonly signal: AbortSignal;
  readonly watcher?: AgentWatcher | undefined;
}

/** Being late eats warm-up, not the measured interval; this much is lost to scheduling anyway. */
const latenessAllowedMs = 20;
/** /proc/stat counts in ticks of 10 ms. */
const sampleLatenessMs = 50;

/** Settles when the signal was aborted. @throws {Failure} when it cannot join the others. */
export async function runAgent(settings: AgentSettings): Promise<void> {
  const { name, cores, redisUrl, sourceAddresses, log, signal, watcher } = settings;
  const allowance = new Allowance(settings.allow);
  await runMember({
    redisUrl,
    member: {
      role: 'agent',
      name,
      cores: [...cores],
      allow: [...allowance.networks],
      sourceAddresses: [...sourceAddresses],
      addresses: [],
    },
    orderSchema: shareOrderSchema,
    carryOut: (attempt) => carryOut(attempt, settings, allowance),
    signal,
    log,
    watcher,
  });
}

async function carryOut(
  attempt: Attempt<ShareOrder>,
  settings: AgentSettings,
  allowance: Allowance,
): Promise<void> {
  const { order, reporter } = attempt;
  const { watcher } = settings;
  refuse(order, settings, allowance);
  const loadOrders = shareOf(order, settings);
  const flood = await prepare(loadOrders, attempt);
  let stage: Stage = 'prepare';
  const enter = (now: Stage) => {
    stage = now;
    watcher?.at(now);
  };
  watcher?.load(() => flood.counts());
  try {
    reporter.say({ kind: 'prepared', backend: flood.backend });
    const startAtNs = await attempt.startAtNs;
    refuseLateStart(startAtNs, order);
    flood.start(startAtNs);
    enter('warm-up');

    const cores = new LoadCores(loadOrders.flatMap((one) => one.cores));
    const reports = reportEverySecond(attempt, flood, cores, startAtNs);
    const measured = sampleCores(attempt, cores, startAtNs, enter);
    const results = await Promise.race([flood.results(), rejectWhenAborted(attempt.signal)]);
    const stopped = results.find(({ stoppedEarly }) => stoppedEarly !== null)?.stoppedEarly ?? null;
    if (stopped !== null) throw await whyStopped(stopped, attempt.signal);
    // Both end with the measured interval, which the load has just outlasted.
    await Promise.all([reports, measured]);

    const coreTimes = cores.measured();
    reporter.say({
      kind: 'result',
      load: {
        ...mergeResults(results, order.measuredSeconds),
        cores: coreTimes,
        backend: flood.backend,
        notes: {
          ...(coreTimes === null
            ? { 'generator.cores': 'the load cores were not sampled at both ends of the measured interval' }
            : {}),
          ...mergeNotes(results),
          ...idleCoresNote(order, settings),
        },
      },
    });
  } catch (error) {
    await stopOrEnd(flood, messageOf(error), settings.log);
    throw error instanceof AttemptFailed
      ? error
      : new AttemptFailed(messageOf(error), { stage, final: false });
  } finally {
    watcher?.load(null);
  }
}

function refuse(order: ShareOrder, settings: AgentSettings, allowance: Allowance): void {
  const foreignSources = order.sourceAddresses.filter((one) => !settings.sourceAddresses.includes(one));
  const reason =
    allowance.refusalOf(order.target.addresses) ??
    (order.index >= order.count
      ? `Cannot take share ${order.index} of ${order.count}: there is no such share; wanted 0 to ${order.count - 1}`
      : null) ??
    (foreignSources.length > 0
      ? `Cannot send load from ${foreignSources.slice(0, 5).join(', ')}: not among the source addresses of this agent; wanted some of --source-addresses`
      : null);
  if (reason !== null) throw new AttemptFailed(reason, { stage: 'prepare', final: true });
}

async function prepare(loadOrders: readonly LoadOrder[], attempt: Attempt<ShareOrder>): Promise<ShareFlood> {
  const preparing = ShareFlood.prepare(loadOrders, attempt.leaseMemory);
  try {
    return await Promise.race([preparing, rejectWhenAborted(attempt.signal)]);
  } catch (error) {
    // An attempt that ends meanwhile must not leave threads behind that nobody knows of.
    preparing.then((flood) => flood.stop(messageOf(error))).catch(() => undefined);
    throw new AttemptFailed(`Cannot prepare the load: ${messageOf(error)}`, {
      stage: 'prepare',
      final: error instanceof Failure && error.exitStatus === ExitStatus.badInput,
    });
  }
}

/** A thread that cannot be told to stop is stopped with the process: load must not outlast its attempt. */
async function stopOrEnd(flood: ShareFlood, reason: string, log: MemberLog): Promise<void> {
  if (await flood.stop(reason)) return;
  log.error({ reason }, 'a load thread does not stop: ending the process');
  process.kill(process.pid, 'SIGKILL');
}

/** A start in the past would make agents begin apart, and an open loop begin with a burst. */
function refuseLateStart(startAtNs: bigint, order: ShareOrder): void {
  const lateMs = Number(monotonicNs() - startAtNs) / 1e6;
  const allowedMs = Math.max(latenessAllowedMs, (order.warmUpSeconds * 1000) / 2);
  if (lateMs > allowedMs) {
    throw new AttemptFailed(
      `Cannot start in time: the word to start came ${Math.round(lateMs)} ms after the start; wanted it before`,
      { stage: 'prepare', final: false },
    );
  }
}

async function reportEverySecond(
  attempt: Attempt<ShareOrder>,
  flood: ShareFlood,
  cores: LoadCores,
  startAtNs: bigint,
): Promise<void> {
  const { order, reporter, signal } = attempt;
  let before = noCounts;
  await everySecond({
    startAtNs,
    seconds: order.warmUpSeconds + order.measuredSeconds,
    signal,
    onSecond: (second) => {
      const now = flood.counts();
      reporter.say({ kind: 'report', second, load: countsSince(now, before), cores: cores.second() });
      before = now;
    },
    onMissed: (seconds) => {
      reporter.skip(seconds);
      before = flood.counts();
      cores.second();
    },
  });
}

/** Reads the cores at both ends of the measured interval. Never rejects: what was not read is null in the result. */
async function sampleCores(
  { order, signal }: Attempt<ShareOrder>,
  cores: LoadCores,
  startAtNs: bigint,
  onStage: (stage: Stage) => void,
): Promise<void> {
  const fromNs = after(startAtNs, order.warmUpSeconds);
  const untilNs = after(startAtNs, order.warmUpSeconds + order.measuredSeconds);
  try {
    await untilMonotonic(fromNs, signal);
    onStage('measure');
    if (isInTime(fromNs)) cores.beginMeasuring();
    await untilMonotonic(untilNs, signal);
    onStage('finish');
    if (isInTime(untilNs)) cores.endMeasuring();
  } catch {}
}

/** A reading that is late is of another interval. */
function isInTime(dueNs: bigint): boolean {
  return Number(monotonicNs() - dueNs) / 1e6 <= sampleLatenessMs;
}

/** Load threads only see that their lease ran out; the lease thread, within a renewal, why. */
async function whyStopped(stopped: string, signal: AbortSignal): Promise<AttemptEnded> {
  const told = rejectWhenAborted(signal).catch((error: unknown) => new AttemptEnded(messageOf(error)));
  const untold = sleep(2 * leaseRenewalMs, undefined, { ref: false });
  return (await Promise.race([told, untold])) ?? new AttemptEnded(`the load stopped early: ${stopped}`);
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
