/**
 * The threads of a design that serves over kernel sockets: who listens where, what the kernel is asked to trace, and
 * what came of it.
 */

import { type HandshakeTracing, traceHandshakes } from '../linux/bpf-handshake-stamps.ts';
import { openFilesLimit } from '../linux/limits.ts';
import { LatencyHistogram } from '../measurement/histogram.ts';
import { messageOf } from '../protocol/failure.ts';
import { localityEvery } from './accepting.ts';
import type { CoreOrder, CoreResult, ServingOrder, WakeUp } from './core-order.ts';
import type { Listeners } from './listeners.ts';
import { type AcceptCounts, startPinnedThreads, sum, troubleNotes } from './pinned-threads.ts';
import type { StartedVariant, VariantResult, VariantSetting } from './variants/variant.ts';

/** The tables are as long as the descriptor limit, but no longer than this. */
const mostDescriptors = 262_144;

export interface CoreThreadPlan {
  readonly listeners: Listeners;
  /** The listeners of core thread `index`. */
  readonly ownListeners: (index: number) => readonly number[];
  readonly wakeUp: WakeUp;
  readonly notes: Readonly<Record<string, string>>;
}

/** Resolves once every thread serves. Rejects, with everything closed, when one cannot. */
export async function startCoreThreads(
  setting: VariantSetting,
  plan: CoreThreadPlan,
): Promise<StartedVariant> {
  const notes: Record<string, string> = { ...plan.notes };
  const tracing = tracingOf(setting, plan.listeners.port, notes);
  return startPinnedThreads<CoreResult>(setting, {
    entry: new URL('./core-thread.js', import.meta.url),
    ownOrder: (index): Omit<CoreOrder, keyof ServingOrder> => ({
      listeners: plan.ownListeners(index),
      wakeUp: plan.wakeUp,
      maxDescriptors: Math.min(mostDescriptors, openFilesLimit()),
      stampMap: tracing?.map ?? null,
    }),
    port: plan.listeners.port,
    notes,
    summarise: (results, counts) => summarise(results, counts, notes),
    close: () => {
      plan.listeners.close();
      tracing?.stop();
    },
  });
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

function summarise(
  gathered: readonly (CoreResult | null)[],
  counts: AcceptCounts,
  said: Readonly<Record<string, string>>,
): VariantResult {
  const notes: Record<string, string> = { ...said };
  const results = gathered.filter((result) => result !== null);
  const complete = results.length === gathered.length;
  if (!complete) {
    const reason = 'not measured: a server thread did not stop when told to';
    notes['server.locality'] = reason;
    notes['latencySeconds.accept'] ??= reason;
  }
  return {
    ...counts,
    locality: complete ? localityOf(results, notes) : null,
    accept: complete ? acceptOf(results, counts.accepted, notes) : null,
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

function troublesOf(results: readonly CoreResult[]): Record<string, string> {
  const pauses = sum(results.map((result) => result.descriptorPauses));
  return {
    ...troubleNotes(results.map(({ troubles }) => troubles)),
    ...(pauses > 0
      ? {
          'server.descriptors': `accepting paused ${pauses} times because no descriptor was left; raise the limit (ulimit -n)`,
        }
      : {}),
  };
}
