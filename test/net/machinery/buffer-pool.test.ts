/** The buffer pool: no two buffers share a byte, nothing is lost, rings keep their bytes as they grow. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BufferPool, LARGE, SMALL } from '../../../net/tcp/buffer-pool.ts';

const blocks = 3;
const sizes = { smallBytes: 64, largeBytes: 256, memoryBytes: blocks * 256 + 100 };

const step = fc.record({
  kind: fc.constantFrom('small' as const, 'small', 'small', 'large', 'give', 'give', 'grow'),
  pick: fc.nat(),
});

test('take(), give() and grow(): each buffer is its owner’s alone, and what is refused has no room', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const pool = new BufferPool(sizes);
      const held = new Map<number, { large: boolean; mark: number }>();
      const fill = (at: number, mark: number): void => {
        pool.memory.fill(mark, at, at + pool.sizeOf(at));
      };
      const blocksOf = (large: boolean): number =>
        new Set([...held].filter(([, buffer]) => buffer.large === large).map(([at]) => at >>> 8)).size;
      const smalls = (): number => [...held.values()].filter(({ large }) => !large).length;
      for (const [index, { kind, pick }] of steps.entries()) {
        const mark = (index % 255) + 1;
        const [at, buffer] = [...held][pick % Math.max(held.size, 1)] ?? [-1, undefined];
        if (kind === 'small' || kind === 'large') {
          const taken = pool.take(kind === 'large' ? LARGE : SMALL);
          const freeBlocks = blocks - blocksOf(true) - blocksOf(false);
          const room = freeBlocks > 0 || (kind === 'small' && smalls() < 4 * blocksOf(false));
          assert.equal(taken >= 0, room, `${kind}: ${taken}`);
          if (taken < 0) continue;
          assert.equal(taken % (kind === 'large' ? 256 : 64), 0);
          held.set(taken, { large: kind === 'large', mark });
          fill(taken, mark);
        } else if (buffer !== undefined && kind === 'give') {
          pool.give(at);
          held.delete(at);
        } else if (buffer !== undefined && !buffer.large) {
          const grown = pool.grow(at, 0, 64);
          assert.equal(grown >= 0, blocksOf(true) + blocksOf(false) < blocks);
          if (grown < 0) continue;
          held.delete(at);
          held.set(grown, { large: true, mark: buffer.mark });
          fill(grown, buffer.mark);
        }
        assert.equal(pool.inUse(SMALL), smalls());
        assert.equal(pool.inUse(LARGE), held.size - smalls());
        for (const [each, { large, mark: own }] of held) {
          const bytes = pool.sizeOf(each);
          assert.equal(bytes, large ? 256 : 64);
          assert.ok(pool.memory.subarray(each, each + bytes).every((byte) => byte === own));
        }
      }
      for (const at of held.keys()) pool.give(at);
      for (let block = 0; block < blocks; block++) assert.ok(pool.take(LARGE) >= 0, 'all are free again');
    }),
  );
});

test('grow() keeps every byte at its position, wherever the ring starts and however full it is', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.integer(), fc.constantFrom(2 ** 31 - 3, -3, -(2 ** 31))),
      fc.integer({ min: 0, max: 64 }),
      (from, length) => {
        const pool = new BufferPool(sizes);
        pool.take(SMALL);
        const small = pool.take(SMALL);
        for (let each = 0; each < length; each++) pool.memory[small + ((from + each) & 63)] = each + 1;
        const large = pool.grow(small, from, length);
        for (let each = 0; each < length; each++)
          assert.equal(pool.memory[large + ((from + each) & 255)], each + 1);
        assert.deepEqual([pool.sizeOf(large), pool.inUse(SMALL), pool.inUse(LARGE)], [256, 1, 1]);
      },
    ),
  );
});

test('grow() with no large buffer left changes nothing', () => {
  const pool = new BufferPool({ ...sizes, memoryBytes: 256 });
  const small = pool.take(SMALL);
  pool.memory.fill(7, small, small + 64);
  assert.equal(pool.grow(small, 0, 64), -1);
  assert.equal(pool.sizeOf(small), 64);
  assert.equal(pool.inUse(SMALL), 1);
});

test('take() of large buffers leaves room for small ones: one block in eight', () => {
  const pool = new BufferPool({ ...sizes, memoryBytes: 16 * 256 });
  const first = pool.take(SMALL);
  // Of 16 blocks one is cut into small buffers, two are left to more of them.
  for (let block = 0; block < 13; block++) assert.ok(pool.take(LARGE) >= 0);
  assert.equal(pool.take(LARGE), -1);
  assert.equal(pool.grow(first, 0, 64), -1);
  for (let small = 1; small < 12; small++) assert.ok(pool.take(SMALL) >= 0);
  assert.equal(pool.take(SMALL), -1);
});

test('give() of what is not in use throws: twice, the middle of a buffer, beyond the memory', () => {
  const pool = new BufferPool(sizes);
  const large = pool.take(LARGE);
  assert.throws(() => pool.give(large + 64), /none that is in use starts there/);
  assert.throws(() => pool.give(large + 1), /none that is in use starts there/);
  assert.throws(() => pool.give(1 << 20), /none that is in use starts there/);
  pool.give(large);
  assert.throws(() => pool.give(large), /Cannot give back the buffer at 0/);
});

test('BufferPool touches no memory before its buffers are written: 1 GiB costs under 200 MiB', () => {
  const before = process.memoryUsage().rss;
  const pool = new BufferPool({ smallBytes: 2_048, largeBytes: 262_144, memoryBytes: 2 ** 30 });
  pool.memory[pool.take(LARGE)] = 1;
  pool.memory[pool.take(SMALL)] = 1;
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 200 * 2 ** 20, `${grown} bytes`);
});

test('BufferPool refuses sizes that cannot be rings, and says which it wants', () => {
  for (const wrong of [
    { smallBytes: 100 },
    { largeBytes: 64 },
    { largeBytes: 300 },
    { memoryBytes: 2 ** 31 + 1 },
  ])
    assert.throws(() => new BufferPool({ ...sizes, ...wrong }), /wants powers of two/);
});
