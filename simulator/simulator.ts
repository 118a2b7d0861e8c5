/**
 * The simulator: start here. What a server design does on a multicore machine, from lines, locks and queues.
 *
 *   machine (data) + design (a program of steps) + workload ─► engine, one run a seed ─► rows with intervals
 *
 * `simulate()` gives what `stampede simulate --json` prints. It has no clock and no chance of its own: the seeds decide.
 */

import { designs } from './designs/table.ts';
import { type Run, runOnce } from './engine/run.ts';
import { SimulationInputError } from './input-error.ts';
import { coresOf, type Machine } from './machine/machine.ts';
import { intervalOf, meanOf, percentileOf, standardDeviationOf } from './statistics.ts';
import {
  type ServiceName,
  serviceNames,
  type Workload,
  type WorkloadName,
  workloadNames,
} from './workload.ts';

export interface SimulateOptions {
  readonly machine: Machine;
  readonly design: string;
  readonly workload?: WorkloadName;
  /** Which numbers of cores, each a row. */
  readonly cores: readonly number[];
  readonly transactions?: number;
  readonly bytes?: number;
  /** Default 768; of http 500 a core. */
  readonly concurrency?: number;
  /** Open arrivals: connections a second, in place of `concurrency`. */
  readonly rate?: number;
  readonly thinkMs?: number;
  readonly backlog?: number;
  /** Of the application's part of a request; default `fixed`. */
  readonly service?: ServiceName;
  /** Connections to measure a seed; default: enough for about 1 %. */
  readonly connections?: number;
  readonly seeds?: readonly number[];
}

export interface LatencySeconds {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly standardDeviation: number;
}

export interface SimulatedRow {
  readonly cores: number;
  /** A connection; 0 of accept-only. */
  readonly transactions: number;
  readonly bytes: number;
  readonly connectionsPerSecond: number;
  readonly transactionsPerSecond: number;
  /** Payload of responses. */
  readonly gigabitsPerSecond: number;
  /** In which a core did something, waiting for locks included. */
  readonly cyclesPerConnection: number;
  /** Cache lines fetched from beyond the core's own caches. */
  readonly missesPerConnection: number;
  /** Share of all core time that was spent spinning for a lock. */
  readonly lockWaitShare: number;
  /** First SYN to last answer, of connections that were completed. */
  readonly latencySeconds: LatencySeconds;
  /** 95 % interval of `connectionsPerSecond`, over independent seeds. */
  readonly low: number;
  readonly high: number;
  /** Of open arrivals: what was asked for, and SYNs that full queues dropped, each second. */
  readonly ratePerSecond?: number;
  readonly dropsPerSecond?: number;
}

export interface Simulated {
  readonly machine: string;
  readonly design: string;
  readonly rows: readonly SimulatedRow[];
}

const defaultSeeds = [1, 2, 3];

/** @throws {SimulationInputError} what was asked for does not exist, or the machine does not have it. */
export function simulate(options: SimulateOptions): Simulated {
  const { machine } = options;
  return {
    machine: machine.name,
    design: options.design,
    rows: options.cores.map((cores) => rowOf(options, cores)),
  };
}

function rowOf(options: SimulateOptions, cores: number): SimulatedRow {
  const runs = runsOf(options, cores);
  const [first] = runs;
  const rates = runs.map((run) => run.connectionsPerSecond);
  const { mean, low, high } = intervalOf(rates);
  const average = (of: (run: Run) => number) => meanOf(runs.map(of));
  const transactionsPerSecond = average((run) => run.transactionsPerSecond);
  return {
    cores,
    transactions: first.workload.transactions,
    bytes: first.workload.bytes,
    connectionsPerSecond: mean,
    transactionsPerSecond,
    gigabitsPerSecond: (transactionsPerSecond * first.workload.bytes * 8) / 1e9,
    cyclesPerConnection: average((run) => run.busyCycles / run.connections),
    missesPerConnection: average((run) => run.misses / run.connections),
    lockWaitShare: average((run) => run.lockWaitCycles / run.coreCycles),
    latencySeconds: latencyOf(runs.map((run) => run.latencies)),
    low: Math.max(0, low),
    high,
    ...(options.rate === undefined
      ? {}
      : {
          ratePerSecond: options.rate,
          dropsPerSecond: average((run) => run.engine.accounts.dropped / run.seconds),
        }),
  };
}

