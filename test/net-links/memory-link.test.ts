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

test('a frame too short for the MTU is refused', () => {
  assert.throws(() => memoryLinkPair({ frameRoom: 1024 }), /frames of 1024 bytes; wanted .* at least 1514/);
});

test('no frame is lost and none is twice, whatever both ends do', () => {
  const step = fc.record({
    end: fc.integer({ min: 0, max: 1 }),
    does: fc.constantFrom('allocate', 'transmit', 'release', 'receive', 'flush'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const frames = 8;
      const ends = memoryLinkPair({ frames });
      const held: number[][] = [[], []];
      const batch = frameBatch(3);
      let underWay = 0;
      for (const { end, does } of steps) {
        const link = ends[end]!;
        const own = held[end]!;
        if (does === 'allocate') {
          const at = link.allocate();
          if (at >= 0) own.push(at);
          else assert.equal(link.freeFrames, 0);
        } else if (does === 'receive') {
          const count = link.receive(batch, 0);
          own.push(...batch.at.subarray(0, count));
          underWay -= count;
        } else if (does === 'flush') {
          link.flush(0);
        } else {
          const at = own.shift();
          if (at === undefined) continue;
          if (does === 'release') link.release(at);
          else {
            link.transmit(at, 60);
            underWay++;
          }
        }
        const all = [...held[0]!, ...held[1]!];
        assert.equal(new Set(all).size, all.length);
        assert.equal(ends[0].freeFrames + all.length + underWay, frames);
      }
    }),
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
