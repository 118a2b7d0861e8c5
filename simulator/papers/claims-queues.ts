/** Who accepts the next connection, and what that does to the workers: C34, C37. Nothing of it is calibrated. */

import { type Choice, type QueueStudyResult, studyQueue } from '../queue-study.ts';
import { sleepers, type WakeOrder } from '../wake-order.ts';
import type { Check, Claim, Laboratory } from './claim.ts';

/** Workers that accept connections which come one by one, each done before the next. Renumbered by first appearance. */
export function acceptOrder(order: WakeOrder, workers: number, connections: number): number[] {
  const asleep = sleepers(order, workers);
  for (let worker = 0; worker < workers; worker++) asleep.sleep(worker);
  const accepted = Array.from({ length: connections }, () => {
    const worker = asleep.wake();
    asleep.sleep(worker);
    return worker;
  });
  return renumbered(accepted);
}

function renumbered(workers: readonly number[]): number[] {
  const seen = [...new Set(workers)];
  return workers.map((worker) => seen.indexOf(worker));
}

/** As many of the six accepts as are done by another worker than published. */
function orderCheck(figure: string, order: WakeOrder, publishedOrder: readonly number[]): Check {
  const expected = renumbered(publishedOrder);
  const simulated = acceptOrder(order, 3, expected.length);
  return {
    figure: `${figure}: accepts by another worker than published`,
    published: 0,
    simulated: simulated.filter((worker, index) => worker !== expected[index]).length,
    unit: 'of 6',
    tolerance: { kind: 'absolute', by: 0 },
    basis: 'predicted',
  };
}

/** Twelve workers that have something to do a ninth of the time, as those of the published figures had. */
function moderate({ seed, once }: Laboratory, choice: Choice): QueueStudyResult {
  const serviceSeconds = 0.001823;
  const workers = 12;
  const ratePerSecond = (0.11 * workers) / serviceSeconds;
  return once(`queue ${choice}`, () =>
    studyQueue({
      workers,
      arrivals: { kind: 'open', ratePerSecond },
      serviceSeconds,
      distribution: 'exponential',
      choice,
      seed,
      requests: 100_000,
      replications: 4,
    }),
  );
}

function spread({ workers }: QueueStudyResult): number {
  const shares = workers.map(({ cpuShare }) => cpuShare);
  const least = Math.min(...shares);
  return least === 0 ? Number.POSITIVE_INFINITY : Math.max(...shares) / least;
}

export const queueClaims: readonly Claim[] = [
  {
    id: 'C34',
    says: 'Blocking accept() wakes three workers in turn, epoll with EPOLLEXCLUSIVE always the same one',
    source: 'accept order of 3 workers, 6 connections one by one',
    why: 'The order follows from the wake order alone; a miss is a mistake of the model.',
    simulate: () => ({
      checks: [
        orderCheck('blocking', 'fifo', [2, 1, 0, 2, 1, 0]),
        orderCheck('EPOLLEXCLUSIVE', 'lifo', [0, 0, 0, 0, 0, 0]),
      ],
    }),
  },
  {
    id: 'C37',
    says: 'Of 12 workers of a shared queue that wakes last in, first out, the busiest works 10 times as much as the idlest or more; hashed, all work alike',
    source: 'CPU by worker, 12 workers, moderate load',
    why: 'How uneven the workers are depends on the load, which was published as moderate and without a figure.',
    simulate: (laboratory) => ({
      checks: [
        {
          // 30 % against hardly anything; a tenth is what the claim asks for.
          figure: 'idlest ÷ busiest, shared, EPOLLEXCLUSIVE',
          published: 0,
          simulated: 1 / spread(moderate(laboratory, 'shared-lifo')),
          unit: '',
          tolerance: { kind: 'at-most', high: 0.1 },
          basis: 'predicted',
        },
        {
          figure: 'busiest ÷ idlest, hashed',
          published: 13.2 / 9.3,
          simulated: spread(moderate(laboratory, 'hashed')),
          unit: '',
          tolerance: { kind: 'at-most', high: 1.5 },
          basis: 'predicted',
        },
      ],
    }),
  },
];
