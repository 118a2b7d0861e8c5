/** The event queue against a sorted list, and its order among equals. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventQueue } from '../../simulator/event-queue.ts';

function drained(queue: EventQueue): { time: number; event: number; argument: number }[] {
  const taken = [];
  while (queue.next()) taken.push({ time: queue.time, event: queue.event, argument: queue.argument });
  return taken;
}

test('next() takes events by time, and those of one time in the order they were put in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 3000 }), (times) => {
      const queue = new EventQueue();
      for (const [index, time] of times.entries()) queue.put(time, index, index + 7);
      const expected = times
        .map((time, index) => ({ time, event: index, argument: index + 7 }))
        .sort((one, other) => one.time - other.time || one.event - other.event);
      assert.deepEqual(drained(queue), expected);
    }),
    { numRuns: 60 },
  );
});

test('next() and put() in turns: what is put in late comes out at its time', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 500 }), (delays) => {
      const queue = new EventQueue();
      const waiting: { time: number; event: number }[] = [];
      let now = 0;
      for (const [index, delay] of delays.entries()) {
        queue.put(now + delay, index);
        waiting.push({ time: now + delay, event: index });
        if (delay % 2 === 0) continue;
        waiting.sort((one, other) => one.time - other.time || one.event - other.event);
        const expected = waiting.shift();
        assert.ok(queue.next());
        assert.deepEqual({ time: queue.time, event: queue.event }, expected);
        now = queue.time;
      }
      assert.equal(queue.size, waiting.length);
    }),
  );
});

test('nextTime is that of the event which next() takes, and Infinity when there is none', () => {
  const queue = new EventQueue();
  assert.equal(queue.nextTime, Infinity);
  assert.equal(queue.next(), false);
  queue.put(5, 1);
  queue.put(3, 2);
  assert.equal(queue.nextTime, 3);
  queue.clear();
  assert.equal(queue.size, 0);
  assert.equal(queue.nextTime, Infinity);
});

test('put() refuses a time that is not a number', () => {
  assert.throws(() => new EventQueue().put(Number.NaN, 7), /Cannot schedule event 7/);
});