/** One run a seed. @throws {SimulationInputError} as `simulate()`. */
export function runsOf(options: SimulateOptions, cores: number): Run[] {
  const { machine } = options;
  const design = designs[options.design];
  if (design === undefined || !Object.hasOwn(designs, options.design))
    throw new SimulationInputError(
      `Cannot simulate design "${options.design}": there is none of that name; wanted one of ${Object.keys(designs).join(', ')}`,
    );
  if (!Number.isInteger(cores) || cores < 1 || cores > coresOf(machine))
    throw new SimulationInputError(
      `Cannot simulate ${cores} cores on ${machine.name}: it has ${coresOf(machine)}; give a whole number from 1 to that`,
    );
  const workload = workloadOf(options, cores);
  const seeds = options.seeds ?? defaultSeeds;
  const { connections } = options;
  return seeds.map((seed) =>
    runOnce({
      machine,
      design,
      workload,
      cores,
      seed,
      ...(connections === undefined ? {} : { connections }),
    }),
  );
}

function workloadOf(options: SimulateOptions, cores: number): Workload {
  const name = options.workload ?? 'rpc';
  if (!workloadNames.includes(name))
    throw new SimulationInputError(
      `Cannot simulate workload "${name}"; wanted one of ${workloadNames.join(', ')}`,
    );
  if (options.service !== undefined && !serviceNames.includes(options.service))
    throw new SimulationInputError(
      `Cannot simulate service "${options.service}"; wanted one of ${serviceNames.join(', ')}`,
    );
  if (options.rate !== undefined) return openWorkload(options, name, cores);
  const concurrency = options.concurrency ?? (name === 'http' ? 500 * cores : 768);
  return {
    ...asked(options, name),
    concurrency: whole('concurrency', concurrency, 1, 5e6),
    backlog: whole('backlog', options.backlog ?? Math.max(1024, concurrency), 1, 1e9),
  };
}

/** Clients by a rate; who is under way is bounded by the queues, and by how long clients think. */
function openWorkload(options: SimulateOptions, name: WorkloadName, cores: number): Workload {
  const { rate = 0, thinkMs = 0 } = options;
  if (options.concurrency !== undefined)
    throw new SimulationInputError(
      `Cannot simulate a rate of ${rate} and a concurrency of ${options.concurrency}: clients arrive by themselves, or each when another is done; give one of them`,
    );
  if (!(rate >= 0.1 && rate <= 1e7))
    throw new SimulationInputError(
      `Cannot simulate a rate of ${rate}: wanted a number from 0.1 to 1e7 connections a second`,
    );
  const backlog = whole('backlog', options.backlog ?? 1024, 1, 1e5);
  const thinking = (2 * rate * 2 * thinkMs) / 1e3;
  const concurrency = Math.min(5e6, Math.ceil(2 * backlog * cores + thinking));
  return { ...asked(options, name), ratePerSecond: rate, concurrency, backlog };
}

function asked(options: SimulateOptions, name: WorkloadName): Omit<Workload, 'concurrency' | 'backlog'> {
  return {
    name,
    transactions: name === 'accept-only' ? 0 : whole('transactions', options.transactions ?? 1, 1, 1e6),
    bytes: whole('bytes', options.bytes ?? 64, 1, 1e9),
    thinkSeconds: (options.thinkMs ?? 0) / 1e3,
    ...(options.service === undefined ? {} : { service: options.service }),
  };
}

function whole(what: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new SimulationInputError(
    `Cannot simulate ${what} ${value}: wanted a whole number from ${least} to ${most}`,
  );
}

function latencyOf(all: readonly Float64Array[]): LatencySeconds {
  const values = new Float64Array(all.reduce((length, each) => length + each.length, 0));
  let at = 0;
  for (const each of all) {
    values.set(each, at);
    at += each.length;
  }
  values.sort();
  if (values.length === 0) return { mean: 0, p50: 0, p99: 0, max: 0, standardDeviation: 0 };
  return {
    mean: meanOf(values),
    p50: percentileOf(values, 0.5),
    p99: percentileOf(values, 0.99),
    max: values[values.length - 1],
    standardDeviation: standardDeviationOf(values),
  };
}
