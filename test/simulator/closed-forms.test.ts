/** Queues and locks against what is known exactly, within 2 %; a miss prints its seed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { studyLock } from '../../simulator/lock-study.ts';
import { lockKinds } from '../../simulator/locks/kinds.ts';
import {
  type Choice,
  type Distribution,
  type QueueStudyResult,
  studyQueue,
} from '../../simulator/queue-study.ts';

const seed = 3;
const tolerance = 0.02;

function assertNear(what: string, value: number, exact: number): void {
  assert.ok(
    Math.abs(value / exact - 1) <= tolerance,
    `${what}: ${value}, exactly ${exact}, ${((value / exact - 1) * 100).toFixed(2)} % off (seed ${seed})`,
  );
}

interface Open {
  readonly workers: number;
  /** Offered load ÷ workers. */
  readonly utilisation: number;
  readonly distribution?: Distribution;
  readonly choice?: Choice;
}

/** Service takes a second on average. */
function open({
  workers,
  utilisation,
  distribution = 'exponential',
  choice = 'shared-fifo',
}: Open): QueueStudyResult {
  return studyQueue({
    workers,
    arrivals: { kind: 'open', ratePerSecond: utilisation * workers },
    serviceSeconds: 1,
    distribution,
    choice,
    seed,
    requests: 400_000,
    replications: 4,
  });
}

/** Erlang's C: the chance that a request has to wait. */
function erlangC(servers: number, offered: number): number {
  let blocking = 1;
  for (let server = 1; server <= servers; server++)
    blocking = (offered * blocking) / (server + offered * blocking);
  return blocking / (1 - (offered / servers) * (1 - blocking));
}

for (const utilisation of [0.3, 0.7])
  test(`studyQueue() is M/M/1 at utilisation ${utilisation}: mean, percentiles, standard deviation`, () => {
    const { latencySeconds, workers } = open({ workers: 1, utilisation });
    // Time in system is exponential.
    const mean = 1 / (1 - utilisation);
    assertNear('mean', latencySeconds.mean, mean);
    assertNear('p50', latencySeconds.p50, mean * Math.LN2);
    assertNear('p99', latencySeconds.p99, mean * Math.log(100));
    assertNear('standard deviation', latencySeconds.standardDeviation, mean);
    assertNear('busy', workers[0].cpuShare, utilisation);
  });

for (const utilisation of [0.3, 0.7])
  test(`studyQueue() is M/D/1 at utilisation ${utilisation}: mean by Pollaczek and Khinchine`, () => {
    const { latencySeconds } = open({ workers: 1, utilisation, distribution: 'deterministic' });
    assertNear('mean', latencySeconds.mean, 1 + utilisation / (2 * (1 - utilisation)));
  });

for (const [workers, utilisation] of [
  [2, 0.5],
  [12, 0.8],
])
  for (const choice of ['shared-fifo', 'shared-lifo'] as const)
    test(`studyQueue() is M/M/${workers} at utilisation ${utilisation}, ${choice}: mean by Erlang C`, () => {
      const { latencySeconds } = open({ workers, utilisation, choice });
      const wait = erlangC(workers, workers * utilisation) / (workers * (1 - utilisation));
      assertNear('mean', latencySeconds.mean, 1 + wait);
    });

test('studyQueue(), hashed, is as many M/M/1 queues as there are workers', () => {
  const { latencySeconds } = open({ workers: 4, utilisation: 0.6, choice: 'hashed' });
  assertNear('mean', latencySeconds.mean, 1 / (1 - 0.6));
});

test('studyQueue(), a fixed list of sleepers: each works as Erlang’s ordered hunting says', () => {
  const [workers, offered] = [12, 1.32];
  const result = open({ workers, utilisation: offered / workers, choice: 'shared-lifo' });
  let lost = 1;
  for (let worker = 0; worker < 4; worker++) {
    const after = (offered * lost) / (worker + 1 + offered * lost);
    assertNear(`worker ${worker}`, result.workers[worker].cpuShare, offered * (lost - after));
    lost = after;
  }
});

test('studyQueue(), closed: Little’s law holds, and a closed network of equal hashed queues has its product form', () => {
  const [workers, clients] = [6, 30];
  const result = studyQueue({
    workers,
    arrivals: { kind: 'closed', clients, thinkSeconds: 0 },
    serviceSeconds: 1,
    distribution: 'exponential',
    choice: 'hashed',
    seed,
    requests: 400_000,
    replications: 4,
  });
  assertNear('clients', result.latencySeconds.mean * result.requestsPerSecond, clients);
  // Gordon and Newell: with N clients and M equal stations each works N / (N + M − 1) of its time.
  assertNear('requests/s', result.requestsPerSecond, (workers * clients) / (clients + workers - 1));
});

interface Chain {
  readonly cores: number;
  readonly serialShare: number;
  /** Of the service when `waiting` cores wait besides the one that is served. */
  readonly serviceCycles: (waiting: number) => number;
}

/**
 * The Markov chain of OLS'12, solved exactly: in state k, k cores are at the lock; (n − k)/a leads up, and from k + 1 down
 * 1/(s + c(k + 1)/2). Mean of n − k.
 */
function chainSpeedup({ cores, serialShare, serviceCycles }: Chain): number {
  const workCycles = 400 / serialShare;
  let [weight, sum, atLock] = [1, 1, 0];
  for (let state = 0; state < cores; state++) {
    weight *= ((cores - state) / workCycles) * serviceCycles(state);
    sum += weight;
    atLock += weight * (state + 1);
  }
  return cores - atLock / sum;
}

for (const [kind, serviceCycles] of [
  ['ticket', (waiting: number) => 400 + (1000 * (waiting + 1)) / 2],
  ['mcs', () => 400 + 1000],
] as const)
  for (const serialShare of [0.032, 0.004, 0.002])
    test(`studyLock() is the Markov chain of OLS’12: ${kind}, ${serialShare * 100} % serial`, () => {
      for (const cores of [1, 4, 8, 16, 24, 27, 30, 34, 41, 48]) {
        const { speedup } = studyLock({
          kind: lockKinds[kind],
          cores,
          serialCycles: 400,
          serialShare,
          lineCycles: 1000,
          service: 'exponential',
          seed,
          acquisitions: 10_000,
          precision: 0.01,
          replications: 8,
        });
        assertNear(`${cores} cores`, speedup, chainSpeedup({ cores, serialShare, serviceCycles }));
      }
    });
