/** From k6's lines to counts and histograms: pure, a table a part. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { failureCauseOf } from '../../agent/engines/k6/failure-cause.ts';
import { parseLine, type Sample } from '../../agent/engines/k6/sample-line.ts';
import { SampleTally } from '../../agent/engines/k6/sample-tally.ts';
import { WallClock } from '../../agent/engines/k6/wall-clock.ts';
import { LoadControl } from '../../agent/load-control.ts';
import { failureCauses } from '../../protocol/trial-record.ts';

/** As k6 1.8.1 said them to servers that failed so. */
const causes: readonly (readonly [code: number | null, words: string, cause: string])[] = [
  [null, '', 'wrongContent'],
  [1050, 'request timeout', 'timedOut'],
  [1211, 'dial: i/o timeout', 'timedOut'],
  [1212, 'dial: connection refused', 'refused'],
  [1220, 'read: connection reset by peer', 'reset'],
  [1201, 'write: broken pipe', 'reset'],
  [1213, 'dial: unknown errno 98 error with msg `address already in use`', 'noPort'],
  [1213, 'dial: unknown errno 99 error with msg `cannot assign requested address`', 'noPort'],
  [1213, 'dial: unknown errno 24 error with msg `too many open files`', 'noDescriptor'],
  [1213, 'dial: unknown errno 113 error with msg `no route to host`', 'other'],
  [1202, 'read: unknown errno `110` on linux with message `connection timed out`', 'timedOut'],
  [1000, 'EOF', 'shortResponse'],
  [1000, 'unexpected EOF', 'shortResponse'],
  [1000, 'http: server closed idle connection', 'shortResponse'],
  [1000, 'malformed HTTP response "220 mail ready"', 'wrongContent'],
  [1000, 'malformed MIME header: missing colon: "x"', 'wrongContent'],
  [1000, 'something new', 'other'],
  [1999, '', 'other'],
];
for (const [code, words, cause] of causes)
  test(`failureCauseOf(): ${code ?? 'an answer that was not wanted'} ${words} is ${cause}`, () => {
    assert.equal(failureCauses[failureCauseOf(code, words)], cause);
  });

test('parseLine() reads a connection that completed, and one that failed before it was one', () => {
  assert.deepEqual(parseLine('~1700000000123 250000 900000 1000001 ok'), {
    kind: 'sample',
    sample: {
      startWallMs: 1_700_000_000_123,
      connectNs: 250_000,
      firstByteNs: 900_000,
      totalNs: 1_000_001,
      failedBy: null,
    },
  });
  const failed = parseLine('~1700000000123 -1 -1 0 1212 dial: connection refused');
  assert.ok(failed.kind === 'sample' && failed.sample.failedBy === failureCauses.indexOf('refused'));
  assert.equal(failed.sample.connectNs, -1);
});

for (const line of [
  '~',
  '~1700000000123 1 2 3',
  '~1700000000123 1 2 3 fine',
  '~1700000000123 1.5 2 3 ok',
  '~1700000000123 NaN 2 3 ok',
  '~1700000000123 1 2 -3 ok',
  '~17 1 2 3 ok',
  '~1700000000123 1 2 3 ok more',
  '={"metrics":',
  '={"metrics":{"a":{"b":"c"}},"thresholds":{}}',
  '={"metrics":{},"thresholds":{},"more":1}',
  `={"metrics":{"${'x'.repeat(65)}":{}},"thresholds":{}}`,
])
  test(`parseLine() refuses ${line.slice(0, 60)}`, () => {
    assert.throws(
      () => parseLine(line),
      /^Error: Cannot read (what k6 says of a connection|the summary of k6): /,
    );
  });

test('parseLine() takes every other line for words, whatever is in it', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(text[0] !== '~' && text[0] !== '=');
      assert.deepEqual(parseLine(text), { kind: 'words', text });
    }),
  );
});

const tallyOf = (kind: 'open' | 'closed') =>
  new SampleTally({
    control: new LoadControl(),
    kind,
    startMs: 0,
    measureFromMs: 1000,
    measureUntilMs: 2000,
    toThreadMs: (wallMs) => wallMs - 1_700_000_000_000,
  });

