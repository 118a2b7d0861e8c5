import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frameBatch } from '../../net/links/link.ts';
import { MemorySwitch } from '../net-simulation/memory-switch.ts';
import { receiveAll, send } from './frames-of-a-test.ts';

const broadcast = Buffer.alloc(6, 0xff);

/** 60 bytes to an address, with a mark behind the header. */
function frameTo(address: Uint8Array, mark = 0): Buffer {
  const bytes = Buffer.alloc(60);
  bytes.set(address);
  bytes.writeUInt32BE(mark, 14);
  return bytes;
}

test('a switch hands a frame to the port it names, the same bytes at the same place, after the flush', () => {
  const { ports } = new MemorySwitch({ ports: 3, frames: 8 });
  const [first, second, third] = [ports[0]!, ports[1]!, ports[2]!];
  const at = first.allocate();
  first.memory.set(frameTo(third.hardwareAddress, 99), at);
  first.transmit(at, 60);
  const batch = frameBatch(4);
  assert.equal(third.receive(batch, 0), 0, 'not before the flush');
  first.flush(0);
  assert.deepEqual([first.receive(batch, 0), second.receive(batch, 0)], [0, 0]);
  assert.equal(third.receive(batch, 0), 1);
  assert.deepEqual([batch.at[0], batch.length[0]], [at, 60]);
});

test('a switch copies a broadcast to all but the port it came from', () => {
  const network = new MemorySwitch({ ports: 300, frames: 512 });
  const sender = network.ports[299]!;
  const frame = frameTo(broadcast, 7);
  send(sender, frame, 0);
  network.ports.forEach((port) => {
    assert.deepEqual(receiveAll(port, 0), port === sender ? [] : [frame]);
  });
  assert.equal(network.freeFrames, 512);
});

test('a switch drops what is for nobody', () => {
  const network = new MemorySwitch({ ports: 2, frames: 4 });
  for (const address of ['020000000003', '020000000000', '060000000001', '0200000000ff'])
    send(network.ports[0]!, frameTo(Buffer.from(address, 'hex')), 0);
  assert.deepEqual(
    network.ports.flatMap((port) => receiveAll(port, 0)),
    [],
  );
  assert.equal(network.freeFrames, 4);
});

test('a switch keeps the order of each port and never loses a frame of the pool, whatever the ports do', () => {
  const count = 3;
  const frames = 12;
  const step = fc.record({
    port: fc.integer({ min: 0, max: count - 1 }),
    does: fc.constantFrom('send', 'receive'),
    to: fc.integer({ min: 0, max: count }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const network = new MemorySwitch({ ports: count, frames });
      const model: number[][] = Array.from({ length: count }, () => []);
      let free = frames;
      steps.forEach(({ port, does, to }, mark) => {
        const link = network.ports[port]!;
        if (does === 'receive') {
          const marks = receiveAll(link, 0).map((bytes) => bytes.readUInt32BE(14));
          assert.deepEqual(marks, model[port]!);
          free += model[port]!.splice(0).length;
        } else if (free === 0) assert.equal(link.allocate(), -1);
        else if (to < count) {
          send(link, frameTo(network.ports[to]!.hardwareAddress, mark), 0);
          model[to]!.push(mark);
          free--;
        } else {
          send(link, frameTo(broadcast, mark), 0);
          // One frame is the original's as long as the copies are made.
          const others = model.filter((_, other) => other !== port).slice(0, free - 1);
          for (const queue of others) queue.push(mark);
          free -= others.length;
        }
        assert.equal(network.freeFrames, free);
      });
    }),
  );
});
