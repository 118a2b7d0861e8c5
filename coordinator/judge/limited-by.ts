/**
 * What held a trial back: the server, the load generator, the network, our own bookkeeping, or none that shows.
 *
 * Rules in order, the first that applies decides; docs/method.md gives each its reason. Pure: it sees counts and core
 * times, and refuses to guess: what no rule explains is `undetermined`.
 */

import type { Cell } from '../../protocol/cell.ts';
import type { LoadCounts } from '../../protocol/messages.ts';
import type { CoreTimes, LimitedBy, TrialRecord } from '../../protocol/trial-record.ts';

/** A load core with less idle time than this may have been late itself. */
export const leastLoadIdle = 0.2;
/** A server core with less idle time than this has no more to give. */
export const leastServerIdle = 0.05;
/** Of an open loop: how far the starts may stay behind the rate, and how many may be missed. */
export const mostRateError = 0.01;
/** Of timeouts, as a share of all connections, before the path is suspected. */
const mostTimedOut = 0.01;
/** Counts of the two sides that differ by more than this make a note; by ten times this, the trial's figures are void. */
export const mostDisagreement = 0.001;
const voidDisagreement = 0.01;

export interface Evidence {
  readonly cell: Cell;
  readonly counts: LoadCounts;
  /** Connections that fell due in the measured interval, a second: attempted and missed. Open loop only. */
  readonly startsPerSecond: number;
  readonly loadCores: readonly CoreTimes[] | null;
  readonly serverCores: readonly CoreTimes[] | null;
  /** How far the server's count of accepts lies outside what the agents allow, as a share; null: not known. */
  readonly disagreement: number | null;
}

export interface Bottleneck {
  readonly limitedBy: LimitedBy;
  /** A sentence for the notes. */
  readonly reason: string;
}

export function bottleneck(evidence: Evidence): Bottleneck {
  for (const rule of [countsDisagree, ranOut, serverSaturated, loadCoreBusy, offSchedule, pathLost]) {
    const found = rule(evidence);
    if (found !== null) return found;
  }
  return {
    limitedBy: 'undetermined',
    reason:
      evidence.loadCores === null || evidence.serverCores === null
        ? 'core times of one side are not known'
        : 'both sides had idle time: the concurrency or the rate asked for was the limit, or something unseen',
  };
}

/** Figures that the two sides count differently are nobody's measurement. */
function countsDisagree({ disagreement }: Evidence): Bottleneck | null {
  if (disagreement === null || disagreement <= voidDisagreement) return null;
  return {
    limitedBy: 'control',
    reason: `what the server accepted and what the agents did differ by ${percent(disagreement)}`,
  };
}

/** Ports and descriptors are the generator's own: what they stopped never reached the server. */
function ranOut({ counts }: Evidence): Bottleneck | null {
  const { noPort, noDescriptor } = counts.failed;
  if (noPort + noDescriptor === 0) return null;
  const what = noPort > 0 ? `${noPort} connections found no port` : `${noDescriptor} found no descriptor`;
  return { limitedBy: 'generator', reason: `the agents ran out: ${what}` };
}

/** Only believed while the generator has time to spare: two full sides hide each other. */
function serverSaturated({ loadCores, serverCores }: Evidence): Bottleneck | null {
  const server = busiest(serverCores);
  const load = busiest(loadCores);
  if (server === null || load === null) return null;
  if (server.idle >= leastServerIdle || load.idle < leastLoadIdle) return null;
  return {
    limitedBy: 'server',
    reason: `server core ${server.core} was ${percent(server.idle)} idle, no load core under ${percent(load.idle)}`,
  };
}

function loadCoreBusy({ loadCores }: Evidence): Bottleneck | null {
  const load = busiest(loadCores);
  if (load === null || load.idle >= leastLoadIdle) return null;
  return {
    limitedBy: 'generator',
    reason: `load core ${load.core} was only ${percent(load.idle)} idle; ${percent(leastLoadIdle)} are wanted`,
  };
}

/** An open loop that did not keep its schedule measured another load than was asked for. */
function offSchedule({ cell, counts, startsPerSecond }: Evidence): Bottleneck | null {
  if (cell.rate === null) return null;
  const missed = missedShare(counts);
  if (missed > mostRateError)
    return { limitedBy: 'generator', reason: `${percent(missed)} of the starts that fell due were missed` };
  const error = startsPerSecond / cell.rate - 1;
  if (Math.abs(error) <= allowedRateError(counts)) return null;
  return {
    limitedBy: 'generator',
    reason: `the rate achieved was off by ${percent(Math.abs(error))} of what was asked`,
  };
}

/** Connections that vanish while both ends wait were lost between them. */
function pathLost({ counts, loadCores, serverCores }: Evidence): Bottleneck | null {
  const failures = Object.values(counts.failed).reduce((sum, count) => sum + count, 0);
  const { timedOut } = counts.failed;
  if (timedOut <= counts.attempted * mostTimedOut || timedOut * 2 <= failures) return null;
  const [load, server] = [busiest(loadCores), busiest(serverCores)];
  if (load === null || server === null || server.idle < leastLoadIdle) return null;
  return {
    limitedBy: 'network',
    reason: `${percent(timedOut / counts.attempted)} of the connections timed out while both sides were idle`,
  };
}

/** A Poisson schedule of few arrivals strays by itself: three standard deviations are allowed. */
function allowedRateError(counts: Pick<LoadCounts, 'attempted' | 'missed'>): number {
  return Math.max(mostRateError, 3 / Math.sqrt(Math.max(1, counts.attempted + counts.missed)));
}

/** Whether an open loop completed as many a second as it was asked to, or as fell due by chance. Then nothing held it back. */
export function keptItsRate(trial: TrialRecord): boolean {
  const { rate } = trial.cell;
  if (rate === null) return false;
  const { attempted, missed } = trial.connections;
  const duePerSecond = (attempted + missed) / trial.measuredSeconds;
  const isOnSchedule = duePerSecond >= rate * (1 - allowedRateError(trial.connections));
  return (
    trial.connectionsPerSecond >= rate ||
    (isOnSchedule && trial.connectionsPerSecond >= duePerSecond * (1 - mostRateError))
  );
}

/** Share of the starts that fell due which no slot was free for. */
export function missedShare(counts: { readonly attempted: number; readonly missed: number }): number {
  const due = counts.attempted + counts.missed;
  return due === 0 ? 0 : counts.missed / due;
}

function busiest(cores: readonly CoreTimes[] | null): CoreTimes | null {
  if (cores === null || cores.length === 0) return null;
  return cores.reduce((least, core) => (core.idle < least.idle ? core : least));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`;
}
