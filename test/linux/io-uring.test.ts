/** The ring itself, without sockets: cancelling what is not there is an operation that every kernel answers at once. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { IoUring, ringRefusal, UnsupportedRing } from '../../linux/io-uring.ts';
import { Operation, prepareCancel, wordAddress } from '../../linux/io-uring-operations.ts';
import { SystemCallError } from '../../linux/libc.ts';

const ENOENT = 2;
const skip = refusal();

function refusal(): string | false {
  try {
    new IoUring({ submissions: 2, completions: 4 }).close();
    return false;
  } catch (thrown) {
    return `io_uring cannot be used here: ${ringRefusal(thrown)}`;
  }
}

/** Takes every completion there is: [tag, slot, result] each. */
function take(ring: IoUring): [number, number, number][] {
  const taken: [number, number, number][] = [];
  let head = ring.completionHead();
  for (; head !== ring.completionTail(); head = (head + 1) | 0) {
    const at = ring.completionAt(head);
    taken.push([ring.completions[at], ring.completions[at + 1], ring.completions[at + 2]]);
  }
  ring.consumed(head);
  return taken;
}

test('submitAndWait() brings back user data and result', { skip }, () => {
  const ring = new IoUring({ submissions: 8, completions: 16 });
  ring.reserve(1);
  prepareCancel(ring, 0, 77, 1, 5);
  assert.equal(ring.pending, 1);
  ring.submitAndWait(100_000);
  assert.equal(ring.pending, 0);
  assert.deepEqual(take(ring), [[5, 77, -ENOENT]]);
  assert.deepEqual(take(ring), []);
  ring.close();
});

test('submitAndWait() comes back when its time is over, and not before', { skip }, () => {
  const ring = new IoUring({ submissions: 8, completions: 16 });
  const before = performance.now();
  ring.submitAndWait(20_000);
  const waitedMs = performance.now() - before;
  assert.ok(waitedMs >= 20 && waitedMs < 1_000, `${waitedMs} ms`);
  const again = performance.now();
  ring.submitAndWait(0);
  assert.ok(performance.now() - again < 500);
  ring.close();
});

test('reserve() submits when the ring is full, and refuses what would never fit', { skip }, () => {
  const ring = new IoUring({ submissions: 4, completions: 64 });
  for (let slot = 0; slot < 10; slot++) {
    ring.reserve(1);
    prepareCancel(ring, 0, slot, 1, 5);
  }
  ring.submitAndWait(100_000);
  assert.deepEqual(
    take(ring).map(([, slot]) => slot),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.throws(() => ring.reserve(5), RangeError);
  ring.close();
});

test('completions that find their ring full are kept, and come later', { skip }, () => {
  const ring = new IoUring({ submissions: 8, completions: 8 });
  const seen: number[] = [];
  for (let slot = 0; slot < 40; slot++) {
    ring.reserve(1);
    prepareCancel(ring, 0, slot, 1, 5);
  }
  for (let round = 0; round < 20 && seen.length < 40; round++) {
    ring.submitAndWait(10_000);
    seen.push(...take(ring).map(([, slot]) => slot));
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 40 }, (_, slot) => slot),
  );
  ring.close();
});

test('supportedOperations() names those of this kernel', { skip }, () => {
  const ring = new IoUring({ submissions: 2, completions: 4 });
  const known = ring.supportedOperations();
  for (const code of [Operation.send, Operation.receive, Operation.close]) assert.ok(known.has(code));
  assert.ok(!known.has(255));
  ring.close();
});

test('registerDirectDescriptors() is refused once and again, by errno', { skip }, () => {
  const ring = new IoUring({ submissions: 2, completions: 4 });
  ring.registerDirectDescriptors(16);
  assert.throws(
    () => ring.registerDirectDescriptors(16),
    (error: SystemCallError) => error.code === 'EBUSY',
  );
  ring.close();
});

test('close() leaves no descriptor, and may be called twice', { skip }, () => {
  const count = (): number => readdirSync('/proc/self/fd').length;
  const before = count();
  for (let round = 0; round < 20; round++) {
    const ring = new IoUring({ submissions: 64, completions: 128 });
    ring.registerDirectDescriptors(64);
    ring.close();
    ring.close();
  }
  assert.equal(count(), before);
});

test('ringRefusal() says why in words, and passes on what is no refusal', () => {
  assert.match(ringRefusal(new SystemCallError('Cannot open an io_uring', 1)), /^operation not permitted/);
  assert.match(ringRefusal(new SystemCallError('Cannot open an io_uring', 12)), /RLIMIT_MEMLOCK/);
  assert.equal(ringRefusal(new SystemCallError('Cannot open an io_uring', 24)), 'EMFILE');
  assert.equal(ringRefusal(new UnsupportedRing('this kernel lacks X')), 'this kernel lacks X');
  assert.throws(() => ringRefusal(new TypeError('ours')), TypeError);
});

test('wordAddress() splits a 64-bit address', () => {
  assert.deepEqual(wordAddress(0x7fff_8000_0010n), { low: 0x8000_0010 | 0, high: 0x7fff });
  assert.deepEqual(wordAddress(0xffff_ffff), { low: -1, high: 0 });
});
