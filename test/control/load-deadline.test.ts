import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadlineAfter, LoadDeadline } from '../../control/load-deadline.ts';
import { leaseMs, loadStopMs } from '../../protocol/keys.ts';

const millisecond = 1_000_000n;

test("deadlineAfter() counts the age of the coordinator's lease", () => {
  // Fresh: load may go on for 8 s from now. Two seconds old: for 8 s from when the coordinator was last seen.
  assert.equal(deadlineAfter(0n, leaseMs), BigInt(loadStopMs) * millisecond);
  assert.equal(deadlineAfter(0n, leaseMs - 2_000), BigInt(loadStopMs - 2_000) * millisecond);
});

test('deadlineAfter() never grants more than the stop time, whatever the lease', () => {
  assert.equal(deadlineAfter(5n, 60_000), 5n + BigInt(loadStopMs) * millisecond);
  assert.equal(deadlineAfter(5n, null), 5n + BigInt(loadStopMs) * millisecond);
});

test('LoadDeadline has passed from its nanosecond on, and from the start', () => {
  const deadline = new LoadDeadline(LoadDeadline.allocate());
  assert.equal(deadline.hasPassed(1n), true);
  deadline.set(1_000n);
  assert.equal(deadline.hasPassed(999n), false);
  assert.equal(deadline.hasPassed(1_000n), true);
});
