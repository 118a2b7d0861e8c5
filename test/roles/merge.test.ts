import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ThreadResult } from '../../agent/load.ts';
import { addCounts, countsSince, mergeNotes, mergeResults, noCounts } from '../../agent/merge.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { loadResultSchema } from '../../protocol/messages.ts';

function histogramOf(...latenciesNs: number[]): string {
  const histogram = new LatencyHistogram();
  for (const latency of latenciesNs) histogram.record(latency);
  return histogram.encode();
}

function aResult(completed: number, measuredSeconds: number, latencyNs: number): ThreadResult {
  const counts = {
    ...noCounts,
    attempted: completed + 1,
    completed,
    failed: { ...noCounts.failed, reset: 1 },
  };
  const histogram = histogramOf(...Array.from({ length: completed }, () => latencyNs));
  return {
    counts,
    completedMeanwhile: completed,
    lifetime: addCounts(counts, counts),
    measuredSeconds,
    histograms: { connect: histogram, firstByte: histogram, total: histogram },
    notes: {},
    stoppedEarly: null,
  };
}

test('mergeResults() adds counts and histograms, and takes the longest interval', () => {
  const merged = mergeResults([aResult(3, 2, 1e6), aResult(1, 2.001, 4e6)], 2);
  assert.equal(merged.counts.completed, 4);
  assert.equal(merged.completedMeanwhile, 4);
  assert.equal(merged.counts.failed.reset, 2);
  assert.equal(merged.lifetime.attempted, 12);
  assert.equal(merged.measuredSeconds, 2.001);
  const total = LatencyHistogram.decode(merged.histograms.total);
  assert.equal(total.count, 4);
  assert.ok(Math.abs((total.percentileSeconds(50) as number) - 1e-3) < 2e-6);
  assert.ok(Math.abs((total.percentileSeconds(100) as number) - 4e-3) < 1e-5);
});

test('mergeResults() of a share without threads is a result of nothing, that the protocol takes', () => {
  const merged = mergeResults([], 2);
  assert.deepEqual(merged.counts, noCounts);
  assert.equal(LatencyHistogram.decode(merged.histograms.connect).count, 0);
  loadResultSchema.parse({ ...merged, cores: null, backend: 'none', notes: {} });
});

test('countsSince() is what was added, by outcome and cause', () => {
  const before = aResult(2, 1, 1).counts;
  const now = addCounts(before, { ...noCounts, attempted: 5, completed: 5, missed: 2 });
  assert.deepEqual(countsSince(now, before), { ...noCounts, attempted: 5, completed: 5, missed: 2 });
});

test('mergeNotes() joins what threads say of one field, and says the same thing once', () => {
  const saying = (notes: Record<string, string>): ThreadResult => ({ ...aResult(1, 1, 1), notes });
  assert.deepEqual(mergeNotes([saying({}), saying({})]), {});
  assert.deepEqual(
    mergeNotes([saying({ link: 'a' }), saying({ link: 'b', more: 'c' }), saying({ more: 'c' })]),
    {
      link: 'a; b',
      more: 'c',
    },
  );
});
