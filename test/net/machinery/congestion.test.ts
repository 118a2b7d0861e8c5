/**
 * Congestion control: windows as the RFCs count them, and a sender driven by it over a link that loses
 * segments.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../../measurement/random.ts';
import {
  Congestion,
  congestionWindow,
  congestionWords,
  Due,
  initialWindow,
  onAck,
  onDuplicateAck,
  onRestart,
  onTimeout,
  Phase,
  startCongestion,
} from '../../../net/tcp/congestion.ts';

const { CWND, SSTHRESH, PHASE } = Congestion;
const { OPEN, RECOVERY } = Phase;
const { GO_ON, RETRANSMIT, RETRANSMIT_RESTART } = Due;

const mss = 1_000;
/** Not at the start of the array, so that a forgotten base shows. */
const base = 2;

function opened(options: { sndNxt?: number; synLost?: boolean } = {}): Int32Array {
  const words = new Int32Array(base + congestionWords + 1).fill(-7);
  startCongestion(words, base, mss, options.sndNxt ?? 1, options.synLost ?? false);
  return words;
}

/** The window in segments. */
const cwnd = (words: Int32Array): number => words[base + CWND]! / mss;

/** Acknowledges `segments` one by one, all of the window under way before each. */
function acknowledge(words: Int32Array, ack: number, segments: number): number {
  let una = ack;
  for (let each = 0; each < segments; each++) {
    una += mss;
    assert.equal(onAck(words, base, una, mss, words[base + CWND]! - mss, mss), GO_ON);
  }
  return una;
}

test('initialWindow() is RFC 6928: ten segments, 14,600 bytes of larger ones, never under two', () => {
  const windows = [536, 1_460, 1_461, 7_300, 9_000].map(initialWindow);
  assert.deepEqual(windows, [5_360, 14_600, 14_600, 14_600, 18_000]);
});

test('startCongestion() with a SYN that was lost begins with one segment', () => {
  assert.equal(cwnd(opened({ synLost: true })), 1);
  assert.equal(cwnd(opened()), 10);
});

test('slow start doubles the window a round trip, congestion avoidance adds half a segment', () => {
  const words = opened();
  let una = acknowledge(words, 1, 10);
  assert.equal(cwnd(words), 20);
  una = acknowledge(words, una, 20);
  assert.equal(cwnd(words), 40);
  words[base + SSTHRESH] = 40 * mss;
  una = acknowledge(words, una, 40);
  assert.equal(cwnd(words), 40);
  una = acknowledge(words, una, 40);
  assert.equal(cwnd(words), 41);
  acknowledge(words, una, 82);
  assert.equal(cwnd(words), 42);
});

test('one ACK of many segments opens the window by eight at most; ACKs of few bytes by those bytes', () => {
  const words = opened();
  onAck(words, base, 9_001, 9_000, 1_000, mss);
  assert.equal(words[base + CWND], 18_000);
  for (let each = 1; each <= 10; each++) onAck(words, base, 9_001 + each, 1, 18_000, mss);
  assert.equal(words[base + CWND], 18_010);
});

test('after a time-out, one ACK of many segments opens the window by one', () => {
  const words = opened();
  onTimeout(words, base, 10_001, 10_000, mss, false);
  onAck(words, base, 9_001, 9_000, 1_000, mss);
  assert.equal(words[base + CWND], 2_000);
});

test('a window that is not used does not open', () => {
  const words = opened();
  for (let each = 1; each <= 50; each++) onAck(words, base, 1 + each * mss, mss, 0, mss);
  assert.equal(cwnd(words), 10);
  words[base + SSTHRESH] = mss;
  for (let each = 51; each <= 100; each++) onAck(words, base, 1 + each * mss, mss, 4 * mss, mss);
  assert.equal(cwnd(words), 10);
});

