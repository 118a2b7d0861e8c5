/** Latency histograms: against exact percentiles, against another implementation, and against hostile text. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { LatencyHistogram, maxEncodedCharacters } from '../../measurement/histogram.ts';
import {
  finest,
  highestNs,
  highestOf,
  layout,
  lowestOf,
  slotOf,
} from '../../measurement/histogram-layout.ts';
import { seededRandom } from '../../measurement/random.ts';

const latencies = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: highestNs })),
  { minLength: 1, maxLength: 300 },
);

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

/** The value that `percent` % of the sorted ones do not exceed. */
function exactPercentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil((percent * sorted.length) / 100) - 1)];
}

test('slotOf() puts every value between the bounds of its slot, in every layout', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: highestNs }), fc.constantFrom(1, 2, 3), (value, digits) => {
      const own = layout(digits as 1 | 2 | 3);
      const slot = slotOf(value, own);
      assert.ok(slot >= 0 && slot < own.slots);
      assert.ok(lowestOf(slot, own) <= value && value <= highestOf(slot, own));
    }),
  );
});

test('slotOf() is right where its arithmetic changes: 2,048, 2^31, 2^32, 120 s', () => {
  for (const edge of [1, 2047, 2048, 2 ** 31 - 1, 2 ** 31, 2 ** 32, highestNs]) {
    for (const value of [edge - 1, edge, Math.min(edge + 1, highestNs)]) {
      const slot = slotOf(value, finest);
      assert.ok(lowestOf(slot, finest) <= value && value <= highestOf(slot, finest), String(value));
    }
  }
});

test('percentileSeconds() is within one part in 1,024 of the exact percentile', () => {
  fc.assert(
    fc.property(latencies, fc.constantFrom(0, 1, 50, 90, 99, 99.9, 100), (values, percent) => {
      const seconds = histogramOf(values).percentileSeconds(percent);
      const exactNs = exactPercentile(values, percent);
      assert.ok(seconds !== null && Math.abs(seconds * 1e9 - exactNs) <= exactNs / 1024 + 1e-6);
    }),
  );
});

test('merge() counts as if everything had been recorded in one', () => {
  fc.assert(
    fc.property(latencies, latencies, (left, right) => {
      const merged = histogramOf(left);
      merged.merge(histogramOf(right));
      assert.deepEqual(merged.summary(), histogramOf([...left, ...right]).summary());
    }),
  );
});

test('decode() gives back what encode() was given', () => {
  fc.assert(
    fc.property(latencies, (values) => {
      const original = histogramOf(values);
      const decoded = LatencyHistogram.decode(original.encode());
      assert.deepEqual(decoded.summary(), original.summary());
      assert.equal(decoded.encode(), original.encode());
    }),
  );
});

test('encode() is read alike by hdr-histogram-js, an implementation of its own', () => {
  fc.assert(
    fc.property(latencies, (values) => {
      const own = histogramOf(values);
      const theirs = decodeFromCompressedBase64(own.encode(), 64, false);
      assert.equal(theirs.totalCount, own.count);
      for (const percent of [50, 90, 99, 99.9])
        assert.equal(
          Math.min(theirs.getValueAtPercentile(percent), highestNs),
          Math.round((own.percentileSeconds(percent) ?? 0) * 1e9),
        );
    }),
    { numRuns: 30 },
  );
});

test('record() keeps what is out of bounds at the bounds, and loses no count', () => {
  const histogram = histogramOf([-5, 0, 0.4, Number.NaN, Number.POSITIVE_INFINITY, 1e15]);
  assert.equal(histogram.count, 6);
  assert.equal(histogram.percentileSeconds(50), 1e-9);
  assert.equal(histogram.summary().max, 120);
});

test('summary() of nothing is null, not zero', () => {
  const empty = { count: 0, mean: null, p50: null, p90: null, p99: null, p999: null, max: null };
  assert.deepEqual(new LatencyHistogram().summary(), empty);
  assert.deepEqual(LatencyHistogram.decode(new LatencyHistogram().encode()).summary(), empty);
});

test('encode() stays within its bound for 20 million values over six decades, at fewer digits', () => {
  const random = seededRandom(1, 'wide');
  const histogram = new LatencyHistogram();
  for (let value = 0; value < 400_000; value++) histogram.record(1e3 * 10 ** (random() * 6));
  const wide = new LatencyHistogram();
  for (let times = 0; times < 50; times++) wide.merge(histogram);
  const text = wide.encode();
  assert.ok(text.length <= maxEncodedCharacters, `${text.length} characters`);
  const decoded = LatencyHistogram.decode(text);
  assert.equal(decoded.count, 20_000_000);
  assert.ok(decoded.significantDigits < 3);
  const [own, theirs] = [wide.percentileSeconds(99) ?? 0, decoded.percentileSeconds(99) ?? 0];
  assert.ok(Math.abs(theirs / own - 1) < 10 ** -decoded.significantDigits);
});

