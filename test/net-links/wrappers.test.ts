import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../measurement/random.ts';
import { captureLink } from '../../net/links/capture-link.ts';
import { faultyLink } from '../../net/links/faulty-link.ts';
import type { KernelLink, Link } from '../../net/links/link.ts';
import { kernelLinkAround } from '../../net/links/link-around.ts';
import { memoryLinkPair } from '../../net/links/memory-link.ts';
import { PcapWriter } from '../../net/links/pcap.ts';
import { traceLink } from '../../net/links/trace-link.ts';
import { arpRequest, receiveAll, send } from './frames-of-a-test.ts';
import { parsePcap } from './pcap-file.ts';

test('a trace says every frame with its time in milliseconds and its way', () => {
  const lines: string[] = [];
  const [near, far] = memoryLinkPair();
  const link = traceLink(near, (line) => lines.push(line));
  send(link, arpRequest, 1_500);
  assert.equal(receiveAll(far, 1_500).length, 1);
  send(far, arpRequest, 1_750);
  assert.equal(receiveAll(link, 1_750).length, 1);
  assert.deepEqual(lines, [
    '1.500 > ARP who has 198.18.0.1? tell 198.18.0.2',
    '1.750 < ARP who has 198.18.0.1? tell 198.18.0.2',
  ]);
});

test('wrappers compose: outside the faults is what was sent, inside is what is on the wire', () => {
  const lines: string[] = [];
  const pieces: Uint8Array[] = [];
  const [near, far] = memoryLinkPair({ frames: 8 });
  const wire = captureLink(near, new PcapWriter((bytes) => pieces.push(bytes)));
  const faulty = faultyLink(wire, { duplicate: 1, corrupt: 1, delayUs: 500 }, seededRandom(3));
  const link = traceLink(faulty, (line) => lines.push(line));
  send(link, arpRequest, 1_000);
  assert.deepEqual([receiveAll(far, 1_499).length, link.dueAtUs()], [0, 1_500]);
  link.flush(1_500);
  const arrived = receiveAll(far, 1_500);
  assert.equal(arrived.length, 2);
  assert.deepEqual(lines, ['1.000 > ARP who has 198.18.0.1? tell 198.18.0.2']);
  const { records } = parsePcap(Buffer.concat(pieces));
  assert.deepEqual(
    records.map(({ bytes, timeNs }) => [bytes, timeNs]),
    arrived.map((bytes) => [bytes, 1_500_000n]),
  );
  assert.deepEqual(
    arrived.map((bytes) => bytes.equals(arpRequest)),
    [true, false],
  );
  assert.equal(near.freeFrames, 8);
});

test('wrappers compose in every order: nothing is lost and no frame stays away', () => {
  const wrap: Record<string, (inner: Link) => Link> = {
    faulty: (inner) => faultyLink(inner, { delayUs: 100, jitterUs: 50 }, seededRandom(1)),
    capture: (inner) => captureLink(inner, new PcapWriter(() => undefined)),
    trace: (inner) => traceLink(inner, () => undefined),
  };
  const orders = fc.array(fc.constantFrom(...Object.keys(wrap)), { maxLength: 5 });
  fc.assert(
    fc.property(orders, fc.integer({ min: 1, max: 20 }), (names, count) => {
      const [near, far] = memoryLinkPair({ frames: 32 });
      const link = names.reduce((inner: Link, name) => wrap[name]!(inner), near);
      for (let index = 0; index < count; index++) send(link, Buffer.alloc(60, index), 0);
      let arrived = receiveAll(far, 0);
      while (link.dueAtUs() < Number.POSITIVE_INFINITY) {
        const nowUs = link.dueAtUs();
        link.flush(nowUs);
        arrived = arrived.concat(receiveAll(far, nowUs));
      }
      assert.deepEqual(
        arrived.map((bytes) => bytes[0]!).sort((one, other) => one - other),
        Array.from({ length: count }, (_, index) => index),
      );
      assert.equal(near.freeFrames, 32);
    }),
    { numRuns: 50 },
  );
});

/** A link in memory with the two things a kernel's has more; its waits are written down. */
function kernelLink() {
  const [near, far] = memoryLinkPair({ frames: 8 });
  const waits: number[] = [];
  const wait = (mostUs: number): void => void waits.push(mostUs);
  const kernel: KernelLink = Object.assign(near, { name: 'af_xdp:test0', wait });
  return { kernel, far, waits, near };
}

test("a wrapped kernel's link is one: its name, its sleep, and its frames pass the wrapper", () => {
  const { kernel, far, waits } = kernelLink();
  const lines: string[] = [];
  const link = kernelLinkAround(kernel, (inner) => traceLink(inner, (line) => lines.push(line)));
  assert.equal(link.name, 'af_xdp:test0');
  link.wait(7);
  assert.deepEqual(waits, [7]);
  send(link, arpRequest, 0);
  assert.equal(receiveAll(far, 0).length, 1);
  assert.equal(lines.length, 1);
});

test("a wrapped kernel's link sleeps no longer than until a held frame is due", () => {
  const { kernel, far, waits } = kernelLink();
  const link = kernelLinkAround(kernel, (inner) => faultyLink(inner, { delayUs: 3_000 }, seededRandom(1)));
  send(link, arpRequest, 10_000);
  link.wait(20_000);
  assert.equal(receiveAll(link, 11_500).length, 0);
  link.wait(20_000);
  link.wait(1_000);
  receiveAll(link, 12_999);
  link.wait(0);
  assert.deepEqual(waits, [3_000, 1_500, 1_000, 0]);
  // Late: it does not block, and receiving sends the frame on its way.
  link.flush(12_999);
  assert.equal(receiveAll(far, 12_999).length, 0);
  receiveAll(link, 13_000);
  assert.equal(receiveAll(far, 13_000).length, 1);
  link.wait(20);
  assert.deepEqual(waits.slice(4), [20]);
});

test("a wrapped kernel's link does not block when a frame is overdue", () => {
  const { kernel, waits } = kernelLink();
  const overdue = Object.assign(memoryLinkPair()[0], { dueAtUs: () => 5 });
  const link = kernelLinkAround(kernel, () => overdue);
  link.flush(1_000);
  link.wait(20);
  assert.deepEqual(waits, [0]);
});

test('what a link is, its wrapper is: memory, sizes, address, counters; close reaches the innermost', () => {
  const [near] = memoryLinkPair();
  let closed = 0;
  const inner: Link = Object.assign(near, { close: () => void closed++ });
  const wrapped = captureLink(
    traceLink(faultyLink(inner, {}, seededRandom(1)), () => undefined),
    new PcapWriter(() => undefined),
  );
  assert.equal(wrapped.memory, near.memory);
  assert.equal(wrapped.counters, near.counters);
  assert.equal(wrapped.hardwareAddress, near.hardwareAddress);
  assert.deepEqual([wrapped.mtu, wrapped.frameRoom], [1_500, 2_048]);
  wrapped.close();
  assert.equal(closed, 1);
});
