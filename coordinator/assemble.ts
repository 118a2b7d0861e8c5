/**
 * One line of `trials.jsonl` from what the agents and the server measured: counts are summed, histograms merged, both
 * sides audited against each other. Pure; the fifth hop of an experiment. It refuses to fill in what was not measured.
 */

import { LatencyHistogram } from '../measurement/histogram.ts';
import { jainFairness } from '../measurement/statistics.ts';
import type { Cell } from '../protocol/cell.ts';
import type { LoadCounts, LoadResult, ServerResult } from '../protocol/messages.ts';
import {
  type FailureCause,
  failureCauses,
  latencyNames,
  type TrialRecord,
  trialSchemaName,
} from '../protocol/trial-record.ts';
import { type Latencies, type TrialHistograms, trialHistograms } from './histogram-file.ts';
import { bottleneck, missedShare, mostDisagreement, mostRateError } from './judge/limited-by.ts';
import { type K6TrialFile, k6TrialFile } from './k6-file.ts';

export interface TrialParts {
  readonly trial: string;
  readonly block: number;
  readonly attempt: number;
  readonly cell: Cell;
  /** ISO 8601. */
  readonly startedAt: string;
  /** One an agent; at least one. */
  readonly loads: readonly LoadResult[];
  readonly server: ServerResult;
  /** What the control plane has to say, e.g. of lost reports; by path of the field it is about. */
  readonly notes?: Readonly<Record<string, string>>;
}

export interface AssembledTrial {
  readonly record: TrialRecord;
  /** What goes into `histograms/TRIAL.json`. */
  readonly histograms: TrialHistograms;
  /** What goes into `k6/TRIAL.json`; null: there is nothing. */
  readonly k6: K6TrialFile | null;
}

/** Connections either side may see alone: probes for readiness, and those cut at the very end. */
const auditSlack = 16;

/** @throws Error when there is no load, or a histogram cannot be decoded. */
export function assembleTrial(parts: TrialParts): AssembledTrial {
  const { loads, server } = parts;
  if (loads.length === 0)
    throw new Error(`Cannot assemble trial ${parts.trial}: no agent's result; wanted one`);
  const counts = sumCounts(loads.map((load) => load.counts));
  const perSecond = (of: (load: LoadResult) => number) =>
    loads.reduce((sum, load) => sum + of(load) / load.measuredSeconds, 0);
  const completedPerSecond = perSecond((load) => load.completedMeanwhile);
  const connectionsPerSecond = perSecond((load) => completedInTime(load, parts.cell));
  const latencies = mergeLatencies(loads, server);
  const loadCores = loads.every((load) => load.cores !== null)
    ? loads.flatMap((load) => load.cores ?? [])
    : null;
  const audit = auditCounts(sumCounts(loads.map((load) => load.lifetime)), server.lifetimeAccepted);
  const limit = bottleneck({
    cell: parts.cell,
    counts,
    startsPerSecond: perSecond((load) => load.counts.attempted + load.counts.missed),
    loadCores,
    serverCores: server.cores,
    disagreement: audit.disagreement,
  });
  const measured: TrialRecord = {
    schema: trialSchemaName,
    trial: parts.trial,
    block: parts.block,
    attempt: parts.attempt,
    cell: parts.cell,
    measuredSeconds: Math.max(...loads.map((load) => load.measuredSeconds)),
    connections: counts,
    connectionsPerSecond,
    latencySeconds: {
      connect: latencies.connect?.summary() ?? null,
      accept: latencies.accept?.summary() ?? null,
      firstByte: latencies.firstByte?.summary() ?? null,
      total: latencies.total?.summary() ?? null,
    },
    server: {
      cores: server.cores,
      cpuMicrosecondsPerConnection: cpuMicroseconds(server, completedPerSecond),
      acceptFairness: acceptFairness(server),
      listenOverflows: server.listenOverflows,
      listenDrops: server.listenDrops,
      locality: server.locality,
      cacheMissesPerConnection:
        server.cacheMisses === null || completedPerSecond === 0
          ? null
          : server.cacheMisses / server.measuredSeconds / completedPerSecond,
      ...(server.userLevel === undefined ? {} : { userLevel: server.userLevel }),
    },
    generator: {
      cores: loadCores,
      headroom: loadCores === null || loadCores.length === 0 ? null : leastIdle(loadCores),
      backend: [...new Set(loads.map((load) => load.backend))].join('; '),
    },
    limitedBy: limit.limitedBy,
    notes: {},
    startedAt: parts.startedAt,
  };
  const said = {
    ...(server.cacheMisses !== null && measured.server.cacheMissesPerConnection === null
      ? { 'server.cacheMissesPerConnection': 'no connection completed' }
      : {}),
    limitedBy: limit.reason,
    ...(audit.note === null ? {} : { connections: audit.note }),
    ...readingNotes(parts.cell, counts, latencies),
    ...backlogNote(loads, counts, parts.cell),
    ...memberNotes(loads, server),
    ...parts.notes,
  };
  return {
    record: { ...measured, notes: { ...reasonsForNull(measured), ...said } },
    histograms: trialHistograms(parts.trial, latencies),
    k6: k6TrialFile(parts.trial, loads),
  };
}

