/**
 * The retransmission time-out: the formulas of RFC 6298 in doubles, its bounds, back-off and Karn's
 * algorithm.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  afterLostSyn,
  onBackOff,
  onSample,
  onTimedAck,
  RoundTrip,
  roundTripLimits,
  roundTripWords,
  startRoundTrip,
  stopTiming,
  timeSegment,
} from '../../../net/tcp/round-trip.ts';

const { SRTT8, RTTVAR4, RTO_US } = RoundTrip;

const limits = roundTripLimits;
/** Not at the start of the array, so that a forgotten base shows. */
const base = 3;

function fresh(): Int32Array {
  const words = new Int32Array(base + roundTripWords + 1).fill(-7);
  startRoundTrip(words, base, limits);
  return words;
}

function rtoMs(words: Int32Array): number {
  return words[base + RTO_US]! / 1_000;
}

test('the time-out is 1 s before a measurement; after one of 500 ms it is 500 + 4 × 250 ms', () => {
  const words = fresh();
  assert.equal(rtoMs(words), 1_000);
  onSample(words, base, 500_000, limits);
  assert.equal(words[base + SRTT8], 8 * 500_000);
  assert.equal(words[base + RTTVAR4], 4 * 250_000);
  assert.equal(rtoMs(words), 1_500);
});

test('samples follow the formulas of RFC 6298 section 2 to 40 µs, whatever they are', () => {
  const samples = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 30_000_000 })),
    {
      minLength: 1,
      maxLength: 100,
      size: 'max',
    },
  );
  fc.assert(
    fc.property(samples, (rtts) => {
      const words = fresh();
      let srtt = 0;
      let rttvar = 0;
      for (const [index, rtt] of rtts.entries()) {
        onSample(words, base, rtt, limits);
        rttvar = index === 0 ? rtt / 2 : 0.75 * rttvar + 0.25 * Math.abs(srtt - rtt);
        srtt = index === 0 ? rtt : 0.875 * srtt + 0.125 * rtt;
        assert.ok(Math.abs(words[base + SRTT8]! / 8 - srtt) < 10, 'SRTT');
        assert.ok(Math.abs(words[base + RTTVAR4]! / 4 - rttvar) < 10, 'RTTVAR');
        const rto = Math.min(Math.max(srtt + 4 * rttvar, 200_000), 60_000_000);
        assert.ok(Math.abs(words[base + RTO_US]! - rto) < 50, `RTO ${words[base + RTO_US]}, ${rto}`);
      }
      assert.deepEqual([words[base - 1], words[base + roundTripWords]], [-7, -7]);
    }),
  );
});

test('the time-out stays within 200 ms and 60 s, for any sample an int32 can hold', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { maxLength: 30, size: 'max' }), (rtts) => {
      const words = fresh();
      for (const rtt of rtts) {
        onSample(words, base, rtt, limits);
        assert.ok(rtoMs(words) >= 200 && rtoMs(words) <= 60_000);
        assert.ok(words[base + SRTT8]! > 0 && words[base + RTTVAR4]! >= 0);
      }
    }),
  );
});

test('onBackOff() doubles up to 60 s; the next sample ends it', () => {
  const words = fresh();
  const seen = Array.from({ length: 8 }, () => {
    const now = rtoMs(words);
    onBackOff(words, base, limits);
    return now;
  });
  assert.deepEqual(seen, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  onSample(words, base, 1_000, limits);
  assert.equal(rtoMs(words), 200);
});

test('afterLostSyn() is 3 s without a measurement, and what was measured otherwise', () => {
  const words = fresh();
  onBackOff(words, base, limits);
  afterLostSyn(words, base, limits);
  assert.equal(rtoMs(words), 3_000);
  onSample(words, base, 100_000, limits);
  onBackOff(words, base, limits);
  afterLostSyn(words, base, limits);
  assert.equal(rtoMs(words), 300);
  const quick = fresh();
  afterLostSyn(quick, base, { ...limits, maxRtoUs: 500_000 });
  assert.equal(rtoMs(quick), 500);
});

test('one segment is timed at a time, and sampled by the first ACK that covers it, across both wraps', () => {
  const near = fc.oneof(fc.integer(), fc.integer({ min: 2 ** 31 - 1_460, max: 2 ** 31 - 1 }));
  fc.assert(
    fc.property(near, near, fc.integer({ min: 1, max: 50_000_000 }), (sequence, clock, rtt) => {
      const words = fresh();
      const end = (sequence + 1_460) | 0;
      timeSegment(words, base, end, clock);
      timeSegment(words, base, (end + 1_460) | 0, (clock + 99) | 0);
      onTimedAck(words, base, (end - 1) | 0, (clock + 5) | 0, limits);
      assert.equal(words[base + SRTT8], 0);
      onTimedAck(words, base, (end + 1_460) | 0, (clock + rtt) | 0, limits);
      assert.equal(words[base + SRTT8], 8 * rtt);
      onTimedAck(words, base, (end + 2_920) | 0, (clock + 2 * rtt) | 0, limits);
      assert.equal(words[base + SRTT8], 8 * rtt);
    }),
  );
});

test('a segment that was sent again is no sample (Karn), by time-out or by fast retransmit', () => {
  for (const again of [onBackOff, stopTiming]) {
    const words = fresh();
    timeSegment(words, base, 1_000, 0);
    again(words, base, limits);
    onTimedAck(words, base, 1_000, 700_000, limits);
    assert.equal(words[base + SRTT8], 0, again.name);
    timeSegment(words, base, 2_000, 800_000);
    onTimedAck(words, base, 2_000, 900_000, limits);
    assert.equal(words[base + SRTT8], 800_000, again.name);
  }
});
