/** Two sides that open at once, close at once, or use the same ports again at once, over a bad network. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../measurement/random.ts';
import type { Faults } from '../../net/links/faulty-link.ts';
import { State } from '../../net/tcp/states.ts';
import type { EndPlan } from './conversation.ts';
import { Draw } from './draw.ts';
import { gaugesOf, heldIn } from './nothing-held.ts';
import { forEachSeed } from './seeds.ts';
import { type SimulatedHost, SimulatedNetwork } from './simulated-network.ts';
import { Talkers } from './talkers.ts';

const port = 7_000;
const hourUs = 3_600e6;
const patient = { synRetries: 40, synAckRetries: 40, dataGiveUpMs: 1e8, closedGiveUpMs: 1e8 } as const;

test('both sides open at once, with the same ports: one connection, and both streams arrive', () => {
  let closings = 0;
  const isFull = forEachSeed(150, (seed) => {
    const draw = new Draw(seededRandom(seed, 'opening at once'));
    const { network, hosts, talkers } = twoHosts(seed, draw, 0.2);
    const mostBytes = draw.oneOf([0, 0, 5_000]);
    for (const [index, near] of hosts.entries()) {
      const far = hosts[1 - index]!;
      talkers[index]!.open({
        // Before anything can have come from the other side.
        atUs: draw.upTo(1_000),
        localAddress: near.address,
        localPort: port,
        remoteAddress: far.address,
        remotePort: port,
        plan: { ...plainPlan(index), sendBytes: draw.upTo(mostBytes + 1) },
      });
    }
    const closing = new Set<SimulatedHost>();
    network.runUntil(() => {
      for (const host of hosts) if (gaugesOf(host.stack).states[State.closing]! > 0) closing.add(host);
      return talkers.every(({ left }) => left === 0);
    }, hourUs);
    if (closing.size === 2) closings++;
    for (const [index, { ends }] of talkers.entries()) {
      assert.deepEqual(
        ends.map(({ failure }) => failure),
        [0],
      );
      assert.equal(ends[0]!.receivedBytes, talkers[1 - index]!.ends[0]!.plan.sendBytes);
      assert.equal(hosts[index]!.stack.counters.connected, 1);
      assert.equal(hosts[index]!.stack.counters.accepted, 0);
    }
    network.run(hourUs);
    assert.deepEqual(heldIn(network), []);
  });
  assert.ok(closings > 0 || !isFull, 'both sides were never in CLOSING');
});

test('the same addresses and ports serve one connection after the other, and no byte strays into the next', () => {
  forEachSeed(100, (seed) => {
    const draw = new Draw(seededRandom(seed, 'the same ports'));
    const { network, hosts, talkers } = twoHosts(seed, draw, 0.1);
    const [server, client] = hosts;
    server.stack.listen(port);
    for (let round = 0; round < 12; round++) {
      const startUs = network.nowUs;
      // 0: the client says its end first, and has the TIME-WAIT; 1: the server.
      const first = draw.upTo(2);
      const plans = [0, 1].map((side) => ({
        ...plainPlan(2 * round + side),
        sendBytes: draw.upTo(draw.oneOf([1, 100, 20_000])),
        halfCloses: side === first || draw.chance(0.2),
      })) as [EndPlan, EndPlan];
      talkers[0].expect(client.address, port + 1, plans[1]);
      talkers[1].open({
        atUs: network.nowUs,
        localAddress: client.address,
        localPort: port + 1,
        remoteAddress: server.address,
        remotePort: port,
        plan: plans[0],
      });
      network.runUntil(() => talkers.every(({ left }) => left === 0), hourUs);
      assert.ok(network.nowUs - startUs < hourUs);
      const [far, near] = [talkers[0].ends.at(-1)!, talkers[1].ends.at(-1)!];
      assert.deepEqual([near.failure, far.failure], [0, 0], `round ${round}`);
      assert.equal(near.receivedBytes, plans[1].sendBytes, `round ${round}`);
      assert.equal(far.receivedBytes, plans[0].sendBytes, `round ${round}`);
    }
    network.run(hourUs);
    assert.deepEqual(heldIn(network), []);
  });
});

type Two<Type> = readonly [Type, Type];

function twoHosts(
  seed: number,
  draw: Draw,
  mostLoss: number,
): { network: SimulatedNetwork; hosts: Two<SimulatedHost>; talkers: Two<Talkers> } {
  const faults = (): Faults => ({
    loss: draw.chance(0.5) ? draw.fraction() * mostLoss : 0,
    duplicate: draw.chance(0.3) ? 0.2 : 0,
    delayUs: 2_000,
    jitterUs: draw.oneOf([0, 500, 50_000]),
  });
  const options = () => ({ stack: { timers: patient, timestamps: draw.chance(0.7) }, faults: faults() });
  const network = new SimulatedNetwork({ seed, hosts: [options(), options()] });
  const hosts = network.hosts as unknown as Two<SimulatedHost>;
  const talkers = hosts.map((host, index) => {
    const application = new Talkers(seededRandom(seed, `talkers of host ${index}`));
    host.application = application;
    return application;
  }) as unknown as Two<Talkers>;
  return { network, hosts, talkers };
}

function plainPlan(sends: number): EndPlan {
  return {
    sends,
    receives: sends ^ 1,
    sendBytes: 0,
    mostWriteBytes: 10_000,
    mostReadBytes: 10_000,
    mostPauseUs: 0,
    halfCloses: true,
    hasNagle: false,
    abortsAtUs: Number.POSITIVE_INFINITY,
  };
}