/**
 * Not all that were due: a backlog that is worked off after the interval would count as done in it. Nor, in an open loop,
 * more than were begun of those due: what the warm-up left behind was asked for before.
 */
function completedInTime({ completedMeanwhile, counts }: LoadResult, { rate }: Cell): number {
  return rate === null ? completedMeanwhile : Math.min(completedMeanwhile, counts.attempted);
}

function sumCounts(all: readonly LoadCounts[]): LoadCounts {
  const sum = (of: (counts: LoadCounts) => number) => all.reduce((total, one) => total + of(one), 0);
  return {
    attempted: sum((one) => one.attempted),
    completed: sum((one) => one.completed),
    failed: Object.fromEntries(
      failureCauses.map((cause) => [cause, sum((one) => one.failed[cause])]),
    ) as Record<FailureCause, number>,
    missed: sum((one) => one.missed),
  };
}

function mergeLatencies(loads: readonly LoadResult[], server: ServerResult): Latencies {
  const merged = (of: (load: LoadResult) => string): LatencyHistogram => {
    const all = new LatencyHistogram();
    for (const load of loads) all.merge(LatencyHistogram.decode(of(load)));
    return all;
  };
  return {
    connect: merged((load) => load.histograms.connect),
    accept: server.accept === null ? null : LatencyHistogram.decode(server.accept),
    firstByte: merged((load) => load.histograms.firstByte),
    total: merged((load) => load.histograms.total),
  };
}

/**
 * Busy time of the server's cores, softirq included, over the connections completed meanwhile, whenever they were due.
 * Both sides as rates: their measured intervals have the same length, but not to the millisecond.
 */
function cpuMicroseconds(server: ServerResult, completedPerSecond: number): number | null {
  if (server.cores === null || server.cores.length === 0 || completedPerSecond === 0) return null;
  const busyCores = server.cores.reduce((sum, core) => sum + core.user + core.system + core.softirq, 0);
  return (busyCores * 1e6) / completedPerSecond;
}

function acceptFairness(server: ServerResult): number | null {
  const accepted = server.cores?.map((core) => core.accepted) ?? [];
  return accepted.some((count) => count === null) ? null : jainFairness(accepted as number[]);
}

function leastIdle(cores: readonly { readonly idle: number }[]): number {
  return Math.min(...cores.map((core) => core.idle));
}

/**
 * The sum over the agents is what the server saw, ±0.1 %: at least the connections that completed, at most those that
 * may have been accepted before they failed.
 */
function auditCounts(
  lifetime: LoadCounts,
  accepted: number | null,
): { readonly disagreement: number | null; readonly note: string | null } {
  if (accepted === null)
    return { disagreement: null, note: 'not audited: the server does not count its accepts' };
  const { refused, noPort, noDescriptor } = lifetime.failed;
  const most = lifetime.attempted - refused - noPort - noDescriptor;
  const outside = Math.max(0, lifetime.completed - accepted, accepted - Math.max(most, lifetime.completed));
  const disagreement =
    outside <= auditSlack ? 0 : lifetime.completed === 0 ? 1 : Math.min(1, outside / lifetime.completed);
  if (disagreement <= mostDisagreement) return { disagreement, note: null };
  return {
    disagreement,
    note: `the server accepted ${accepted} connections; by the agents' counts it must have been ${lifetime.completed} to ${most}`,
  };
}

