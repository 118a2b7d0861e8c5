/**
 * Workers and queues, and nothing else: how long requests wait and how evenly workers work, by who takes which request.
 *
 * `shared-fifo` and `shared-lifo`: one queue, from which a worker that is done takes the oldest; when several sleep, the
 * wake order decides who is woken. `hashed`: a queue a worker, chosen anew for every request, as the hash of a new
 * connection's ports does. Closed: so many clients, each with one request at a time. Open: Poisson arrivals. It knows no
 * machine: a request costs its service time wherever it is served.
 */

import { EventQueue } from './event-queue.ts';
import { type RandomStream, randomStream } from './random.ts';
import {
  type Interval,
  intervalOf,
  meanOf,
  percentileOf,
  standardDeviationOf,
  warmUpLength,
} from './statistics.ts';
import { sleepers, type WakeOrder } from './wake-order.ts';

export const choices = ['shared-fifo', 'shared-lifo', 'hashed'] as const;
export type Choice = (typeof choices)[number];
export const distributions = ['exponential', 'deterministic'] as const;
export type Distribution = (typeof distributions)[number];

export type Arrivals =
  | { readonly kind: 'closed'; readonly clients: number; readonly thinkSeconds: number }
  | { readonly kind: 'open'; readonly ratePerSecond: number };

export interface QueueStudy {
  readonly workers: number;
  readonly arrivals: Arrivals;
  readonly serviceSeconds: number;
  readonly distribution: Distribution;
  readonly choice: Choice;
  readonly seed: number;
  /** Requests a replication, the warm-up included. */
  readonly requests: number;
  /** Independent seeds, at least one. */
  readonly replications: number;
}

/** Each figure is that of one run of `requests`, averaged over the replications: so is the maximum. */
export interface LatencyFigures {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly standardDeviation: number;
}

export interface QueueStudyResult {
  readonly latencySeconds: LatencyFigures;
  /** Of the mean latency: 95 % interval over seeds. */
  readonly low: number;
  readonly high: number;
  readonly requestsPerSecond: number;
  /** How much of its time each worker works: 0 to 1. */
  readonly workers: readonly { readonly worker: number; readonly cpuShare: number }[];
}

export function studyQueue(study: QueueStudy): QueueStudyResult {
  const runs = Array.from({ length: study.replications }, (_, index) => figuresOf(simulate(study, index)));
  const over = (pick: (run: RunFigures) => number): Interval => intervalOf(runs.map(pick));
  const mean = over(({ latency }) => latency.mean);
  return {
    latencySeconds: {
      mean: mean.mean,
      p50: over(({ latency }) => latency.p50).mean,
      p99: over(({ latency }) => latency.p99).mean,
      max: over(({ latency }) => latency.max).mean,
      standardDeviation: over(({ latency }) => latency.standardDeviation).mean,
    },
    low: mean.low,
    high: mean.high,
    requestsPerSecond: over(({ requestsPerSecond }) => requestsPerSecond).mean,
    workers: Array.from({ length: study.workers }, (_, worker) => ({
      worker,
      cpuShare: over(({ cpuShares }) => cpuShares[worker]).mean,
    })),
  };
}

/** What happened, a request an index, in the order in which they were done. */
interface Log {
  readonly workers: number;
  readonly latencies: Float64Array;
  readonly services: Float64Array;
  readonly doneAt: Float64Array;
  readonly doneBy: Int32Array;
}

const arrive = 0;
const done = 1;

