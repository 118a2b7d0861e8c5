/**
 * The threads of a design of ours: starts one a core, marks the measured interval in their shared memory, stops them and
 * gathers what they measured.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type HandshakeTracing, traceHandshakes } from '../linux/bpf-handshake-stamps.ts';
import { openFilesLimit } from '../linux/limits.ts';
import { LatencyHistogram } from '../measurement/histogram.ts';
import { messageOf } from '../protocol/failure.ts';
import { localityEvery } from './accepting.ts';
import {
  acceptedIndex,
  type CoreMessage,
  type CoreOrder,
  type CoreResult,
  createShared,
  MEASURING,
  PHASE,
  STOPPING,
  UNMEASURED,
  type WakeUp,
} from './core-order.ts';
import type { Listeners } from './listeners.ts';
import type { StartedVariant, VariantResult, VariantSetting } from './variants/variant.ts';

/** Longer than any thread blocks in one call. */
const stopMs = 600;
/** The tables are as long as the descriptor limit, but no longer than this. */
const mostDescriptors = 262_144;
/** Without another wish, a connection on which nothing happens for so long is ended. */
const defaultIdleMs = 30_000;

export interface ThreadPlan {
  readonly listeners: Listeners;
  /** The listeners of core thread `index`. */
  readonly ownListeners: (index: number) => readonly number[];
  readonly wakeUp: WakeUp;
  readonly notes: Readonly<Record<string, string>>;
}

/** Resolves once every thread serves. Rejects, with everything closed, when one cannot. */
export async function startCoreThreads(setting: VariantSetting, plan: ThreadPlan): Promise<StartedVariant> {
  const { spec } = setting;
  const shared = createShared(spec.cores.length);
  const words = new Int32Array(shared);
  const notes: Record<string, string> = { ...plan.notes };
  const tracing = tracingOf(setting, plan.listeners.port, notes);
  const workers = spec.cores.map((core, index) => {
    const order: CoreOrder = {
      index,
      core,
      listeners: plan.ownListeners(index),
      wakeUp: plan.wakeUp,
      application: spec.application,
      messages: spec.messages,
      requestBytes: spec.requestBytes,
      responseBytes: spec.responseBytes,
      close: spec.close,
      idleMs: spec.idleMs ?? defaultIdleMs,
      maxDescriptors: Math.min(mostDescriptors, openFilesLimit()),
      stampMap: tracing?.map ?? null,
      shared,
    };
    return new Worker(new URL('./core-thread.js', import.meta.url), { workerData: order });
  });
  const failed = Promise.race(
    workers.map(async (worker, index) => {
      const [error] = (await once(worker, 'error')) as [unknown];
      return new Error(`Cannot serve on core ${spec.cores[index]}: ${messageOf(error)}`, { cause: error });
    }),
  );
  const results = workers.map((worker) => resultOf(worker));
  const serving = Promise.all(workers.map((worker) => once(worker, 'message')));
  const problem = await Promise.race([serving.then(() => null), failed]);
  if (problem !== null) {
    Atomics.store(words, PHASE, STOPPING);
    plan.listeners.close();
    tracing?.stop();
    throw problem;
  }

  const accepted = (): number[] =>
    spec.cores.map((_core, index) => Atomics.load(words, acceptedIndex(index)) >>> 0);
  let atBegin: readonly number[] = accepted();
  let atEnd: readonly number[] | null = null;
  return {
    port: plan.listeners.port,
    notes,
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
      const gathered = await within(Promise.all(results), stopMs);
      const lifetime = accepted();
      plan.listeners.close();
      tracing?.stop();
      return summarise(gathered, { atBegin, end, lifetime, notes, cores: spec.cores.length });
    },
  };
}

/**
 * Accept wait, if the kernel lets us look; else the reason goes into the notes. Every connection is stamped, none left
 * out: traced against untraced, connections a second were 0.985 in the median of 12 pairs of one second. That was on a
 * busy machine (0.62 to 1.08), so it bounds nothing tightly.
 */