function sample(startMs: number, totalMs: number, changes: Partial<Sample> = {}): Sample {
  return {
    startWallMs: 1_700_000_000_000 + startMs,
    connectNs: 1e6,
    firstByteNs: 2e6,
    totalNs: totalMs * 1e6,
    failedBy: null,
    ...changes,
  };
}

/** Start, length; counted in an open loop, in a closed one, completed meanwhile. */
const cuts: readonly (readonly [number, number, open: number, closed: number, meanwhile: number])[] = [
  [900, 50, 0, 0, 0],
  [990, 20, 0, 1, 1],
  [1000, 5, 1, 1, 1],
  [1990, 5, 1, 1, 1],
  [1990, 20, 1, 0, 0],
  [2000, 5, 0, 0, 0],
];
for (const [startMs, totalMs, open, closed, meanwhile] of cuts)
  test(`SampleTally cuts a connection of ${startMs} to ${startMs + totalMs} ms by the measured second from 1000`, () => {
    for (const [kind, counted] of [
      ['open', open],
      ['closed', closed],
    ] as const) {
      const samples = tallyOf(kind);
      samples.add(sample(startMs, totalMs));
      const { completed, attempted } = samples.tally.counts();
      assert.deepEqual(
        [completed, attempted, samples.tally.completedMeanwhile],
        [counted, counted, meanwhile],
        kind,
      );
      assert.equal(samples.tally.total.count, counted);
    }
  });

test('SampleTally keeps latencies of what completed and of what timed out, a phase not reached at its end', () => {
  const samples = tallyOf('open');
  samples.add(sample(1100, 10));
  samples.add(
    sample(1200, 300, { connectNs: -1, firstByteNs: -1, failedBy: failureCauses.indexOf('timedOut') }),
  );
  samples.add(sample(1300, 7, { failedBy: failureCauses.indexOf('reset') }));
  const { connect, firstByte, total } = samples.tally;
  const about = (seconds: number | null) => Math.round((seconds ?? 0) * 1000);
  assert.deepEqual([about(connect.summary().p50), about(connect.summary().max)], [1, 300]);
  assert.deepEqual([about(firstByte.summary().p50), about(total.summary().p50)], [2, 10]);
  assert.equal(total.count, 2);
  const { failed, attempted } = samples.tally.counts();
  assert.deepEqual([attempted, failed.timedOut, failed.reset], [3, 1, 1]);
});

test('SampleTally counts dropped starts where they fell, by when k6 was asked', () => {
  const samples = tallyOf('open');
  // Asked at both ends of the measured second and in between; the last of all is k6's sum at its end.
  for (const [count, atMs] of [
    [3, 500],
    [5, 1001],
    [5, 1400],
    [12, 2001],
    [20, 3000],
  ] as const)
    samples.dropped(count, atMs);
  assert.equal(samples.tally.counts().missed, 7);
});

test('WallClock tells the offset of a wall clock that is cut to milliseconds and slewed, to a tenth of one', () => {
  const clock = new WallClock();
  const wallAt = (ms: number) => 1_700_000_000_000.37 + ms * 1.0005;
  for (let ms = 0; ms < 20_000; ms += 20.3)
    clock.look({ beforeMs: ms, afterMs: ms + 0.01, wallMs: Math.floor(wallAt(ms + 0.005)) });
  assert.equal(clock.jumpedMs, 0);
  // Half a millisecond is what a time that was cut off is wrong by in the mean.
  const known = clock.toThreadMs(wallAt(19_990) - 0.5);
  assert.ok(Math.abs(known - 19_990) < 0.7, `${known}`);
});

test('WallClock passes over readings that were far apart, and says by how much the clock was set', () => {
  const clock = new WallClock();
  clock.look({ beforeMs: 0, afterMs: 0.01, wallMs: 5000 });
  clock.look({ beforeMs: 20, afterMs: 90, wallMs: 5090 });
  clock.look({ beforeMs: 100, afterMs: 100.01, wallMs: 5100 });
  assert.equal(clock.jumpedMs, 0);
  clock.look({ beforeMs: 120, afterMs: 120.01, wallMs: 8120 });
  assert.equal(Math.round(clock.jumpedMs), 3000);
});