test('reset() forgets everything', () => {
  const histogram = histogramOf([1, 2, 3]);
  histogram.reset();
  assert.equal(histogram.count, 0);
  assert.equal(histogram.percentileSeconds(50), null);
});

test('record() takes under 150 ns even on a busy machine, and allocates nothing that lasts', () => {
  const histogram = new LatencyHistogram();
  const random = seededRandom(2, 'speed');
  const values = Float64Array.from({ length: 4096 }, () => 2e4 * Math.exp(4 * random()));
  const rounds: number[] = [];
  for (let round = 0; round < 5; round++) {
    const before = performance.now();
    for (let index = 0; index < 1_000_000; index++) histogram.record(values[index & 4095]);
    rounds.push(performance.now() - before);
  }
  assert.ok(Math.min(...rounds) < 150, `${Math.min(...rounds).toFixed(1)} ns`);
});

/** A compressed histogram with this header and these bytes of counts. */
function forged(change: (plain: Buffer) => void, counts: Buffer = Buffer.from([2])): string {
  const plain = Buffer.alloc(40 + counts.length);
  plain.writeInt32BE(0x1c849313, 0);
  plain.writeInt32BE(counts.length, 4);
  plain.writeInt32BE(3, 12);
  plain.writeBigInt64BE(1n, 16);
  plain.writeBigInt64BE(BigInt(highestNs), 24);
  plain.writeDoubleBE(1, 32);
  counts.copy(plain, 40);
  change(plain);
  const deflated = deflateSync(plain);
  const head = Buffer.alloc(8);
  head.writeInt32BE(0x1c849314, 0);
  head.writeInt32BE(deflated.length, 4);
  return Buffer.concat([head, deflated]).toString('base64');
}

test('decode() refuses text that is not a histogram of ours, and says why', () => {
  const other = build({ bitBucketSize: 64, autoResize: false, highestTrackableValue: 1e6 });
  other.recordValue(5);
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /not base64/],
    ['hello', /not base64/],
    ['AAAA', /does not begin/],
    [`${new LatencyHistogram().encode().slice(0, -8)}AAAA`, /compressed bytes and has/],
    [encodeIntoCompressedBase64(other), /configuration is 3 digits from 1 to 1000000; wanted/],
    [forged((plain) => plain.writeInt32BE(4, 12)), /configuration is 4 digits/],
    [forged((plain) => plain.writeInt32BE(7, 8)), /configuration/],
    [forged((plain) => plain.writeInt32BE(9, 4)), /says 9 bytes of counts/],
    [forged(() => {}, Buffer.from([0x80])), /cut off/],
    [forged(() => {}, Buffer.alloc(10, 0xff)), /cut off/],
    [forged(() => {}, Buffer.from([0xff, 0xff, 0xff, 0x7f])), /counts in slot/],
    [forged(() => {}, Buffer.alloc(1_000_000)), /does not inflate to at most/],
    ['A'.repeat(400_004), /characters long/],
  ];
  for (const [text, message] of cases) assert.throws(() => LatencyHistogram.decode(text), message);
});

test('decode() throws a plain error on any text, and never hangs', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      assert.throws(() => LatencyHistogram.decode(text), /^Error: Cannot decode a histogram: /);
    }),
  );
});

test('countsUpTo() counts a slot up to a bound when its highest value is, and everything up to 120 s', () => {
  fc.assert(
    fc.property(latencies, fc.integer({ min: 1, max: highestNs }), (values, boundNs) => {
      const [upTo, all] = histogramOf(values).countsUpTo([boundNs, highestNs]);
      const highest = (value: number) => highestOf(slotOf(value, finest), finest);
      assert.equal(
        upTo,
        boundNs === highestNs ? values.length : values.filter((value) => highest(value) <= boundNs).length,
      );
      assert.equal(all, values.length);
    }),
  );
});

test('sumSeconds is the sum of the values to one part in 1,024', () => {
  fc.assert(
    fc.property(latencies, (values) => {
      const exact = values.reduce((sum, value) => sum + value, 0) / 1e9;
      assert.ok(Math.abs(histogramOf(values).sumSeconds - exact) <= exact / 1024 + 1e-9);
    }),
  );
});