function tracingOf(
  setting: VariantSetting,
  port: number,
  notes: Record<string, string>,
): HandshakeTracing | null {
  if (!setting.spec.traceAccepts) {
    notes['latencySeconds.accept'] = 'not measured: tracing was not asked for';
    return null;
  }
  try {
    return traceHandshakes(port);
  } catch (error) {
    notes['latencySeconds.accept'] =
      `not measured: ${messageOf(error)}; needs CAP_BPF and CAP_PERFMON, see "stampede doctor"`;
    return null;
  }
}

async function resultOf(worker: Worker): Promise<CoreResult | null> {
  for (;;) {
    const settled = await Promise.race([
      once(worker, 'message') as Promise<[CoreMessage]>,
      once(worker, 'exit').then(() => null),
    ]).catch(() => null);
    if (settled === null) return null;
    const [message] = settled;
    if (message.kind === 'result') return message.result;
  }
}

function summarise(
  gathered: readonly (CoreResult | null)[] | null,
  counts: {
    readonly atBegin: readonly number[];
    readonly end: readonly number[];
    readonly lifetime: readonly number[];
    readonly notes: Readonly<Record<string, string>>;
    readonly cores: number;
  },
): VariantResult {
  const notes: Record<string, string> = { ...counts.notes };
  const acceptedByCore = counts.end.map((end, index) => (end - (counts.atBegin[index] ?? 0)) >>> 0);
  const accepted = sum(acceptedByCore);
  const results = (gathered ?? []).filter((result) => result !== null);
  const complete = results.length === counts.cores;
  if (!complete) {
    const reason = 'not measured: a server thread did not stop when told to';
    notes['server.locality'] = reason;
    notes['latencySeconds.accept'] ??= reason;
  }
  return {
    acceptedByCore,
    accepted,
    lifetimeAccepted: sum(counts.lifetime),
    locality: complete ? localityOf(results, notes) : null,
    accept: complete ? acceptOf(results, accepted, notes) : null,
    notes: { ...notes, ...troublesOf(results) },
  };
}

function localityOf(results: readonly CoreResult[], notes: Record<string, string>): number | null {
  const sampled = sum(results.map((result) => result.localitySampled));
  if (sampled === 0) {
    notes['server.locality'] = `not measured: no connection was sampled (one in ${localityEvery} is)`;
    return null;
  }
  notes['server.locality'] =
    `SO_INCOMING_CPU of one accepted connection in ${localityEvery}: ${sampled} sampled`;
  return sum(results.map((result) => result.localityHere)) / sampled;
}

function acceptOf(
  results: readonly CoreResult[],
  accepted: number,
  notes: Record<string, string>,
): string | null {
  const merged = new LatencyHistogram();
  for (const { acceptWait } of results) {
    // Told in the notes already why.
    if (acceptWait === null) return null;
    merged.merge(LatencyHistogram.decode(acceptWait));
  }
  if (merged.count === 0 && accepted > 0) {
    notes['latencySeconds.accept'] =
      'not measured: the kernel stamped no handshake of the accepted connections';
    return null;
  }
  const unstamped = sum(results.map((result) => result.unstamped));
  notes['latencySeconds.accept'] =
    `every connection, from sock:inet_sock_set_state (SYN_RECV to ESTABLISHED) to the return of accept4` +
    (unstamped > 0 ? `; ${unstamped} of ${accepted} had no valid stamp and are left out` : '');
  return merged.encode();
}

/** What went wrong on connections and was survived; only what happened is told. */
function troublesOf(results: readonly CoreResult[]): Record<string, string> {
  const counts = {
    'reset by their peers': sum(results.map(({ troubles }) => troubles.reset)),
    'ended because nothing happened on them': sum(results.map(({ troubles }) => troubles.idle)),
    'ended for lack of buffer memory': sum(results.map(({ troubles }) => troubles.noMemory)),
  };
  const ended = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what}`);
  const pauses = sum(results.map((result) => result.descriptorPauses));
  return {
    ...(ended.length > 0 ? { 'server.connections': `of its lifetime: ${ended.join(', ')}` } : {}),
    ...(pauses > 0
      ? {
          'server.descriptors': `accepting paused ${pauses} times because no descriptor was left; raise the limit (ulimit -n)`,
        }
      : {}),
  };
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
