/** The lab on loopback: addresses of its own for every agent, and no rights needed. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { openLab } from '../../coordinator/labs/open-lab.ts';

test('openLab("loopback") gives every agent source addresses of its own that can be used', async () => {
  const lab = await openLab('loopback', { agents: 256, sourceAddresses: 1000 });
  const all = lab.agents.flatMap(({ sourceAddresses }) => sourceAddresses);
  assert.equal(new Set(all).size, 256_000);
  assert.ok(!all.includes('127.0.0.1'));
  const server = createServer((socket) => socket.end(socket.remoteAddress ?? '')).listen(
    0,
    lab.serverAddresses[0],
  );
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const localAddress of [all[0], all[999], all.at(-1)] as string[]) {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    const [seen] = (await once(socket, 'data')) as [Buffer];
    assert.equal(seen.toString(), localAddress);
  }
  server.close();
  await lab.close();
});

test('openLab("loopback") lets agents send to the server\'s address alone', async () => {
  const lab = await openLab('loopback', { agents: 2, sourceAddresses: 1 });
  assert.deepEqual(lab.serverAddresses, ['127.0.0.1']);
  for (const { allow, namespace } of lab.agents)
    assert.deepEqual([allow, namespace], [['127.0.0.1/32'], null]);
  assert.equal(lab.serverNamespace, null);
});
