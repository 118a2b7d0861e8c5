/**
 * The three kinds of timers, one suite: against a plain Map, against each other, round the wheel, at far
 * times.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../../measurement/random.ts';
import { DeadlineList } from '../../../net/tcp/deadline-list.ts';
import { expiredAtOnce, TimerHeap, type Timers } from '../../../net/tcp/timer-heap.ts';
import { TimerWheel } from '../../../net/tcp/timer-wheel.ts';

const ids = 12;
const kinds: readonly { name: string; make: (ids: number) => Timers; exact: boolean }[] = [
  { name: 'TimerHeap', make: (count) => new TimerHeap(count), exact: true },
  { name: 'DeadlineList', make: (count) => new DeadlineList(count), exact: true },
  // Its nextDueMs() may be early.
  { name: 'TimerWheel', make: (count) => new TimerWheel(count), exact: false },
];

/** At and around a turn of the wheel, its words of 32 slots, the longest time-out. */
const spans = [0, 1, 2, 31, 32, 33, 200, 4_063, 4_095, 4_096, 4_097, 8_192, 60_000, 4_096 * 40];
const span = fc.oneof(fc.constantFrom(...spans), fc.integer({ min: 0, max: 300 }));

type Step =
  | { readonly kind: 'set'; readonly id: number; readonly delayMs: number }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'wait'; readonly ms: number };

const id = fc.integer({ min: 0, max: ids - 1 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      id,
      delayMs: fc.oneof(span, fc.integer({ min: -50, max: 0 })),
    }),
    fc.record({ kind: fc.constant('cancel' as const), id }),
    fc.record({ kind: fc.constant('wait' as const), ms: span }),
  ),
  { maxLength: 60, size: 'max' },
);
/** A clock may begin anywhere: at 0, beside 2^31 and 2^32, at today's date. */
const starts = fc.constantFrom(0, 4_095, 2 ** 31 - 100, 2 ** 32 - 100, 1_753_000_000_123);

function expireAll(timers: Timers, nowMs: number): number[] {
  const all: number[] = [];
  for (let count = -1; count !== 0; ) {
    count = timers.expire(nowMs);
    all.push(...timers.expired.subarray(0, count));
  }
  return all.sort((a, b) => a - b);
}

/** What is due of the model, taken out of it. */
function expireModel(model: Map<number, number>, nowMs: number): number[] {
  const due = [...model].filter(([, dueMs]) => dueMs <= nowMs).map(([key]) => key);
  for (const key of due) model.delete(key);
  return due.sort((a, b) => a - b);
}

for (const { name, make, exact } of kinds) {
  test(`${name}: does what a Map of deadlines does`, () => {
    fc.assert(
      fc.property(steps, starts, (sequence, startMs) => {
        const timers = make(ids);
        const model = new Map<number, number>();
        let nowMs = startMs;
        timers.expire(nowMs);
        for (const step of sequence) {
          if (step.kind === 'set') {
            timers.set(step.id, nowMs + step.delayMs);
            model.set(step.id, nowMs + step.delayMs);
          } else if (step.kind === 'cancel') {
            timers.cancel(step.id);
            model.delete(step.id);
          } else {
            nowMs += step.ms;
            assert.deepEqual(
              expireAll(timers, nowMs),
              expireModel(model, nowMs),
              `at +${nowMs - startMs} ms`,
            );
          }
          assert.equal(timers.size, model.size);
          for (let each = 0; each < ids; each++) assert.equal(timers.has(each), model.has(each));
          const truthMs = Math.min(...model.values());
          const nextMs = timers.nextDueMs();
          if (exact || model.size === 0) assert.equal(nextMs, truthMs);
          // What was set for a time that has passed is due as soon as the wheel is asked.
          else if (Math.max(...model.values()) <= nowMs + 4_095)
            assert.equal(nextMs, Math.max(truthMs, nowMs));
          else assert.ok(nextMs <= Math.max(truthMs, nowMs), `next ${nextMs}, truth ${truthMs}`);
        }
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: a thread that sleeps until nextDueMs() wakes on time, after few wakes in vain`, () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: ids }), starts, (delays, startMs) => {
        const timers = make(ids);
        timers.expire(startMs);
        for (const [index, delayMs] of delays.entries()) timers.set(index, startMs + delayMs);
        const due = delays.map((delayMs) => startMs + delayMs);
        let wakes = 0;
        for (
          let nextMs = timers.nextDueMs();
          nextMs !== Number.POSITIVE_INFINITY;
          nextMs = timers.nextDueMs()
        ) {
          for (const index of expireAll(timers, nextMs)) assert.equal(due[index], nextMs);
          wakes++;
          // At most one a turn of the wheel and timer.
          assert.ok(wakes <= ids * (4_096 * 40 * 2 ** -12 + 2), `${wakes} wakes`);
        }
        assert.equal(timers.size, 0);
      }),
      { numRuns: 200 },
    );
  });

  test(`${name}: expire() hands over at most what it has room for, and the rest when called again`, () => {
    const count = 3 * expiredAtOnce + 5;
    const timers = make(count);
    for (let index = 0; index < count; index++) timers.set(index, 1_000 + (index % 3));
    assert.equal(timers.expire(999), 0);
    const seen = new Set<number>();
    const counts = [0, 1, 2, 3, 4].map(() => {
      const expired = timers.expire(5_000);
      for (const each of timers.expired.subarray(0, expired)) seen.add(each);
      return expired;
    });
    assert.deepEqual(counts, [expiredAtOnce, expiredAtOnce, expiredAtOnce, 5, 0]);
    assert.equal(seen.size, count);
    assert.equal(timers.size, 0);
  });

  test(`${name}: a time that has passed is due at the next expire(), in the same millisecond too`, () => {
    const timers = make(2);
    assert.equal(timers.expire(10_000), 0);
    timers.set(0, 10_000);
    timers.set(1, 3);
    assert.deepEqual(expireAll(timers, 10_000), [0, 1]);
    timers.set(0, 10_000);
    assert.deepEqual(expireAll(timers, 10_000.7), [0]);
  });

  test(`${name}: a time between two milliseconds is never early and at most a millisecond late`, () => {
    const timers = make(1);
    timers.set(0, 100.5);
    assert.equal(timers.expire(100.4), 0);
    assert.equal(timers.expire(101.5), 1);
  });
}

test('TimerWheel and TimerHeap agree over 30,000 steps of retransmission with back-off', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const below = (limit: number): number => Math.floor(random() * limit);
      const wheel = new TimerWheel(500);
      const heap = new TimerHeap(500);
      let nowMs = below(2 ** 40);
      for (let step = 0; step < 10_000; step++) {
        const which = below(500);
        const choice = random();
        if (choice < 0.6) {
          const dueMs = nowMs + Math.min(200 << below(9), 60_000) + below(5);
          wheel.set(which, dueMs);
          heap.set(which, dueMs);
        } else if (choice < 0.8) {
          wheel.cancel(which);
          heap.cancel(which);
        } else {
          nowMs += below(choice > 0.999 ? 20_000 : 6);
          assert.deepEqual(expireAll(wheel, nowMs), expireAll(heap, nowMs));
        }
      }
      assert.equal(wheel.size, heap.size);
    }),
    { numRuns: 3 },
  );
});