/** How figures that were measured must be read. */
function readingNotes(cell: Cell, counts: LoadCounts, latencies: Latencies): Record<string, string> {
  const notes: Record<string, string> = {};
  if (cell.rate !== null && missedShare(counts) > mostRateError)
    notes.latencySeconds = 'starts were missed: those would have waited longer than what was measured';
  for (const name of latencyNames) {
    const digits = latencies[name]?.significantDigits ?? 3;
    if (digits < 3) notes[`latencySeconds.${name}`] = `known to ${digits} significant digits only`;
  }
  return notes;
}

/** Where an open loop's connections, counted by when they were due, are not those that completed meanwhile. */
function backlogNote(loads: readonly LoadResult[], counts: LoadCounts, cell: Cell): Record<string, string> {
  const meanwhile = loads.reduce((sum, load) => sum + load.completedMeanwhile, 0);
  const inTime = loads.reduce((sum, load) => sum + completedInTime(load, cell), 0);
  if (meanwhile - inTime > inTime * mostRateError)
    return {
      connectionsPerSecond:
        `${meanwhile} connections completed during the measured time, more than the ${counts.attempted} that were due in it: ` +
        `a backlog of the warm-up was worked off; ${inTime} count`,
    };
  if (Math.abs(meanwhile - counts.completed) <= counts.completed * mostRateError) return {};
  return {
    connectionsPerSecond:
      `${meanwhile} connections completed during the measured time; of those that were due in it, ${counts.completed} ` +
      'completed by the end of the drain: a backlog grew or shrank',
  };
}

/** Members name fields of their own results; here they get their path in the record. */
function memberNotes(loads: readonly LoadResult[], server: ServerResult): Record<string, string> {
  const notes: Record<string, string> = {};
  for (const [field, reason] of Object.entries(server.notes)) notes[serverPath(field)] = reason;
  for (const [index, load] of loads.entries())
    for (const [field, reason] of Object.entries(load.notes)) {
      const path = loadPath(field);
      const which = loads.length === 1 ? reason : `agent ${index + 1}: ${reason}`;
      notes[path] = notes[path] === undefined ? which : `${notes[path]}; ${which}`;
    }
  return notes;
}

function serverPath(field: string): string {
  if (field === 'accept' || field === 'latencySeconds.accept') return 'latencySeconds.accept';
  return field.startsWith('server.') || field.startsWith('latencySeconds.') ? field : `server.${field}`;
}

function loadPath(field: string): string {
  return /^(generator|latencySeconds|connections)\b/.test(field) ? field : `generator.${field}`;
}

/** A reason for every null, for where the members gave none. */
function reasonsForNull(record: TrialRecord): Record<string, string> {
  const notes: Record<string, string> = {};
  const missing = (path: string, value: unknown, reason: string) => {
    if (value === null) notes[path] = reason;
  };
  const { server, generator, latencySeconds } = record;
  const silent = 'the server did not report it';
  missing('server.cores', server.cores, silent);
  missing(
    'server.cpuMicrosecondsPerConnection',
    server.cpuMicrosecondsPerConnection,
    server.cores === null ? 'core times of the server are not known' : 'no connection completed',
  );
  missing(
    'server.acceptFairness',
    server.acceptFairness,
    server.cores?.every((core) => core.accepted !== null)
      ? 'nothing was accepted'
      : 'the server does not count accepts by core',
  );
  missing('server.listenOverflows', server.listenOverflows, silent);
  missing('server.listenDrops', server.listenDrops, silent);
  missing('server.locality', server.locality, silent);
  missing('server.cacheMissesPerConnection', server.cacheMissesPerConnection, silent);
  missing('server.userLevel', server.userLevel, silent);
  missing('generator.cores', generator.cores, 'an agent did not report its core times');
  missing('generator.headroom', generator.headroom, 'an agent did not report its core times');
  for (const name of latencyNames) {
    missing(`latencySeconds.${name}`, latencySeconds[name], silent);
    if (latencySeconds[name]?.count === 0) notes[`latencySeconds.${name}`] = 'no connection got that far';
  }
  return notes;
}
