/** Two hundred thousand short connections (STAMPEDE_LONG=1: a million) leave nothing behind. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { heldIn } from './nothing-held.ts';
import { isLongRun } from './seeds.ts';
import { ShortClient, ShortServer } from './short-connections.ts';
import { SimulatedNetwork } from './simulated-network.ts';

const port = 80;
const hourUs = 3_600e6;
const maxConnections = 16_384;

test('a flood of short connections leaks no connection, buffer, timer, frame or byte of memory', () => {
  const connections = isLongRun() ? 1_000_000 : 200_000;
  const stack = { maxConnections, timers: { timeWaitMs: 20 } };
  const faults = { delayUs: 50 };
  const network = new SimulatedNetwork({
    seed: 1,
    hosts: [
      { stack, faults },
      { stack, faults, addresses: 8 },
    ],
    isInspected: false,
  });
  const [near, far] = network.hosts as [(typeof network.hosts)[0], (typeof network.hosts)[0]];
  const server = new ShortServer();
  const client = new ShortClient(
    {
      connections,
      concurrency: 200,
      localAddresses: far.addresses,
      remoteAddress: near.address,
      remotePort: port,
    },
    maxConnections,
  );
  near.stack.listen(port);
  near.application = server;
  far.application = client;

  network.runUntil(() => client.started >= connections / 4, hourUs);
  const before = bytesInUse();
  network.runUntil(() => client.isDone, hourUs);
  const after = bytesInUse();
  assert.equal(client.failed, 0);
  assert.equal(server.answered, connections);
  assert.equal(near.stack.counters.accepted, connections);
  assert.equal(far.stack.counters.connected, connections);
  // Six bytes a connection would be too many; the collector's own accounts move by some.
  const grown = after - before;
  assert.ok(grown < 1 << 20, `${connections * 0.75} connections kept ${grown} bytes`);
  network.run(hourUs);
  assert.deepEqual(heldIn(network), []);
});

/** Of JavaScript objects and array buffers, after a full collection. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
