/** `stampede simulate queue`: workers, clients, who takes which request; no machine. */

import { Command, Option } from 'commander';
import { badInput } from '../protocol/failure.ts';
import {
  type Arrivals,
  type Choice,
  choices,
  type Distribution,
  distributions,
  type QueueStudyResult,
  studyQueue,
} from '../simulator/queue-study.ts';
import { numberBetween, wholeBetween } from './simulate-options.ts';
import { columns } from './terminal.ts';

interface QueueOptions {
  readonly workers: number;
  readonly clients?: number;
  readonly load?: number;
  readonly thinkMs: number;
  readonly serviceMs: number;
  readonly distribution: Distribution;
  readonly choice: Choice;
  readonly requests: number;
  readonly seeds: number;
  readonly seed: number;
  readonly json?: true;
}

const example = `
shared-fifo and shared-lifo are one queue for all workers; of those that sleep, the longest asleep is woken (blocking accept), or
the first of a fixed list (EPOLLEXCLUSIVE). hashed is a queue a worker, as SO_REUSEPORT has. Each figure is that of a run of so
many requests, averaged over the seeds; the maximum, too. The warm-up is cut off by MSER-5.

Example:
  $ stampede simulate queue --workers 12 --clients 200 --service-ms 1.823 --distribution deterministic --choice hashed
  $ stampede simulate queue --workers 12 --load 720 --service-ms 1.823 --choice shared-lifo`;

export function simulateQueueCommand(): Command {
  return new Command('queue')
    .description('How long requests wait, and how evenly workers work, by who takes which request.')
    .option('--workers <N>', 'workers', wholeBetween(1, 4096), 12)
    .option('--clients <N>', 'each with one request at a time', wholeBetween(1, 1_000_000))
    .option(
      '--load <RATE>',
      'requests/s that arrive by chance (Poisson), instead of clients',
      numberBetween({ least: 1e-6, most: 1e9 }),
    )
    .option(
      '--think-ms <MS>',
      'mean time from an answer to the next request',
      numberBetween({ least: 0, most: 1e7 }),
      0,
    )
    .option(
      '--service-ms <MS>',
      'mean time a worker needs for a request',
      numberBetween({ least: 1e-6, most: 1e6 }),
      1,
    )
    .addOption(
      new Option('--distribution <KIND>', 'of that time').choices(distributions).default('exponential'),
    )
    .addOption(new Option('--choice <KIND>', 'who takes a request').choices(choices).default('shared-fifo'))
    .option('--requests <N>', 'a seed', wholeBetween(1000, 5_000_000), 100_000)
    .option('--seeds <N>', 'independent ones', wholeBetween(1, 1000), 4)
    .option('--seed <N>', 'the first of them', wholeBetween(0, 2 ** 31 - 1), 1)
    .option('--json', 'print JSON')
    .addHelpText('after', example)
    .action((options: QueueOptions) => {
      const arrivals = arrivalsOf(options);
      const { workers, serviceMs, distribution, choice, requests, seeds, seed } = options;
      const result = studyQueue({
        workers,
        arrivals,
        serviceSeconds: serviceMs / 1000,
        distribution,
        choice,
        seed,
        requests,
        replications: seeds,
      });
      const asked = { workers, arrivals, serviceMs, distribution, choice, requests, seeds, seed };
      process.stdout.write(
        options.json
          ? `${JSON.stringify({ schema: 'stampede.simulated-queue/1', ...asked, ...result })}\n`
          : table(result),
      );
    });
}

function arrivalsOf({ clients, load, thinkMs, workers, serviceMs }: QueueOptions): Arrivals {
  if ((clients === undefined) === (load === undefined))
    throw badInput(
      `Cannot simulate a queue: ${clients === undefined ? 'neither --clients nor --load is given' : 'both --clients and --load are given'}; wanted one of them.`,
    );
  if (clients !== undefined) return { kind: 'closed', clients, thinkSeconds: thinkMs / 1000 };
  const ratePerSecond = load as number;
  const most = workers / (serviceMs / 1000);
  if (ratePerSecond >= most)
    throw badInput(
      `Cannot simulate a queue at ${ratePerSecond} requests/s: ${workers} workers of ${serviceMs} ms a request do ${Number(most.toPrecision(4))}/s, and what waits would grow for ever; wanted less. Lower --load, or use --clients.`,
    );
  return { kind: 'open', ratePerSecond };
}

function table({ latencySeconds, low, high, requestsPerSecond, workers }: QueueStudyResult): string {
  const ms = (seconds: number): string => `${Number((seconds * 1000).toPrecision(4))} ms`;
  const facts = [
    ['mean latency', `${ms(latencySeconds.mean)} (95 % interval ${ms(low)} to ${ms(high)})`],
    ['half of them at most', ms(latencySeconds.p50)],
    ['99 of 100 at most', ms(latencySeconds.p99)],
    ['longest', ms(latencySeconds.max)],
    ['standard deviation', ms(latencySeconds.standardDeviation)],
    ['requests/s', requestsPerSecond.toFixed(1)],
  ];
  const shares = workers.map(({ worker, cpuShare }) => [
    `worker ${worker}`,
    `${(cpuShare * 100).toFixed(1)} % busy`,
  ]);
  return `${columns([...facts, ...shares])}\n`;
}
