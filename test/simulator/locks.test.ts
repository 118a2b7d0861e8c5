/** One suite over all kinds of locks, then what each kind costs. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lockKindNames, lockKinds } from '../../simulator/locks/kinds.ts';
import { type LineCycles, Lock, type LockKind, nobody } from '../../simulator/locks/lock.ts';
import { mutex } from '../../simulator/locks/mutex.ts';
import { randomStream } from '../../simulator/random.ts';

/** Between any two of them as far. */
const even: LineCycles = (from, to) => (from === to ? 4 : 100);
/** Two sockets of four cores. */
const twoSockets: LineCycles = (from, to) => (from === to ? 4 : from >> 2 === to >> 2 ? 100 : 300);

function lockOf(kind: LockKind, lineCycles = even): Lock {
  return new Lock({ kind, lineCycles, chance: randomStream(1, 'lock').uniform });
}

/** A lock that core 0 holds and cores 1 to `waiting` wait for, since time 0. */
function waitedFor(kind: LockKind, waiting: number, lineCycles = even): Lock {
  const lock = lockOf(kind, lineCycles);
  for (let core = 0; core <= waiting; core++) lock.request(core, 0);
  return lock;
}

for (const name of lockKindNames) {
  const kind = lockKinds[name];

  test(`${name}: one core holds it at a time, and every core that asks gets it once`, () => {
    fc.assert(
      fc.property(fc.array(fc.nat(15), { maxLength: 200 }), (steps) => {
        const lock = lockOf(kind);
        const waiting = new Set<number>();
        let holder = nobody;
        for (const core of steps) {
          if (core === holder) {
            holder = lock.release(core, 0);
            assert.equal(holder === nobody, waiting.size === 0);
            assert.ok(holder === nobody || waiting.delete(holder));
          } else if (!waiting.has(core)) {
            const granted = lock.request(core, 0);
            assert.equal(granted, holder === nobody);
            if (granted) holder = core;
            else waiting.add(core);
          }
          assert.equal(lock.holder, holder);
          assert.equal(lock.waiting, waiting.size);
          assert.ok(lock.handOverCycles >= 0);
        }
      }),
    );
  });

  test(`${name}: the lock stays where it is when the same core takes it again, and travels to another`, () => {
    const lock = lockOf(kind);
    lock.request(3, 0);
    assert.equal(lock.handOverCycles, 0);
    lock.release(3, 10);
    lock.request(3, 20);
    assert.equal(lock.handOverCycles, 0);
    lock.release(3, 30);
    lock.request(5, 40);
    assert.equal(lock.handOverCycles, 100);
  });

  test(`${name}: a core that asks twice, or releases what it does not hold, is a mistake`, () => {
    const lock = waitedFor(kind, 1);
    assert.throws(() => lock.request(0, 0), /Core 0 asks for a lock/);
    assert.throws(() => lock.request(1, 0), /Core 1 asks for a lock/);
    assert.throws(() => lock.release(1, 0), /Core 1 releases a lock that core 0 holds/);
  });

  test(`${name}: more waiters never make a hand-over cheaper, and zero-cost lines make it free`, () => {
    let before = 0;
    for (let waiting = 1; waiting <= 40; waiting++) {
      const lock = waitedFor(kind, waiting);
      lock.release(0, 1);
      assert.ok(lock.handOverCycles >= before, `${waiting} waiting`);
      before = lock.handOverCycles;
      const free = waitedFor(kind, waiting, () => 0);
      free.release(0, 1);
      assert.equal(free.handOverCycles, 0);
    }
  });
}

for (const name of ['ticket', 'mcs', 'spin'] as const)
  test(`${name}: evenHandOverCycles() is what a hand-over between cores equally far costs`, () => {
    for (const waiting of [1, 2, 7, 47]) {
      const lock = waitedFor(lockKinds[name], waiting);
      lock.release(0, 0);
      assert.equal(lock.handOverCycles, lockKinds[name].evenHandOverCycles(waiting, 100));
    }
  });

test('ticket: the next holder waits for its own line and for half of the others', () => {
  const lock = waitedFor(lockKinds.ticket, 5, twoSockets);
  // To core 1, 100; cores 2 and 3 as far, 4 and 5 on the other socket.
  assert.equal(lock.release(0, 0), 1);
  assert.equal(lock.handOverCycles, 100 + (100 + 100 + 300 + 300) / 2);
});

test('mcs: the hand-over costs the distance to the next holder, however many wait', () => {
  const lock = waitedFor(lockKinds.mcs, 7, twoSockets);
  const costs = [];
  for (let core = 0; core < 7; core++) {
    assert.equal(lock.release(core, 0), core + 1);
    costs.push(lock.handOverCycles);
  }
  assert.deepEqual(costs, [100, 100, 100, 300, 100, 100, 100]);
});

test('spin: any waiter may be next', () => {
  const next = new Set<number>();
  const chance = randomStream(2, 'lock').uniform;
  for (let round = 0; round < 200; round++) {
    const lock = new Lock({ kind: lockKinds.spin, lineCycles: even, chance });
    for (let core = 0; core < 5; core++) lock.request(core, 0);
    next.add(lock.release(0, 0));
  }
  assert.deepEqual([...next].sort(), [1, 2, 3, 4]);
});

test('mutex: who has waited longer than it spins is asleep: it has to be woken, and costs the others nothing', () => {
  const kind = mutex({ spinCycles: 500, wakeCycles: 4000 });
  const awake = waitedFor(kind, 10);
  awake.release(0, 499);
  assert.equal(awake.handOverCycles, 100 + (9 * 100) / 2);
  const asleep = waitedFor(kind, 10);
  asleep.release(0, 500);
  assert.equal(asleep.handOverCycles, 100 + 4000);
});
