/** What the kernel links are made of, without a kernel: frames, neighbours, checksums. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FramePool, spreadStrideFor, strideFor } from '../../linux/frame-pool.ts';
import { reserve } from '../../linux/memory.ts';
import { NeighbourTable } from '../../linux/neighbour-table.ts';
import { finishChecksum } from '../../linux/unfinished-checksum.ts';
import { checksumsHold, segmentFrame } from './frames.ts';

test('FramePool gives each frame once, and takes it back by any offset within it', () => {
  const mapping = reserve(8 * 2048);
  const pool = new FramePool(mapping, { stride: 2048, headRoom: 256 });
  assert.equal(pool.frameRoom, 1792);
  const taken = Array.from({ length: 8 }, () => pool.take());
  assert.deepEqual(
    [...taken].sort((one, other) => one - other),
    Array.from({ length: 8 }, (_, index) => index * 2048 + 256),
  );
  assert.equal(pool.take(), -1);
  pool.release((taken[3] as number) - 256);
  pool.release((taken[5] as number) + 1791);
  assert.equal(pool.free, 2);
  assert.equal(pool.take(), taken[5]);
  assert.equal(pool.take(), taken[3]);
  for (const at of taken) pool.release(at);
  assert.throws(() => pool.release(0), /A frame at 0 was released when none was in use/);
  mapping.unmap();
});

test('strideFor() holds the header and the packet', () => {
  assert.equal(strideFor(1500, 256, 4096), 2048);
  assert.equal(strideFor(1778, 256, 4096), 2048);
  assert.equal(strideFor(1779, 256, 4096), 4096);
  assert.equal(strideFor(3826, 256, 4096), 4096);
  assert.equal(strideFor(3827, 256, 4096), 0);
  assert.equal(strideFor(65_535, 0, 131_072), 131_072);
});

/** A frame from one hardware address to another, of which the last two bytes count. */
function frame(from: number, to: number): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, to >> 8, to & 0xff, 2, 0, 0, 0, from >> 8, from & 0xff, 8, 0);
}

test('NeighbourTable knows behind which device each of a thousand neighbours is', () => {
  const table = new NeighbourTable();
  assert.equal(table.deviceFor(frame(0, 5), 0), -1);
  for (let index = 0; index < 1000; index++) table.learn(frame(index, 0), 0, index % 7);
  for (let index = 0; index < 1000; index++) assert.equal(table.deviceFor(frame(0, index), 0), index % 7);
  table.learn(frame(3, 0), 0, 6);
  assert.equal(table.deviceFor(frame(0, 3), 0), 6);
});

test('NeighbourTable goes on when it is full', () => {
  const table = new NeighbourTable();
  for (let index = 0; index < 65_536; index++) {
    table.learn(frame(index, 0), 0, index & 3);
    assert.equal(table.deviceFor(frame(0, index), 0), index & 3);
  }
});

const segment = segmentFrame({
  toHardware: Uint8Array.of(2, 0, 0, 0, 0, 1),
  fromHardware: Uint8Array.of(2, 0, 0, 0, 0, 2),
  from: 0xc612_0001,
  to: 0xc612_0002,
  fromPort: 1024,
  toPort: 80,
  number: 1,
});

test('finishChecksum() makes a segment of any length whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1460 }), fc.nat(0xffff), (payload, left) => {
      const bytes = new Uint8Array(3 + 54 + payload.byteLength);
      const view = new DataView(bytes.buffer);
      bytes.set(segment.subarray(0, 54), 3);
      bytes.set(payload, 57);
      view.setUint16(3 + 16, 40 + payload.byteLength);
      view.setUint16(3 + 24, 0);
      let sum = 0;
      for (let at = 17; at < 37; at += 2) sum += view.getUint16(at);
      view.setUint16(3 + 24, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
      view.setUint16(3 + 50, left);
      finishChecksum(view, 3, 54 + payload.byteLength);
      assert.ok(checksumsHold(bytes, 3));
    }),
  );
});

test('finishChecksum() leaves alone what is no whole segment', () => {
  const changes: readonly [at: number, value: number][] = [
    [12, 0x86],
    [14, 0x65],
    [23, 17],
    [17, 255],
    [14, 0x4f],
  ];
  for (const [at, value] of changes) {
    const bytes = segment.slice();
    bytes[at] = value;
    const before = bytes.slice();
    finishChecksum(new DataView(bytes.buffer), 0, bytes.byteLength);
    assert.deepEqual(bytes, before);
  }
});

test('spreadStrideFor() is an odd number of cache lines that hold the header and the packet', () => {
  assert.equal(spreadStrideFor(1500, 256, 4096), 33 * 64);
  assert.equal(spreadStrideFor(1842, 256, 4096), 33 * 64);
  assert.equal(spreadStrideFor(1843, 256, 4096), 35 * 64);
  assert.equal(spreadStrideFor(3762, 256, 4096), 63 * 64);
  assert.equal(spreadStrideFor(3763, 256, 4096), 0);
});

test('FramePool takes a frame back by any offset within it, whatever the stride', () => {
  const mapping = { buffer: new ArrayBuffer(3 * 2112), address: 0n, unmap: () => {} };
  const pool = new FramePool(mapping, { stride: 2112, headRoom: 256 });
  const taken = [pool.take(), pool.take(), pool.take()];
  assert.deepEqual(taken, [256, 2112 + 256, 2 * 2112 + 256]);
  assert.equal(pool.take(), -1);
  pool.release(2112 + 2111);
  assert.equal(pool.take(), 2112 + 256);
  pool.release(2 * 2112);
  assert.equal(pool.take(), 2 * 2112 + 256);
});
