/**
 * Run folders that look like measured ones, from a seed: every record is made by `assembleTrial` from what agents and a
 * server would have said, so that it is as valid as a real one. The truth behind it is known, which a measurement's is not.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type AssembledTrial, assembleTrial } from '../../coordinator/assemble.ts';
import { cellsOf } from '../../coordinator/plan/cells.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { seededRandom } from '../../measurement/random.ts';
import type { Cell } from '../../protocol/cell.ts';
import { type LoadCounts, loadResultSchema, serverResultSchema } from '../../protocol/messages.ts';
import { type RunFolder, runFolder } from '../../protocol/run-folder.ts';
import { type Scenario, scenarioSchema } from '../../protocol/scenario.ts';
import { type FailureCause, failureCauses, trialRecordSchema } from '../../protocol/trial-record.ts';

/** What a variant truly is; noise comes on top. */
export interface Truth {
  /** Connections a second the server would complete. */
  readonly rate: number;
  /** Server microseconds a connection. */
  readonly cpuMicroseconds: number;
  /** Seconds, total latency. */
  readonly median: number;
  readonly loadIdle: number;
  /** Share of the accepts that goes to the first core, of those that would be even. */
  readonly skew: number;
  readonly missedShare: number;
  /** Connections that were due in the warm-up and completed in the interval, as a share of those due in it. */
  readonly backlogShare: number;
  readonly measuresAccepts: boolean;
  /** Misses of private caches, a connection; null: the machine does not count them. */
  readonly cacheMisses: number | null;
  readonly failed: Partial<Record<FailureCause, number>>;
}

export const plainTruth: Truth = {
  rate: 21_000,
  cpuMicroseconds: 44,
  median: 2.4e-3,
  loadIdle: 0.31,
  skew: 1,
  missedShare: 0,
  backlogShare: 0,
  measuresAccepts: true,
  cacheMisses: null,
  failed: {},
};

export interface SyntheticOptions {
  readonly scenario?: object;
  readonly seed?: number;
  readonly truths?: Readonly<Record<string, Partial<Truth>>>;
  /** Standard deviation of the logarithm of every figure, of each trial by itself. */
  readonly noise?: number;
  /** The same, but common to a block: what pairing takes out. */
  readonly blockNoise?: number;
}

export function syntheticScenario(changes: object = {}): Scenario {
  return scenarioSchema.parse({
    name: 'synthetic',
    question: 'Does SO_REUSEPORT pay on two cores?',
    factors: { variant: ['single-queue', 'reuseport'], cores: 2, concurrency: 64 },
    ...changes,
  });
}

export function syntheticTrials(options: SyntheticOptions = {}): AssembledTrial[] {
  const scenario = syntheticScenario(options.scenario);
  const cells = cellsOf(scenario);
  const trials: AssembledTrial[] = [];
  for (let block = 1; block <= scenario.blocks; block++) {
    const common = gauss(seededRandom(options.seed ?? 1, `block ${block}`)) * (options.blockNoise ?? 0.05);
    for (const [index, cell] of cells.entries()) {
      const trial = `b${String(block).padStart(2, '0')}-c${String(index + 1).padStart(2, '0')}`;
      const random = seededRandom(options.seed ?? 1, trial);
      const truth = { ...plainTruth, ...options.truths?.[cell.variant] };
      trials.push(
        syntheticTrial({ trial, block, cell, truth, random, common, noise: options.noise ?? 0.015 }),
      );
    }
  }
  return trials;
}

interface OneTrial {
  readonly trial: string;
  readonly block: number;
  readonly cell: Cell;
  readonly truth: Truth;
  readonly random: () => number;
  readonly common: number;
  readonly noise: number;
}

