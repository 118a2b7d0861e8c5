/**
 * The threads of a design of ours, whatever they serve with: starts one a core, marks the measured interval in their
 * shared memory, counts what they accept, stops them and gathers what they measured.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../protocol/failure.ts';
import type { ConnectionTroubles } from './connections.ts';
import {
  acceptedIndex,
  type CoreMessage,
  createShared,
  MEASURING,
  PHASE,
  type ServingOrder,
  STOPPING,
  UNMEASURED,
} from './core-order.ts';
import type { StartedVariant, VariantResult, VariantSetting } from './variants/variant.ts';

/** Longer than any thread blocks in one call. */
const stopMs = 600;
/** Without another wish, a connection on which nothing happens for so long is ended. */
const defaultIdleMs = 30_000;

export interface ThreadPlan<Result> {
  /** The module that a thread runs. */
  readonly entry: URL;
  /** What thread `index` is told on top of what every thread is. */
  readonly ownOrder: (index: number) => object;
  readonly port: number;
  readonly notes: Readonly<Record<string, string>>;
  /** What the threads knew of the measured interval; null for one that did not stop when told to. */
  readonly summarise: (results: readonly (Result | null)[], counts: AcceptCounts) => VariantResult;
  /** Gives back what the main thread holds for the threads. */
  readonly close: () => void;
}

export interface AcceptCounts {
  /** In the measured interval. */
  readonly acceptedByCore: readonly number[];
  readonly accepted: number;
  readonly lifetimeAccepted: number;
}

/** Resolves once every thread serves. Rejects, with everything closed, when one cannot. */
export async function startPinnedThreads<Result>(
  { spec }: VariantSetting,
  plan: ThreadPlan<Result>,
): Promise<StartedVariant> {
  const shared = createShared(spec.cores.length);
  const words = new Int32Array(shared);
  const workers = spec.cores.map((core, index) => {
    const order: ServingOrder = {
      index,
      core,
      application: spec.application,
      messages: spec.messages,
      requestBytes: spec.requestBytes,
      responseBytes: spec.responseBytes,
      close: spec.close,
      idleMs: spec.idleMs ?? defaultIdleMs,
      shared,
    };
    return new Worker(plan.entry, { workerData: { ...order, ...plan.ownOrder(index) } });
  });
  const failed = Promise.race(
    workers.map(async (worker, index) => {
      const [error] = (await once(worker, 'error')) as [unknown];
      return new Error(`Cannot serve on core ${spec.cores[index]}: ${messageOf(error)}`, { cause: error });
    }),
  );
  const results = workers.map((worker) => resultOf<Result>(worker));
  const serving = Promise.all(workers.map((worker) => once(worker, 'message')));
  const problem = await Promise.race([serving.then(() => null), failed]);
  if (problem !== null) {
    Atomics.store(words, PHASE, STOPPING);
    plan.close();
    throw problem;
  }

  const accepted = (): number[] =>
    spec.cores.map((_core, index) => Atomics.load(words, acceptedIndex(index)) >>> 0);
  let atBegin: readonly number[] = accepted();
  let atEnd: readonly number[] | null = null;
  return {
    port: plan.port,
    notes: plan.notes,
    failed,
    accepted,
    beginMeasuring: () => {
      atBegin = accepted();
      atEnd = null;
      Atomics.store(words, PHASE, MEASURING);
    },
    endMeasuring: () => {
      Atomics.store(words, PHASE, UNMEASURED);
      atEnd = accepted();
    },
    stop: async () => {
      const end = atEnd ?? accepted();
      Atomics.store(words, PHASE, STOPPING);
      const gathered = await Promise.all(results.map((result) => within(result, stopMs)));
      const lifetime = accepted();
      plan.close();
      const acceptedByCore = end.map((count, index) => (count - (atBegin[index] ?? 0)) >>> 0);
      return plan.summarise(gathered, {
        acceptedByCore,
        accepted: sum(acceptedByCore),
        lifetimeAccepted: sum(lifetime),
      });
    },
  };
}

async function resultOf<Result>(worker: Worker): Promise<Result | null> {
  for (;;) {
    const settled = await Promise.race([
      once(worker, 'message') as Promise<[CoreMessage<Result>]>,
      once(worker, 'exit').then(() => null),
    ]).catch(() => null);
    if (settled === null) return null;
    const [message] = settled;
    if (message.kind === 'result') return message.result;
  }
}

/** What went wrong on connections and was survived; only what happened is told. */
export function troubleNotes(troubles: readonly ConnectionTroubles[]): Record<string, string> {
  const counts = {
    'reset by their peers': sum(troubles.map(({ reset }) => reset)),
    'ended because nothing happened on them': sum(troubles.map(({ idle }) => idle)),
    'ended for lack of buffer memory': sum(troubles.map(({ noMemory }) => noMemory)),
  };
  const ended = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what}`);
  return ended.length > 0 ? { 'server.connections': `of its lifetime: ${ended.join(', ')}` } : {};
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

async function within<Value>(promise: Promise<Value>, limitMs: number): Promise<Value | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, limitMs, null);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
