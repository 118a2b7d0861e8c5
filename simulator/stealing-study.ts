/**
 * Accept queues a core behind one flow table, and nothing else: connection stealing and flow-group migration, as in
 * Affinity-Accept (Pesterev and others, EuroSys 2012, sections 3.2 and 3.3).
 *
 * Connections come by chance, by flow group; each core serves one at a time. A core is busy when its queue passes 75 % of its
 * maximum, until the moving average of its length is under 10 %. A core that is not busy takes five of its own for one
 * stolen from a busy core, in turn, and steals when it has none. Every 100 ms groups move. Cores without a worker take no
 * part. It knows no caches: a stolen connection costs as much as an own one.
 */

import { EventQueue } from './event-queue.ts';
import { FlowGroups, flowGroupCount, migrationPeriodSeconds } from './flow-groups.ts';
import { randomStream } from './random.ts';

export interface StealingStudy {
  /** By core: offered load as a share of what a whole core can serve, 2 is twice as much; null: no worker, no load. */
  readonly loads: readonly (number | null)[];
  /** By core: the share of it that its worker gets, something else has the rest; default: all of it. */
  readonly speeds?: readonly number[];
  readonly groups?: number;
  /** On a core that its worker has for itself. */
  readonly serviceSeconds: number;
  readonly queueLength: number;
  readonly seconds: number;
  readonly seed: number;
}

/** The state after each migration period; the first is that at the beginning. */
export interface StealingSnapshot {
  readonly seconds: number;
  /** By core: offered load through the groups that it has then. */
  readonly loads: readonly number[];
  readonly groups: readonly number[];
  readonly isBusy: readonly boolean[];
}

export interface StealingResult {
  readonly snapshots: readonly StealingSnapshot[];
  readonly offered: number;
  readonly served: number;
  readonly stolen: number;
  readonly refused: number;
  readonly waiting: number;
}

const busyShare = 0.75;
const idleShare = 0.1;
/** Own connections for each that is stolen. */
const ownForStolen = 5;
const [arrival, served, period] = [0, 1, 2];

export function studyStealing(study: StealingStudy): StealingResult {
  const cores = study.loads.length;
  const flow = new FlowGroups(cores, study.groups ?? flowGroupCount);
  const chance = randomStream(study.seed, 'stealing');
  const events = new EventQueue();
  /** A group brings as much, wherever it is. */
  const rates = Float64Array.from(flow.coreOf, (core) => {
    const load = study.loads[core];
    return load === null ? 0 : load / study.serviceSeconds / flow.groupsOf(core);
  });
  const next = (group: number, from: number): void => {
    if (rates[group] > 0) events.put(from + chance.exponential(1 / rates[group]), arrival, group);
  };
  const queued = new Int32Array(cores);
  const average = new Float64Array(cores);
  const isBusy = new Uint8Array(cores);
  const isServing = new Uint8Array(cores);
  const own = new Int32Array(cores);
  const lastVictim = Int32Array.from({ length: cores }, (_, core) => core);
  const counts = { offered: 0, served: 0, stolen: 0, refused: 0 };
  const snapshots: StealingSnapshot[] = [];

  const snapshot = (seconds: number): void => {
    const loads = new Array<number>(cores).fill(0);
    for (let group = 0; group < rates.length; group++)
      loads[flow.coreOf[group]] += rates[group] * study.serviceSeconds;
    snapshots.push({
      seconds,
      loads,
      groups: loads.map((_, core) => flow.groupsOf(core)),
      isBusy: Array.from(isBusy, (busy) => busy === 1),
    });
  };
  const noteLength = (core: number): void => {
    average[core] += (queued[core] - average[core]) / study.queueLength;
    if (queued[core] > busyShare * study.queueLength) isBusy[core] = 1;
    else if (average[core] < idleShare * study.queueLength) isBusy[core] = 0;
  };
  const victimOf = (thief: number): number => {
    for (let step = 1; step <= cores; step++) {
      const core = (lastVictim[thief] + step) % cores;
      if (core !== thief && isBusy[core] === 1 && queued[core] > 0) return core;
    }
    return -1;
  };
  const takeFrom = (thief: number): number => {
    if (isBusy[thief] === 1 || (queued[thief] > 0 && own[thief] < ownForStolen)) return thief;
    const victim = victimOf(thief);
    return victim < 0 ? thief : victim;
  };
  const goOn = (core: number, now: number): void => {
    const from = takeFrom(core);
    isServing[core] = 0;
    if (queued[from] === 0) return;
    queued[from]--;
    noteLength(from);
    if (from === core) own[core]++;
    else {
      own[core] = 0;
      lastVictim[core] = from;
      counts.stolen++;
      flow.noteTheft(core, from);
    }
    isServing[core] = 1;
    events.put(now + study.serviceSeconds / (study.speeds?.[core] ?? 1), served, core);
  };
  const comes = (group: number, now: number): void => {
    const core = flow.coreOf[group];
    counts.offered++;
    next(group, now);
    if (queued[core] === study.queueLength) counts.refused++;
    else queued[core]++;
    noteLength(core);
    if (isServing[core] === 0) goOn(core, now);
    else if (isBusy[core] === 1) wakeThief(now);
  };
  /** An idle worker is told of a connection that a busy core has. */
  const wakeThief = (now: number): void => {
    for (let core = 0; core < cores; core++) {
      if (isServing[core] === 1 || study.loads[core] === null) continue;
      goOn(core, now);
      break;
    }
  };

  snapshot(0);
  for (let group = 0; group < rates.length; group++) next(group, 0);
  const periods = Math.round(study.seconds / migrationPeriodSeconds);
  for (let step = 1; step <= periods; step++) events.put(step * migrationPeriodSeconds, period);
  while (snapshots.length <= periods && events.next()) {
    const now = events.time;
    if (events.event === arrival) comes(events.argument, now);
    else if (events.event === served) {
      counts.served++;
      goOn(events.argument, now);
    } else {
      flow.balance((core) => isBusy[core] === 1 || study.loads[core] === null);
      snapshot(now);
    }
  }
  let waiting = 0;
  for (let core = 0; core < cores; core++) waiting += queued[core] + isServing[core];
  return { ...counts, snapshots, waiting };
}