function simulate(study: QueueStudy, replication: number): Log {
  const { workers, requests } = study;
  const stream = (purpose: string): RandomStream =>
    randomStream(study.seed, `queue ${replication} ${purpose}`);
  const [arriving, serving, hashing] = [stream('arrivals'), stream('service'), stream('hash')];
  const serviceSeconds =
    study.distribution === 'exponential'
      ? () => serving.exponential(study.serviceSeconds)
      : () => study.serviceSeconds;
  const log: Log = {
    workers,
    latencies: new Float64Array(requests),
    services: new Float64Array(requests),
    doneAt: new Float64Array(requests),
    doneBy: new Int32Array(requests),
  };

  const isShared = study.choice !== 'hashed';
  const order: WakeOrder = study.choice === 'shared-lifo' ? 'lifo' : 'fifo';
  const asleep = sleepers(order, workers);
  const isBusy = new Uint8Array(workers);
  if (isShared) for (let worker = 0; worker < workers; worker++) asleep.sleep(worker);
  const waiting = Array.from({ length: isShared ? 1 : workers }, () => new Waiting());
  const cameAt = new Float64Array(workers);
  const takes = new Float64Array(workers);
  const events = new EventQueue();
  let now = 0;
  let completed = 0;

  const begin = (worker: number, arrivedAt: number): void => {
    isBusy[worker] = 1;
    cameAt[worker] = arrivedAt;
    takes[worker] = serviceSeconds();
    events.put(now + takes[worker], done, worker);
  };
  const comes = (): void => {
    const worker = isShared ? asleep.wake() : hashing.below(workers);
    if (isShared ? worker >= 0 : isBusy[worker] === 0) begin(worker, now);
    else waiting[isShared ? 0 : worker].put(now);
    if (study.arrivals.kind === 'open')
      events.put(now + arriving.exponential(1 / study.arrivals.ratePerSecond), arrive);
  };
  const ends = (worker: number): void => {
    log.latencies[completed] = now - cameAt[worker];
    log.services[completed] = takes[worker];
    log.doneAt[completed] = now;
    log.doneBy[completed++] = worker;
    isBusy[worker] = 0;
    const line = waiting[isShared ? 0 : worker];
    if (line.count > 0) begin(worker, line.take());
    else if (isShared) asleep.sleep(worker);
    if (study.arrivals.kind === 'closed')
      events.put(now + arriving.exponential(study.arrivals.thinkSeconds), arrive);
  };

  start(study, arriving, events);
  while (completed < requests && events.next()) {
    now = events.time;
    if (events.event === arrive) comes();
    else ends(events.argument);
  }
  return log;
}

/** Clients begin one after the other, over as long as the workers need for one request of each: not all in one moment. */
function start(
  { arrivals, serviceSeconds, workers }: QueueStudy,
  arriving: RandomStream,
  events: EventQueue,
): void {
  if (arrivals.kind === 'open') {
    events.put(arriving.exponential(1 / arrivals.ratePerSecond), arrive);
    return;
  }
  const spread = (arrivals.clients * serviceSeconds) / workers + arrivals.thinkSeconds;
  for (let client = 0; client < arrivals.clients; client++) events.put(arriving.uniform() * spread, arrive);
}

/** When those came who wait: first in, first out. A ring that doubles. */
class Waiting {
  count = 0;
  #first = 0;
  #ring = new Float64Array(64);

  put(arrivedAt: number): void {
    const ring = this.#ring;
    if (this.count === ring.length) {
      const larger = new Float64Array(ring.length * 2);
      larger.set(ring.subarray(this.#first));
      larger.set(ring.subarray(0, this.#first), ring.length - this.#first);
      this.#ring = larger;
      this.#first = 0;
    }
    this.#ring[(this.#first + this.count++) % this.#ring.length] = arrivedAt;
  }

  take(): number {
    const arrivedAt = this.#ring[this.#first];
    this.#first = (this.#first + 1) % this.#ring.length;
    this.count--;
    return arrivedAt;
  }
}

interface RunFigures {
  readonly latency: LatencyFigures;
  readonly requestsPerSecond: number;
  readonly cpuShares: Float64Array;
}

/** Of what comes after the warm-up, which the latencies tell. */
function figuresOf({ workers, latencies, services, doneAt, doneBy }: Log): RunFigures {
  const cut = warmUpLength(latencies);
  const kept = latencies.subarray(cut);
  const sorted = Float64Array.from(kept).sort();
  const began = cut === 0 ? 0 : doneAt[cut - 1];
  const seconds = doneAt[doneAt.length - 1] - began;
  const cpuShares = new Float64Array(workers);
  // Of a service that began during the warm-up, only what is after it counts.
  for (let index = cut; index < services.length; index++)
    cpuShares[doneBy[index]] += Math.min(services[index], doneAt[index] - began) / seconds;
  return {
    latency: {
      mean: meanOf(kept),
      p50: percentileOf(sorted, 0.5),
      p99: percentileOf(sorted, 0.99),
      max: sorted[sorted.length - 1],
      standardDeviation: standardDeviationOf(kept),
    },
    requestsPerSecond: kept.length / seconds,
    cpuShares,
  };
}
