/** What the threads of an agent measured, as one result: counts and histograms added, never averaged. */

import { LatencyHistogram } from '../measurement/histogram.ts';
import type { LoadCounts, LoadResult } from '../protocol/messages.ts';
import { type FailedByCause, failureCauses } from '../protocol/trial-record.ts';
import type { ThreadResult } from './load.ts';

export const noCounts: LoadCounts = {
  attempted: 0,
  completed: 0,
  failed: Object.fromEntries(failureCauses.map((cause) => [cause, 0])) as FailedByCause,
  missed: 0,
};

export function addCounts(one: LoadCounts, other: LoadCounts): LoadCounts {
  return combine(one, other, (a, b) => a + b);
}

/** What was added since; never negative. */
export function countsSince(now: LoadCounts, before: LoadCounts): LoadCounts {
  return combine(now, before, (a, b) => Math.max(0, a - b));
}

/** The part of a LoadResult that comes from the threads. A share of no threads measured nothing, for the whole time. */
export function mergeResults(
  results: readonly ThreadResult[],
  measuredSeconds: number,
): Pick<LoadResult, 'counts' | 'completedMeanwhile' | 'lifetime' | 'measuredSeconds' | 'histograms' | 'k6'> {
  // Never more than one: a k6 has all of an agent's cores.
  const k6 = results.find((result) => result.k6 !== undefined)?.k6;
  return {
    counts: results.map(({ counts }) => counts).reduce(addCounts, noCounts),
    completedMeanwhile: results.reduce((sum, { completedMeanwhile }) => sum + completedMeanwhile, 0),
    lifetime: results.map(({ lifetime }) => lifetime).reduce(addCounts, noCounts),
    // The longest: a rate must not come out higher than it was.
    measuredSeconds:
      results.length === 0 ? measuredSeconds : Math.max(...results.map((r) => r.measuredSeconds)),
    histograms: {
      connect: mergeHistograms(results.map(({ histograms }) => histograms.connect)),
      firstByte: mergeHistograms(results.map(({ histograms }) => histograms.firstByte)),
      total: mergeHistograms(results.map(({ histograms }) => histograms.total)),
    },
    ...(k6 !== undefined && { k6 }),
  };
}

/** What the threads say, by field: once where they say the same. */
export function mergeNotes(results: readonly ThreadResult[]): Record<string, string> {
  const byField = new Map<string, Set<string>>();
  for (const { notes } of results)
    for (const [field, said] of Object.entries(notes))
      byField.set(field, (byField.get(field) ?? new Set()).add(said));
  return Object.fromEntries([...byField].map(([field, said]) => [field, [...said].join('; ').slice(0, 500)]));
}

function mergeHistograms(encoded: readonly string[]): string {
  const sum = new LatencyHistogram();
  for (const text of encoded) sum.merge(LatencyHistogram.decode(text));
  return sum.encode();
}

function combine(one: LoadCounts, other: LoadCounts, join: (a: number, b: number) => number): LoadCounts {
  return {
    attempted: join(one.attempted, other.attempted),
    completed: join(one.completed, other.completed),
    failed: Object.fromEntries(
      failureCauses.map((cause) => [cause, join(one.failed[cause], other.failed[cause])]),
    ) as FailedByCause,
    missed: join(one.missed, other.missed),
  };
}
