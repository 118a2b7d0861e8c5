/** Shared words between threads, and what a tally makes of times. */

import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, test } from 'node:test';
import { ConnectionTimes } from '../../agent/connection-times.ts';
import { Cause, causeOf } from '../../agent/engines/flood/failure-cause.ts';
import { Command, Lease, LoadControl } from '../../agent/load-control.ts';
import { toThreadMs } from '../../agent/monotonic.ts';
import { Tally } from '../../agent/tally.ts';
import { failureCauses } from '../../protocol/trial-record.ts';

describe('LoadControl', () => {
  test('start() and stop() are seen by whoever has the memory, and stop() lasts', () => {
    const control = new LoadControl();
    const other = new LoadControl(control.memory);
    assert.equal(other.command, Command.none);
    control.start(2n ** 60n + 1n);
    assert.equal(other.command, Command.start);
    assert.equal(other.startAtMonotonicNs, 2n ** 60n + 1n);
    control.stop();
    control.start(5n);
    assert.equal(other.command, Command.stop);
  });

  test('counts() tells every kind of outcome apart', () => {
    const control = new LoadControl();
    control.countAttempted();
    control.countAttempted();
    control.countCompleted();
    control.countMissed();
    for (let cause = 0; cause < failureCauses.length; cause++)
      for (let times = 0; times <= cause; times++) control.countFailed(cause);
    const { attempted, completed, missed, failed } = new LoadControl(control.memory).counts();
    assert.deepEqual([attempted, completed, missed], [2, 1, 1]);
    assert.deepEqual(
      failureCauses.map((cause) => failed[cause]),
      failureCauses.map((_, index) => index + 1),
    );
  });
});

test('endsAtNs() reads what another thread wrote as 64 bits', () => {
  const memory = new SharedArrayBuffer(8);
  const lease = new Lease(memory);
  for (const ns of [0n, 1n, 0xffff_ffffn, 0x1_0000_0000n, 123_456_789_012_345n]) {
    Atomics.store(new BigInt64Array(memory), 0, ns);
    assert.equal(lease.endsAtNs(), Number(ns));
  }
});

test('toThreadMs() puts CLOCK_MONOTONIC on the scale of performance.now()', () => {
  const before = performance.now();
  const now = toThreadMs(Number(process.hrtime.bigint()));
  assert.ok(now >= before - 0.001 && now <= performance.now() + 0.001);
});

test('causeOf() knows what the kernel says', () => {
  const { errno } = constants;
  for (const [number, cause] of [
    [errno.ECONNREFUSED, 'refused'],
    [errno.ECONNRESET, 'reset'],
    [errno.EPIPE, 'reset'],
    [errno.ETIMEDOUT, 'timedOut'],
    [errno.ECANCELED, 'timedOut'],
    [errno.EADDRNOTAVAIL, 'noPort'],
    [errno.EMFILE, 'noDescriptor'],
    [errno.ENFILE, 'noDescriptor'],
    [errno.EHOSTUNREACH, 'other'],
  ] as const)
    assert.equal(causeOf(number), Cause[cause]);
});

describe('Tally', () => {
  const at = (
    kind: 'closed' | 'open',
    intendedMs: number,
    endedMs: number,
  ): { tally: Tally; times: ConnectionTimes } => {
    const times = new ConnectionTimes(1);
    times.intendedMs[0] = intendedMs;
    times.connectedMs[0] = -1;
    times.firstByteMs[0] = -1;
    times.endedMs[0] = endedMs;
    return {
      tally: new Tally({
        control: new LoadControl(),
        kind,
        times,
        measureFromMs: 1000,
        measureUntilMs: 2000,
      }),
      times,
    };
  };

  test('a closed loop counts what ended in the interval, an open loop what was due in it', () => {
    for (const [intendedMs, endedMs, closed, open] of [
      [900, 999, 0, 0],
      [900, 1000, 1, 0],
      [1000, 1500, 1, 1],
      [1999, 2000, 0, 1],
      [2000, 2001, 0, 0],
    ] as const)
      for (const [kind, wanted] of [
        ['closed', closed],
        ['open', open],
      ] as const) {
        const { tally } = at(kind, intendedMs, endedMs);
        tally.started(0);
        tally.completed(0);
        const { attempted, completed } = tally.counts();
        assert.deepEqual([attempted, completed], [wanted, wanted], `${kind}, ${intendedMs} to ${endedMs}`);
        assert.equal(tally.total.count, wanted);
      }
  });

  test('completed() records each phase from the intended start, in nanoseconds', () => {
    const { tally, times } = at('closed', 1000, 1008);
    times.connectedMs[0] = 1001;
    times.firstByteMs[0] = 1004;
    tally.started(0);
    tally.completed(0);
    const near = (value: number | null, wanted: number): void => {
      assert.ok(Math.abs((value ?? 0) / wanted - 1) < 0.001, `${value} near ${wanted}`);
    };
    near(tally.connect.summary().p50, 0.001);
    near(tally.firstByte.summary().p50, 0.004);
    near(tally.total.summary().p50, 0.008);
  });

  test('failed() records latencies of what timed out, at least until its end, and of nothing else', () => {
    for (const [cause, recorded] of [
      ['timedOut', 1],
      ['reset', 0],
    ] as const) {
      const { tally, times } = at('open', 1000, 1500);
      times.connectedMs[0] = 1001;
      tally.started(0);
      tally.failed(0, Cause[cause]);
      assert.equal(tally.counts().failed[cause], 1);
      for (const histogram of [tally.connect, tally.firstByte, tally.total])
        assert.equal(histogram.count, recorded);
      if (recorded === 1) assert.ok((tally.firstByte.summary().p50 ?? 0) >= 0.499);
    }
  });

  test('missed() counts what was due in the interval', () => {
    const { tally } = at('open', 0, 0);
    for (const due of [999, 1000, 1999, 2000]) tally.missed(Float64Array.of(due));
    assert.equal(tally.counts().missed, 2);
  });
});