test('the third duplicate ACK retransmits, takes three tenths off, and a full ACK ends it (RFC 5681 3.2)', () => {
  const words = opened({ sndNxt: 1 });
  const sndNxt = 1 + 10 * mss;
  assert.equal(onDuplicateAck(words, base, 1, sndNxt, 10 * mss, mss), GO_ON);
  assert.equal(congestionWindow(words, base, mss), 11 * mss);
  assert.equal(onDuplicateAck(words, base, 1, sndNxt + mss, 11 * mss, mss), GO_ON);
  assert.equal(congestionWindow(words, base, mss), 12 * mss);
  assert.equal(cwnd(words), 10);
  // What limited transmit sent is not counted.
  assert.equal(onDuplicateAck(words, base, 1, sndNxt + 2 * mss, 12 * mss, mss), RETRANSMIT);
  assert.equal(words[base + SSTHRESH], 7 * mss);
  assert.equal(congestionWindow(words, base, mss), 10 * mss);
  for (let each = 0; each < 6; each++)
    assert.equal(onDuplicateAck(words, base, 1, sndNxt + 2 * mss, 12 * mss, mss), GO_ON);
  assert.equal(cwnd(words), 16);
  assert.equal(words[base + PHASE], RECOVERY);
  assert.equal(onAck(words, base, sndNxt + 2 * mss, 12 * mss, 2 * mss, mss), GO_ON);
  assert.equal(words[base + PHASE], OPEN);
  // min(ssthresh, max(flight, mss) + mss): no burst.
  assert.equal(cwnd(words), 3);
});

test('a partial ACK retransmits the next hole; only the first restarts the timer (RFC 6582 3.2)', () => {
  const words = opened({ sndNxt: 1 });
  const sndNxt = 1 + 10 * mss;
  for (let each = 0; each < 3; each++) onDuplicateAck(words, base, 1, sndNxt, 10 * mss, mss);
  const before = words[base + CWND]!;
  assert.equal(onAck(words, base, 1 + 2 * mss, 2 * mss, 8 * mss, mss), RETRANSMIT_RESTART);
  assert.equal(words[base + CWND], before - mss);
  assert.equal(onAck(words, base, 1 + 2 * mss + 10, 10, 8 * mss - 10, mss), RETRANSMIT);
  assert.equal(words[base + CWND], before - mss - 10);
  assert.equal(onAck(words, base, sndNxt - 1, 8 * mss - 11, 1, mss), RETRANSMIT);
  assert.equal(words[base + PHASE], RECOVERY);
  assert.equal(onAck(words, base, sndNxt, 1, 0, mss), GO_ON);
  assert.equal(words[base + PHASE], OPEN);
  assert.equal(cwnd(words), 2);
});

test('onTimeout() leaves one segment and seven tenths of the flight as threshold; the same segment again keeps ssthresh', () => {
  const words = opened();
  onTimeout(words, base, 1 + 10 * mss, 10 * mss, mss, false);
  assert.deepEqual([cwnd(words), words[base + SSTHRESH]], [1, 7 * mss]);
  onTimeout(words, base, 1 + 10 * mss, mss, mss, true);
  assert.deepEqual([cwnd(words), words[base + SSTHRESH]], [1, 7 * mss]);
  onTimeout(words, base, 1 + 11 * mss, mss, mss, false);
  assert.equal(words[base + SSTHRESH], 2 * mss);
});

test('after a timeout, duplicate ACKs of what was sent before it are no new loss; beyond it they are', () => {
  const words = opened({ sndNxt: 1 });
  const sndNxt = 1 + 10 * mss;
  onTimeout(words, base, sndNxt, 10 * mss, mss, false);
  for (const ack of [1, 1 + 5 * mss, sndNxt])
    for (let each = 0; each < 5; each++)
      assert.equal(onDuplicateAck(words, base, ack, sndNxt, 5 * mss, mss), GO_ON, `ack ${ack}`);
  const later = sndNxt + mss;
  const seen = [1, 2, 3].map(() => onDuplicateAck(words, base, later, later + 9 * mss, 9 * mss, mss));
  assert.deepEqual(seen, [GO_ON, GO_ON, RETRANSMIT]);
});

test('onRestart() after an idle time goes back to the initial window, and never opens', () => {
  const words = opened();
  words[base + CWND] = 80 * mss;
  onRestart(words, base, mss);
  assert.equal(cwnd(words), 10);
  words[base + CWND] = 3 * mss;
  onRestart(words, base, mss);
  assert.equal(cwnd(words), 3);
});

