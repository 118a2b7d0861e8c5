/** Whether checksums are made and looked at is the link's to say, of both ends alike. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultyLink } from '../../net/links/faulty-link.ts';
import { LinkAround } from '../../net/links/link-around.ts';
import { memoryLinkPair } from '../../net/links/memory-link.ts';
import { Stack } from '../../net/stack.ts';
import { CONNECTED, READABLE } from '../../net/tcp/events.ts';

const [clientAddress, serverAddress] = [0xc612_0001, 0xc612_0002];
const port = 80;
const ipChecksumAt = 24;
const tcpChecksumAt = 50;

/** Notes both checksums of every frame, and may damage one. */
class SeenLink extends LinkAround {
  readonly seen: (readonly [ip: number, tcp: number])[] = [];
  damageAt = -1;

  override transmit(at: number, length: number): void {
    const view = new DataView(this.memory.buffer);
    this.seen.push([view.getUint16(at + ipChecksumAt), view.getUint16(at + tcpChecksumAt)]);
    if (this.damageAt >= 0) this.memory[at + this.damageAt] ^= 1;
    super.transmit(at, length);
  }
}

/** A connection on which 100 bytes go. @returns what the links saw, what arrived, what the server dropped. */
function conversation(checksums: boolean, damageAt = -1) {
  const [near, far] = memoryLinkPair({ checksums });
  const link = new SeenLink(near);
  let word = 1;
  const shared = { random: () => (word = (word * 1_103_515_245 + 12_345) >>> 0), maxConnections: 4 };
  const client = new Stack({ ...shared, link, addresses: Uint32Array.of(clientAddress) });
  const server = new Stack({ ...shared, link: far, addresses: Uint32Array.of(serverAddress) });
  client.setNeighbour(serverAddress, far.hardwareAddress);
  server.listen(port);
  const id = client.connect(clientAddress, 5_000, serverAddress, port);
  const received: number[] = [];
  const buffer = new Uint8Array(200);
  for (let turn = 1; turn < 20; turn++) {
    client.poll(turn * 100);
    for (let index = client.takeEvents() - 1; index >= 0; index--)
      if ((client.events.mask[index] & CONNECTED) !== 0) {
        link.damageAt = damageAt;
        client.write(id, new Uint8Array(100).fill(7), 0, 100);
      }
    client.flush();
    server.poll(turn * 100);
    for (let index = server.takeEvents() - 1; index >= 0; index--)
      if ((server.events.mask[index] & READABLE) !== 0)
        received.push(...buffer.subarray(0, server.read(server.events.id[index], buffer, 0, 200)));
    server.flush();
  }
  return { seen: link.seen, received, drops: server.counters.drops };
}

test('a Stack makes both checksums of every segment, and drops what does not fit them', () => {
  const { seen, received } = conversation(true);
  assert.ok(seen.length >= 2);
  for (const [ip, tcp] of seen) assert.ok(ip !== 0 && tcp !== 0, `${ip} ${tcp}`);
  assert.deepEqual(received, new Array(100).fill(7));
  // A byte of the payload, and one of the TTL.
  assert.ok(conversation(true, 80).drops.badTcpChecksum > 0);
  assert.ok(conversation(true, 22).drops.badIpChecksum > 0);
});

test('a Stack on a link that leaves out checksums sends 0, and looks at none', () => {
  const { seen, received, drops } = conversation(false);
  assert.ok(seen.length >= 2);
  assert.deepEqual(new Set(seen.flat()), new Set([0]));
  assert.deepEqual(received, new Array(100).fill(7));
  assert.equal(drops.badTcpChecksum + drops.badIpChecksum, 0);
  assert.equal(conversation(false, 80).received.length, 100);
});

test('faultyLink() refuses to damage frames of a link that leaves out checksums', () => {
  const [near] = memoryLinkPair({ checksums: false });
  assert.throws(
    () => faultyLink(near, { corrupt: 0.1 }, Math.random),
    /^RangeError: Cannot make a faulty link: frames are to be damaged/,
  );
  assert.equal(faultyLink(near, { loss: 0.1 }, Math.random).leavesOutChecksums, true);
});
