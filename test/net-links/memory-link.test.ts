import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FramePool } from '../../net/links/frame-pool.ts';
import { frameBatch } from '../../net/links/link.ts';
import { memoryLinkPair } from '../../net/links/memory-link.ts';

test('what one end transmits the other receives after the flush: same bytes, same place, in order', () => {
  const [here, there] = memoryLinkPair({ frames: 4 });
  const batch = frameBatch(8);
  const sent = [7, 8, 9].map((value) => {
    const at = here.allocate();
    here.memory.fill(value, at, at + 60);
    here.transmit(at, 60 + value);
    return at;
  });
  assert.equal(there.receive(batch, 0), 0, 'not before the flush');
  here.flush(0);
  assert.equal(here.receive(batch, 0), 0, 'not on the end that sent it');
  assert.equal(there.receive(batch, 0), 3);
  assert.deepEqual([...batch.at.subarray(0, 3)], sent);
  assert.deepEqual([...batch.length.subarray(0, 3)], [67, 68, 69]);
  assert.deepEqual(
    sent.map((at) => there.memory[at]),
    [7, 8, 9],
  );
  assert.deepEqual(
    [here.counters, there.counters],
    [
      { received: 0, transmitted: 3, overflows: 0 },
      { received: 3, transmitted: 0, overflows: 0 },
    ],
  );
});

test('a received frame can be rewritten and sent back', () => {
  const [here, there] = memoryLinkPair();
  const batch = frameBatch(1);
  const at = here.allocate();
  here.transmit(at, 60);
  here.flush(0);
  assert.equal(there.receive(batch, 0), 1);
  there.memory[at] = 99;
  there.transmit(at, 61);
  there.flush(0);
  assert.equal(here.receive(batch, 0), 1);
  assert.deepEqual([batch.at[0], batch.length[0], here.memory[at]], [at, 61, 99]);
});

test('a batch that is full leaves the rest for the next', () => {
  const [here, there] = memoryLinkPair();
  for (let index = 0; index < 5; index++) here.transmit(here.allocate(), 60 + index);
  here.flush(0);
  const batch = frameBatch(2);
  const lengths: number[] = [];
  for (let count = there.receive(batch, 0); count > 0; count = there.receive(batch, 0))
    lengths.push(...batch.length.subarray(0, count));
  assert.deepEqual(lengths, [60, 61, 62, 63, 64]);
});

test('an empty pool says so, and counts it', () => {
  const [here, there] = memoryLinkPair({ frames: 2 });
  const frames = [here.allocate(), there.allocate()];
  assert.equal(here.allocate(), -1);
  assert.equal(here.counters.overflows, 1);
  here.release(frames[1]!);
  assert.equal(there.allocate(), frames[1]);
});

test('a frame too short for the MTU, or that leaves the next at an odd place, is refused', () => {
  for (const frameRoom of [1024, 2047])
    assert.throws(
      () => memoryLinkPair({ frameRoom }),
      /frames of \d+ bytes; wanted an even number of at least 1514/,
    );
});

test('a queue that is full drops the frame, counts it, and gives it back to the pool', () => {
  const [here, there] = memoryLinkPair({ frames: 8, queueFrames: 3 });
  for (let index = 0; index < 5; index++) here.transmit(here.allocate(), 60 + index);
  assert.deepEqual(here.counters, { received: 0, transmitted: 3, overflows: 2 });
  assert.equal(here.freeFrames, 5);
  here.flush(0);
  const batch = frameBatch(8);
  assert.equal(there.receive(batch, 0), 3);
  assert.deepEqual([...batch.length.subarray(0, 3)], [60, 61, 62]);
  // There is room again, and the other way always was.
  here.transmit(batch.at[0]!, 64);
  there.transmit(batch.at[1]!, 64);
  assert.deepEqual([here.counters.overflows, there.counters.overflows], [2, 0]);
});

test('a queue longer than there are frames, or of none, is refused', () => {
  for (const queueFrames of [0, 9, 2.5])
    assert.throws(() => memoryLinkPair({ frames: 8, queueFrames }), /a queue of .* wanted .* 1 … 8/);
});

/** What a frame is, told apart from all others by its first four bytes. */
interface Sent {
  readonly at: number;
  readonly length: number;
  readonly mark: number;
}

test('as a model says: first in, first out, nothing lost, nothing twice, whatever both ends do', () => {
  const step = fc.record({
    end: fc.constantFrom<0 | 1>(0, 1),
    does: fc.constantFrom('allocate', 'transmit', 'release', 'receive', 'flush'),
  });
  const frames = 8;
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.integer({ min: 1, max: frames }),
      fc.integer({ min: 1, max: 5 }),
      (steps, queueFrames, most) => {
        const ends = memoryLinkPair({ frames, queueFrames });
        const words = new DataView(ends[0].memory.buffer);
        const batch = frameBatch(most);
        const held: [number[], number[]] = [[], []];
        const queued: [Sent[], Sent[]] = [[], []];
        const onTheWay: [Sent[], Sent[]] = [[], []];
        const expected = [0, 1].map(() => ({ received: 0, transmitted: 0, overflows: 0 }));
        steps.forEach(({ end, does }, mark) => {
          const link = ends[end];
          const own = held[end];
          const wanted = expected[end]!;
          if (does === 'allocate') {
            const wasFree = link.freeFrames > 0;
            const at = link.allocate();
            assert.equal(at >= 0, wasFree);
            if (wasFree) own.push(at);
            else wanted.overflows++;
          } else if (does === 'receive') {
            const coming = onTheWay[1 - end]!.splice(0, most);
            assert.equal(link.receive(batch, 0), coming.length);
            coming.forEach(({ at, length, mark: content }, index) => {
              assert.deepEqual([batch.at[index], batch.length[index]], [at, length]);
              assert.equal(words.getUint32(at), content);
              own.push(at);
            });
            wanted.received += coming.length;
          } else if (does === 'flush') {
            link.flush(0);
            onTheWay[end].push(...queued[end].splice(0));
          } else if (own.length > 0) {
            const at = own.shift()!;
            if (does === 'release') link.release(at);
            else {
              words.setUint32(at, mark);
              const hasRoom = queued[end].length + onTheWay[end].length < queueFrames;
              if (hasRoom) queued[end].push({ at, length: 60 + mark, mark });
              wanted[hasRoom ? 'transmitted' : 'overflows']++;
              link.transmit(at, 60 + mark);
            }
          }
          const underWay = [...queued.flat(), ...onTheWay.flat()].map(({ at }) => at);
          const inUse = [...held.flat(), ...underWay];
          assert.equal(new Set(inUse).size, inUse.length);
          assert.equal(link.freeFrames, frames - inUse.length);
          assert.deepEqual(link.counters, wanted);
        });
      },
    ),
  );
});

test('FramePool gives the frame used last first', () => {
  const pool = new FramePool(3, 64);
  const frames = [pool.take(), pool.take(), pool.take()];
  assert.deepEqual(
    [...frames].sort((a, b) => a - b),
    [0, 64, 128],
  );
  assert.equal(pool.take(), -1);
  pool.give(frames[1]!);
  assert.equal(pool.take(), frames[1]);
});