test('the window is never under one segment nor beyond 2^30, and no other word is touched', () => {
  const event = fc.record({
    kind: fc.constantFrom('ack', 'duplicate', 'timeout', 'restart'),
    bytes: fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 2 ** 30 })),
    flight: fc.nat(2 ** 30),
    times: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60, size: 'max' }), fc.integer(), (events, start) => {
      const words = opened({ sndNxt: start });
      words[base + CWND] = 2 ** 29;
      let una = start;
      for (const { kind, bytes, flight, times } of events) {
        const sndNxt = (una + flight) | 0;
        for (let each = 0; each < times; each++) {
          if (kind === 'ack') una = (una + Math.min(bytes, 2 ** 28)) | 0;
          if (kind === 'ack') onAck(words, base, una, Math.min(bytes, 2 ** 28), flight, mss);
          else if (kind === 'duplicate') onDuplicateAck(words, base, una, sndNxt, flight, mss);
          else if (kind === 'timeout') onTimeout(words, base, sndNxt, flight, mss, each > 0);
          else onRestart(words, base, mss);
          assert.ok(words[base + CWND]! >= mss && words[base + CWND]! <= 2 ** 30);
          assert.ok(words[base + SSTHRESH]! >= 2 * mss);
          assert.ok(congestionWindow(words, base, mss) < 2 ** 31);
        }
      }
      assert.deepEqual([words[base - 1], words[base + congestionWords]], [-7, -7]);
    }),
  );
});

interface Transfer {
  readonly retransmissions: number;
  readonly timeouts: number;
}

/**
 * A sender of `segments`, a link that keeps the order, a receiver that keeps what comes early and ACKs each
 * segment.
 */
function transfer(
  segments: number,
  start: number,
  lost: (segment: number, again: boolean) => boolean,
): Transfer {
  const words = opened({ sndNxt: start });
  const link: number[] = [];
  const arrived = new Set<number>();
  const count = { retransmissions: 0, timeouts: 0 };
  let [una, nxt, highest, expected] = [0, 0, 0, 0];
  let timedOut = -1;
  const sequence = (segment: number): number => (start + segment * mss) | 0;
  const send = (segment: number): void => {
    const again = segment < highest;
    if (again) count.retransmissions++;
    highest = Math.max(highest, segment + 1);
    if (!lost(segment, again)) link.push(segment);
  };
  while (una < segments) {
    while (nxt < segments && (nxt + 1 - una) * mss <= congestionWindow(words, base, mss)) send(nxt++);
    const segment = link.shift();
    if (segment === undefined) {
      count.timeouts++;
      onTimeout(words, base, sequence(highest), (nxt - una) * mss, mss, timedOut === una);
      timedOut = una;
      nxt = una;
      assert.ok(count.timeouts < 50 * segments, 'it makes no headway');
      continue;
    }
    arrived.add(segment);
    while (arrived.has(expected)) expected++;
    let due: number = GO_ON;
    if (expected > una) {
      const acked = (expected - una) * mss;
      una = expected;
      nxt = Math.max(nxt, una);
      due = onAck(words, base, sequence(una), acked, (nxt - una) * mss, mss);
    } else if (nxt > una)
      due = onDuplicateAck(words, base, sequence(una), sequence(highest), (nxt - una) * mss, mss);
    if (due !== GO_ON) send(una);
  }
  return count;
}

const starts = fc.oneof(fc.integer(), fc.constantFrom(2 ** 31 - 5_000, -5_000));

test('a transfer without loss sends every segment once', () => {
  fc.assert(
    fc.property(starts, (start) => {
      assert.deepEqual(
        transfer(500, start, () => false),
        { retransmissions: 0, timeouts: 0 },
      );
    }),
  );
});

test('any few losses of one window are sent again once each, and without a timeout', () => {
  const losses = fc.uniqueArray(fc.integer({ min: 60, max: 79 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(losses, starts, (gone, start) => {
      const seen = transfer(400, start, (segment, again) => !again && gone.includes(segment));
      assert.deepEqual(seen, { retransmissions: gone.length, timeouts: 0 });
    }),
  );
});

test('a transfer ends at any loss up to 30 %, retransmissions of retransmissions among them', () => {
  fc.assert(
    fc.property(fc.integer(), starts, fc.double({ min: 0, max: 0.3, noNaN: true }), (seed, start, rate) => {
      const random = seededRandom(seed);
      transfer(300, start, () => random() < rate);
    }),
    { numRuns: 60 },
  );
});
