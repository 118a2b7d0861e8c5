/** Half-open floods and floods of segments for no connection: real clients are served, answers are bounded, all is freed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../measurement/random.ts';
import { Flag } from '../../net/wire/tcp.ts';
import { gaugesOf, heldIn } from './nothing-held.ts';
import { RawPeer } from './raw-peer.ts';
import { Ending, ShortClient, ShortServer } from './short-connections.ts';
import { type SimulatedHost, SimulatedNetwork } from './simulated-network.ts';

const port = 80;
const backlog = 64;
const hourUs = 3_600e6;
const spoofed = 0xc613_0000; // 198.19.0.0/16

test('a half-open flood is answered with cookies, within the backlog, and real clients get through', () => {
  const { network, server, flooder, client, random } = floodedServer({ synCookies: true, connections: 400 });
  let most = 0;
  let answers = 0;
  const syns = 40_000;
  for (let sent = 0; sent < syns; sent += 20) {
    for (let index = 0; index < 20; index++) sendSyn(flooder, server, random);
    flooder.link.flush(network.nowUs);
    network.run(1_000);
    answers += flooder.received(network.nowUs).length;
    most = Math.max(most, gaugesOf(server.stack).halfOpen);
  }
  assert.equal(most, backlog);
  assert.ok(client.isDone, `${client.done} of 400 real connections came to their end during the flood`);
  assert.equal(client.failed, 0);
  assert.ok(server.stack.counters.cookiesAccepted > 0);
  // One each, and those of the backlog a few times again.
  assert.ok(answers <= syns + 6 * backlog * 10, `${answers} answers to ${syns} SYNs`);
  checkNothingHeld(network, flooder);
});

test('without cookies, a half-open flood shuts others out until it ends, and then no longer', () => {
  const { network, server, flooder, client, random } = floodedServer({ synCookies: false, connections: 0 });
  for (let sent = 0; sent < 20_000; sent += 20) {
    for (let index = 0; index < 20; index++) sendSyn(flooder, server, random);
    flooder.link.flush(network.nowUs);
    network.run(1_000);
    flooder.received(network.nowUs);
  }
  assert.equal(gaugesOf(server.stack).halfOpen, backlog);
  assert.ok(server.stack.counters.drops.backlogFull > 19_000);
  client.more(20);
  network.runUntil(() => client.isDone, 200e6);
  assert.deepEqual([client.done, client.failed], [20, 0]);
  checkNothingHeld(network, flooder);
});

test('FINs, RSTs, ACKs and anything else out of the blue get one answer at most, and hold nothing', () => {
  const { network, server, flooder, client, random } = floodedServer({ synCookies: true, connections: 200 });
  const counts = { sent: 0, resets: 0, answered: 0 };
  for (let turn = 0; turn < 1_000; turn++) {
    for (let index = 0; index < 20; index++) {
      const flags = Math.floor(random() * 64) & ~Flag.syn;
      if ((flags & Flag.rst) !== 0) counts.resets++;
      counts.sent++;
      flooder.send({ ...spoofedSegment(server, random), flags, ack: random() * 2 ** 32 });
    }
    flooder.link.flush(network.nowUs);
    network.run(500);
    for (const { flags } of flooder.received(network.nowUs)) {
      counts.answered++;
      assert.notEqual(flags & Flag.rst, 0, 'an answer that is no RST');
    }
  }
  network.runUntil(() => client.isDone, hourUs);
  assert.deepEqual([client.done, client.failed], [200, 0]);
  assert.ok(counts.answered <= counts.sent - counts.resets, `${counts.answered} answers`);
  checkNothingHeld(network, flooder);
});

/** A server, a real client on a network of 1 ms, and a port for what is forged. */
function floodedServer(options: { synCookies: boolean; connections: number }) {
  const network = new SimulatedNetwork({
    seed: 5,
    hosts: [
      {
        stack: { maxConnections: 1_024, backlog, synCookies: options.synCookies },
        faults: { delayUs: 1_000 },
      },
      { stack: { maxConnections: 1_024, timers: { timeWaitMs: 100 } }, faults: { delayUs: 1_000 } },
    ],
    barePorts: 1,
    // The inspector does not see what is forged.
    isInspected: false,
  });
  const [server, far] = network.hosts as [SimulatedHost, SimulatedHost];
  server.stack.listen(port);
  server.application = new ShortServer();
  const client = new ShortClient(
    {
      connections: options.connections,
      concurrency: 4,
      localAddresses: far.addresses,
      remoteAddress: server.address,
      remotePort: port,
      ending: Ending.clientFirst,
    },
    1_024,
  );
  far.application = client;
  const flooder = new RawPeer(network.barePorts[0]!, server.link.hardwareAddress);
  return { network, server, flooder, client, random: seededRandom(5, 'flood') };
}

function spoofedSegment(server: SimulatedHost, random: () => number) {
  return {
    source: spoofed + 1 + Math.floor(random() * 65_000),
    destination: server.address,
    sourcePort: 1 + Math.floor(random() * 65_535),
    destinationPort: port,
    seq: random() * 2 ** 32,
    ack: 0,
    flags: Flag.syn,
    window: Math.floor(random() * 65_536),
  };
}

function sendSyn(flooder: RawPeer, server: SimulatedHost, random: () => number): void {
  flooder.send(spoofedSegment(server, random));
}

function checkNothingHeld(network: SimulatedNetwork, flooder: RawPeer): void {
  network.run(hourUs);
  flooder.received(network.nowUs);
  assert.deepEqual(heldIn(network), []);
}
