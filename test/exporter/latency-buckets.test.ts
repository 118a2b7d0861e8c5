import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { boundsSeconds, LatencyBuckets } from '../../exporter/latency-buckets.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { highestNs } from '../../measurement/histogram-layout.ts';

const labels = { variant: 'reuseport' };

function histogramOf(...latenciesNs: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const latencyNs of latenciesNs) histogram.record(latencyNs);
  return histogram;
}

/** Cumulative counts by `le`, and the sum and the count. */
async function read(buckets: LatencyBuckets) {
  const lines = (await buckets.get()).values;
  const of = (suffix: string) => lines.filter(({ metricName }) => metricName === `latency_seconds${suffix}`);
  return {
    upTo: new Map(of('_bucket').map(({ labels: { le = '' }, value }) => [le, value])),
    count: of('_count')[0]?.value,
    sum: of('_sum')[0]?.value,
  };
}

test('buckets are 10 µs to 10 s, six a decade, written as decimals', () => {
  assert.equal(boundsSeconds.length, 37);
  assert.deepEqual(boundsSeconds.map(String).slice(0, 7), [
    '0.00001',
    '0.000015',
    '0.00002',
    '0.00003',
    '0.00005',
    '0.00007',
    '0.0001',
  ]);
  assert.deepEqual(boundsSeconds.slice(-3), [5, 7, 10]);
  for (const [index, bound] of boundsSeconds.slice(1).entries())
    assert.ok(bound / (boundsSeconds[index] as number) <= 5 / 3 + 1e-9);
});

test('add() counts every value once: cumulative, all of them in +Inf, and the sum to three digits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: highestNs }), { minLength: 1, maxLength: 200 }),
      async (latenciesNs) => {
        const buckets = new LatencyBuckets('latency_seconds', 'help');
        buckets.add('', labels, histogramOf(...latenciesNs));
        const { upTo, count, sum } = await read(buckets);
        assert.equal(count, latenciesNs.length);
        assert.equal(upTo.get('+Inf'), latenciesNs.length);
        for (const bound of boundsSeconds) {
          const counted = upTo.get(String(bound)) as number;
          const boundNs = bound * 1e9;
          // A slot is a part in 1,024 wide: what is nearer to the bound than that may be on either side.
          assert.ok(counted <= latenciesNs.filter((ns) => ns <= boundNs).length);
          assert.ok(counted >= latenciesNs.filter((ns) => ns <= boundNs * (1 - 1 / 1024)).length);
        }
        const exactSum = latenciesNs.reduce((total, ns) => total + ns, 0) / 1e9;
        assert.ok(Math.abs((sum as number) - exactSum) <= exactSum / 1024 + 1e-9);
      },
    ),
    { numRuns: 50 },
  );
});

test('a percentile of the histogram and its bucket never contradict each other', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 5_000, max: 12_000_000_000 }), { minLength: 1, maxLength: 100 }),
      fc.constantFrom(50, 90, 99),
      async (latenciesNs, percent) => {
        const histogram = histogramOf(...latenciesNs);
        const buckets = new LatencyBuckets('latency_seconds', 'help');
        buckets.add('', labels, histogram);
        const { upTo } = await read(buckets);
        const value = histogram.percentileSeconds(percent) as number;
        const rank = Math.ceil((percent / 100) * latenciesNs.length);
        for (const bound of boundsSeconds)
          assert.equal((upTo.get(String(bound)) as number) >= rank, value <= bound, `${value} and ${bound}`);
      },
    ),
    { numRuns: 50 },
  );
});

test('add() twice is the sum of both, and series with other labels stay apart', async () => {
  const buckets = new LatencyBuckets('latency_seconds', 'help');
  buckets.add('a', { variant: 'a' }, histogramOf(900_000));
  buckets.add('a', { variant: 'a' }, histogramOf(900_000, 1_900_000));
  buckets.touch('b', { variant: 'b' });
  const lines = (await buckets.get()).values;
  const value = (variant: string, name: string, le?: string) =>
    lines.find(
      (line) => line.metricName === name && line.labels.variant === variant && (line.labels.le ?? le) === le,
    )?.value;
  assert.equal(value('a', 'latency_seconds_bucket', '0.001'), 2);
  assert.equal(value('a', 'latency_seconds_bucket', '0.002'), 3);
  assert.equal(value('a', 'latency_seconds_count'), 3);
  assert.equal(value('b', 'latency_seconds_count'), 0);
  assert.equal(value('b', 'latency_seconds_bucket', '+Inf'), 0);
});

test('observe() puts one value where add() would', async () => {
  const one = new LatencyBuckets('latency_seconds', 'help');
  one.observe('', labels, 0.0012);
  const other = new LatencyBuckets('latency_seconds', 'help');
  other.add('', labels, histogramOf(1_200_000));
  assert.deepEqual((await read(one)).upTo, (await read(other)).upTo);
});
