/**
 * The papers' experiments, run on the simulated test beds: a rate by machine, design, cores and workload, from a few seeds.
 *
 * Equal questions of several claims are run once. It knows how the beds were loaded, and no published result.
 */

import { designs } from '../designs/table.ts';
import { sum } from '../engine/accounts.ts';
import { type Run, runOnce } from '../engine/run.ts';
import { machines } from '../machine/load.ts';
import { runsOf, type SimulateOptions } from '../simulator.ts';
import { meanOf } from '../statistics.ts';
import type { Laboratory } from './claim.ts';

export interface Question {
  readonly machine: 'x5560' | 'e5-2690' | 'e5-2697v2' | 'amd48';
  readonly design: string;
  readonly cores: number;
  /** Default 1. */
  readonly transactions?: number;
  readonly workload?: 'rpc' | 'accept-only' | 'http';
}

/** How each bed was loaded; Affinity-Accept's clients think 20 ms in place of 100, and are fewer in proportion. */
const load: Readonly<Record<Question['machine'], Partial<SimulateOptions>>> = {
  x5560: { concurrency: 768 },
  // 8,000 on the bed; whatever waits for the accept lock waits there, so a quarter of them gives the same rate.
  'e5-2690': { concurrency: 2_000 },
  'e5-2697v2': {},
  amd48: { concurrency: 14_400, thinkMs: 20, connections: 7_200 },
};

/** Near saturation across two sockets a rate varies by per cents from seed to seed, and its ratios by more. */
const seedsEach: Readonly<Record<Question['machine'], number>> = {
  x5560: 6,
  'e5-2690': 3,
  'e5-2697v2': 5,
  amd48: 3,
};

export function runs(laboratory: Laboratory, question: Question): readonly Run[] {
  const { machine, design, cores, transactions = 1, workload = 'rpc' } = question;
  const name = `${machine} ${design} ${cores} ${transactions} ${workload}`;
  return laboratory.once(name, () =>
    runsOf(
      {
        machine: machines[machine],
        design,
        cores: [cores],
        transactions,
        workload,
        seeds: seedsOf(laboratory, machine),
        ...load[machine],
      },
      cores,
    ),
  );
}

/** A seed that is the next one's neighbour shares no run with it. */
function seedsOf({ seed }: Laboratory, machine: Question['machine']): number[] {
  const count = seedsEach[machine];
  return Array.from({ length: count }, (_, index) => seed * count + index);
}

/** Connections a second. */
export const rate = (laboratory: Laboratory, question: Question): number =>
  meanOf(runs(laboratory, question).map((run) => run.connectionsPerSecond));

/** Rate ÷ that of one core. */
export const speedUp = (laboratory: Laboratory, question: Question): number =>
  rate(laboratory, question) / rate(laboratory, { ...question, cores: 1 });

export interface RequestTimes {
  readonly requestsPerSecondPerCore: number;
  readonly totalUs: number;
  readonly idleUs: number;
  readonly lockWaitUs: number;
  readonly lockHoldUs: number;
  readonly otherUs: number;
  /** Without the application and without doing nothing. */
  readonly stackUs: number;
}

/** Where a core's time goes a request, in microseconds. */
export function requestTimes(laboratory: Laboratory, question: Question): RequestTimes {
  const all = runs(laboratory, question).map((run) =>
    timesOf(run, machines[question.machine].clockGHz * 1e3),
  );
  const mean = (of: (times: RequestTimes) => number) => meanOf(all.map(of));
  return {
    requestsPerSecondPerCore: mean((times) => times.requestsPerSecondPerCore),
    totalUs: mean((times) => times.totalUs),
    idleUs: mean((times) => times.idleUs),
    lockWaitUs: mean((times) => times.lockWaitUs),
    lockHoldUs: mean((times) => times.lockHoldUs),
    otherUs: mean((times) => times.otherUs),
    stackUs: mean((times) => times.stackUs),
  };
}

function timesOf(run: Run, cyclesAUs: number): RequestTimes {
  const { accounts } = run.engine;
  const us = (cycles: number) => cycles / accounts.transactions / cyclesAUs;
  const totalUs = us(run.coreCycles);
  // Rounding may leave a core busy for a little longer than it was there.
  const idleUs = us(Math.max(0, run.coreCycles - run.busyCycles));
  const lockWaitUs = us(sum(accounts.waited) + sum(accounts.handedOver) + sum(accounts.polled));
  const lockHoldUs = us(accounts.ownLock);
  return {
    requestsPerSecondPerCore: accounts.transactions / run.seconds / run.cores,
    totalUs,
    idleUs,
    lockWaitUs,
    lockHoldUs,
    otherUs: totalUs - idleUs - lockWaitUs - lockHoldUs,
    stackUs: totalUs - idleUs - us(applicationCycles(run)),
  };
}

/** Class 3 is the application, by `cpuClasses`. */
const applicationClass = 3;

export function applicationCycles({ program, engine }: Run): number {
  let total = 0;
  for (let pc = 0; pc < program.code.length; pc++)
    if (program.by[pc] === applicationClass) total += engine.accounts.work[pc];
  return total;
}

/** Every client connects at the same moment, once; measured until the last is done or has given up. */
export function burst(laboratory: Laboratory, design: string, clients: number, backlog: number): Run {
  return laboratory.once(`burst ${design} ${clients} ${backlog}`, () =>
    runOnce({
      machine: machines['e5-2690'],
      design: designs[design],
      workload: { name: 'rpc', transactions: 1, bytes: 64, concurrency: clients, thinkSeconds: 0, backlog },
      cores: 8,
      seed: laboratory.seed,
      burst: true,
    }),
  );
}