function syntheticTrial({ trial, block, cell, truth, random, common, noise }: OneTrial): AssembledTrial {
  const factor = () => Math.exp(common + gauss(random) * noise);
  const measuredSeconds = 5;
  const rate = (cell.rate ?? truth.rate * factor()) * (1 - truth.missedShare);
  const completed = Math.round(rate * measuredSeconds);
  const failed = Object.fromEntries(
    failureCauses.map((cause) => [cause, truth.failed[cause] ?? 0]),
  ) as Record<FailureCause, number>;
  const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
  const counts: LoadCounts = {
    attempted: completed + failures,
    completed,
    failed,
    missed: Math.round((truth.missedShare / (1 - truth.missedShare)) * (completed + failures)),
  };
  const lifetime = { ...counts, attempted: counts.attempted + 20_000, completed: counts.completed + 20_000 };
  const busy = Math.min(0.999 * cell.cores, (rate * truth.cpuMicroseconds * factor()) / 1e6);
  const shares = Array.from({ length: cell.cores }, (_, index) => (index === 0 ? truth.skew : 1));
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const latency = truth.median * factor();
  const load = loadResultSchema.parse({
    counts,
    completedMeanwhile: Math.round(completed * (1 + truth.backlogShare)),
    lifetime,
    measuredSeconds,
    histograms: {
      connect: latencies(latency * 0.3, random).encode(),
      firstByte: latencies(latency * 0.8, random).encode(),
      total: latencies(latency, random).encode(),
    },
    cores: [coreTimes(0, 1 - truth.loadIdle)],
    backend: 'io_uring',
    notes: {},
  });
  const server = serverResultSchema.parse({
    measuredSeconds,
    cores: shares.map((share, index) => ({
      ...coreTimes(index + 1, Math.min(0.999, (busy * share) / whole)),
      accepted: truth.measuresAccepts ? Math.round((completed * share) / whole) : null,
    })),
    accepted: truth.measuresAccepts ? completed : null,
    lifetimeAccepted: truth.measuresAccepts ? lifetime.completed : null,
    listenOverflows: 0,
    listenDrops: 0,
    locality: null,
    cacheMisses: truth.cacheMisses === null ? null : Math.round(truth.cacheMisses * completed * factor()),
    accept: truth.measuresAccepts ? latencies(latency * 0.1, random).encode() : null,
    notes: { locality: 'SO_INCOMING_CPU is not set on loopback' },
  });
  const assembled = assembleTrial({
    trial,
    block,
    attempt: 1,
    cell,
    startedAt: new Date(Date.UTC(2025, 10, 21) + block * 60_000).toISOString(),
    loads: [load],
    server,
  });
  trialRecordSchema.parse(assembled.record);
  return assembled;
}

/** A body that is log-normal, and a tail of two per cent ten times as slow. */
function latencies(medianSeconds: number, random: () => number): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (let index = 0; index < 3_000; index++) {
    const slow = random() < 0.02 ? 10 : 1;
    histogram.record(medianSeconds * slow * Math.exp(0.25 * gauss(random)) * 1e9);
  }
  return histogram;
}

function coreTimes(core: number, busy: number) {
  return { core, user: busy * 0.08, system: busy * 0.57, softirq: busy * 0.35, idle: 1 - busy };
}

/** Standard normal (Box and Muller). */
export function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export const syntheticEnvironment = {
  schema: 'stampede.environment/1',
  kernel: { release: '6.18.0', sysctls: { 'net.core.somaxconn': 4096, 'net.ipv4.tcp_tw_reuse': 2 } },
  cpu: { model: 'AMD EPYC', cores: 4, governor: null, smt: false },
  limits: { openFiles: 1_048_576 },
  tools: [
    { name: 'redis-server', version: '7.0.15' },
    { name: 'node', version: '20.19.0' },
  ],
};

/** Writes a whole run folder at `path`. */
export async function writeSyntheticRun(path: string, options: SyntheticOptions = {}): Promise<RunFolder> {
  const folder = runFolder(path);
  const scenario = syntheticScenario(options.scenario);
  const trials = syntheticTrials(options);
  await mkdir(folder.histograms, { recursive: true });
  await writeFile(folder.scenario, stringify(scenario));
  await writeFile(folder.trials, trials.map(({ record }) => `${JSON.stringify(record)}\n`).join(''));
  for (const { record, histograms } of trials)
    await writeFile(join(folder.histograms, `${record.trial}.json`), JSON.stringify(histograms));
  await writeFile(folder.environment, JSON.stringify(syntheticEnvironment));
  await writeFile(
    folder.attempts,
    `${JSON.stringify({ schema: 'stampede.attempt/1', trial: 'b03-c01', attempt: 1, epoch: 1_000_005, reason: 'agent a1 was lost: its lease ran out', startedAt: '2025-11-21T00:03:00.000Z', endedAt: '2025-11-21T00:03:09.000Z', samples: [] })}\n`,
  );
  await writeFile(folder.run, JSON.stringify(syntheticSummary(scenario, trials.length)));
  return folder;
}

function syntheticSummary(scenario: Scenario, committed: number) {
  return {
    schema: 'stampede.run/1',
    run: `${scenario.name}-20251121T000000-abc123`,
    scenario: { name: scenario.name, sha256: '0'.repeat(64) },
    createdAt: '2025-11-21T00:00:00.000Z',
    startedAt: '2025-11-21T00:00:00.000Z',
    endedAt: '2025-11-21T00:10:00.000Z',
    incarnation: 1,
    state: 'complete',
    reason: null,
    planned: committed,
    committed,
    givenUp: {},
    coverage: { messages: 412, lost: 0, refused: { stale: 0, malformed: 0 }, quarantined: [] },
  };
}
