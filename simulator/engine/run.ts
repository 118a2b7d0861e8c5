/**
 * One run of the engine from one seed, in the units people ask for.
 *
 * What lines cost on one core is part of the calibrated one-core cost, so it is measured first, in a short run on one core, and
 * taken off the work; the result is kept for the machine. Warm-up: until as many connections have been completed as there are
 * clients, capped for long connections, which start anywhere in their life; of open arrivals, as many as wait in full queues.
 */

import type { Design } from '../designs/design.ts';
import { stepNames } from '../designs/design.ts';
import type { Machine } from '../machine/machine.ts';
import type { Workload } from '../workload.ts';
import { sum } from './accounts.ts';
import { Engine } from './engine.ts';
import { costsOf, type OneCoreMemory, type Program, programOf } from './program.ts';

export interface RunOptions {
  readonly machine: Machine;
  readonly design: Design;
  readonly workload: Workload;
  readonly cores: number;
  readonly seed: number;
  readonly connections?: number;
  readonly burst?: boolean;
  /** Listening sockets of the port, where a design has one a worker; default: one a core. */
  readonly listeners?: number;
}

export interface Run {
  readonly workload: Workload;
  readonly cores: number;
  readonly program: Program;
  readonly engine: Engine;
  readonly seconds: number;
  readonly connections: number;
  readonly connectionsPerSecond: number;
  readonly transactionsPerSecond: number;
  /** Of all cores, in the measured time. */
  readonly coreCycles: number;
  readonly busyCycles: number;
  readonly lockWaitCycles: number;
  readonly misses: number;
  readonly latencies: Float64Array;
  readonly connectLatencies: Float64Array;
}

/** Steps to measure, about: enough for throughput within one per cent. */
const wantedSteps = 40_000;
/** Of open arrivals: their number in a given time varies by its root. */
const arrivalsAtLeast = 4_000;
const stepsAConnection = 6;
const mostWarmUpSteps = 1e6;

export function runOnce(options: RunOptions): Run {
  return runWith(options, oneCoreMemory(options.machine, options.design, options.workload));
}

function runWith(options: RunOptions, oneCore: OneCoreMemory): Run {
  const { machine, design, workload, cores, seed, burst } = options;
  const program = programOf({ machine, design, workload, workers: options.listeners ?? cores, oneCore });
  const perConnection = stepsAConnection + 2 * workload.transactions;
  const open = workload.ratePerSecond !== undefined;
  const usual = Math.max(open ? arrivalsAtLeast : 300, Math.ceil(wantedSteps / perConnection));
  const connections = burst ? workload.concurrency : (options.connections ?? usual);
  const settling = open
    ? workload.backlog * (design.queues === 'shared' ? 1 : cores)
    : 1.5 * workload.concurrency;
  const warmUp = burst ? 0 : Math.ceil(Math.min(settling, mostWarmUpSteps / perConnection));
  // As they would if the cores were just busy, so that they do not march in step.
  const spreadCycles = (workload.concurrency * oneCoreCycles(options)) / cores;
  const engine = new Engine({
    machine,
    design,
    program,
    workload,
    cores,
    seed,
    spreadCycles,
    warmUp,
    connections,
    burst: burst === true,
  });
  engine.run();
  const { accounts } = engine;
  const cycles = engine.now - engine.measuredFrom;
  const seconds = cycles / (machine.clockGHz * 1e9);
  const toSeconds = (values: Float64Array) =>
    values.subarray(0, engine.connections.recorded).map((value) => value / (machine.clockGHz * 1e9));
  return {
    workload,
    cores,
    program,
    engine,
    seconds,
    connections: accounts.connections,
    // In the long run the same; answers are many more, so their count is the steadier of the two.
    connectionsPerSecond:
      workload.transactions > 1
        ? accounts.transactions / seconds / workload.transactions
        : accounts.connections / seconds,
    transactionsPerSecond: accounts.transactions / seconds,
    coreCycles: cores * cycles,
    busyCycles: sum(engine.cores.busy),
    lockWaitCycles: sum(accounts.waited),
    misses: sum(engine.directory.misses),
    latencies: toSeconds(engine.connections.latencies),
    connectLatencies: toSeconds(engine.connections.connectLatencies),
  };
}

/** Of a connection, on one core. */
function oneCoreCycles({ machine, design, workload }: RunOptions): number {
  const { connection } = costsOf(machine, design.costs.connection);
  const { transaction } = costsOf(machine, design.costs.transaction);
  const application = workload.name === 'http' ? machine.application.http : 0;
  return connection + workload.transactions * (transaction + application);
}

const known = new WeakMap<Machine, Map<string, OneCoreMemory>>();

function oneCoreMemory(machine: Machine, design: Design, workload: Workload): OneCoreMemory {
  const key = `${design.name} ${workload.name} ${workload.transactions > 0} ${workload.concurrency}`;
  const ofMachine = known.get(machine) ?? new Map<string, OneCoreMemory>();
  known.set(machine, ofMachine);
  const before = ofMachine.get(key);
  if (before !== undefined) return before;
  const { ratePerSecond: _, service: __, ...closed } = workload;
  const short: Workload = {
    ...closed,
    transactions: Math.min(workload.transactions, 4),
    concurrency: Math.min(workload.concurrency, 768),
    thinkSeconds: 0,
  };
  const nothing = { connection: 0, transaction: 0 };
  // Handing packets on comes on top of what one core does alone.
  const plain = { ...machine, nic: { ...machine.nic, rps: false } };
  const run = runWith(
    { machine: plain, design, workload: short, cores: 1, seed: 1, connections: 1_000 },
    nothing,
  );
  const { moved } = run.engine.accounts;
  let [connection, transaction] = [0, 0];
  for (let pc = 0; pc < moved.length; pc++) {
    const step = stepNames[run.program.step[pc]];
    if (step === 'receive' || step === 'serve') transaction += moved[pc];
    else connection += moved[pc];
  }
  const found = {
    connection: connection / run.connections,
    transaction: transaction / run.connections / Math.max(1, short.transactions),
  };
  ofMachine.set(key, found);
  return found;
}
