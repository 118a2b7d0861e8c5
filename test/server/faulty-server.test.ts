/** The server that misbehaves does so as it says, or the tests that use it prove nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FaultKind, startFaultyServer } from '../faulty-server.ts';
import { Client, echoRequest, parsedResponse, pattern } from './under-test.ts';

const expectations: Readonly<Record<FaultKind, { echoBytes: number; how: string }>> = {
  'wrong-bytes': { echoBytes: 100, how: 'open' },
  'half-answer': { echoBytes: 50, how: 'end' },
  nothing: { echoBytes: 0, how: 'open' },
  closes: { echoBytes: 0, how: 'end' },
  resets: { echoBytes: 0, how: 'ECONNRESET' },
};

for (const [kind, { echoBytes, how }] of Object.entries(expectations)) {
  test(`startFaultyServer("${kind}") answers ${echoBytes} of 100 bytes, then: ${how}`, async (context) => {
    const server = await startFaultyServer(kind as FaultKind, { responseBytes: 100 });
    context.after(() => server.close());
    const client = await Client.to(server.port);
    context.after(() => client.close());
    const request = echoRequest(100, 1);
    client.send(request);
    if (how === 'open') await client.until(echoBytes);
    else await client.untilEnd();
    assert.equal(client.how, how);
    assert.equal(client.received.length, echoBytes);
    const right = kind === 'wrong-bytes' ? 99 : echoBytes;
    assert.ok(client.received.subarray(0, right).equals(request.subarray(0, right)));
    if (kind === 'wrong-bytes') assert.notEqual(client.received[99], request[99]);
    assert.equal(server.connections(), 1);
  });
}

test('startFaultyServer() promises in its head what its body does not keep', async (context) => {
  const server = await startFaultyServer('wrong-bytes', { application: 'http', responseBytes: 5 });
  context.after(() => server.close());
  const client = await Client.to(server.port);
  context.after(() => client.close());
  client.send('GET /5 HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'.length + 5);
  const { head, body } = parsedResponse(client.received);
  assert.match(head, /Content-Length: 5$/);
  assert.equal(body.toString(), '01235');
  assert.notDeepEqual(body, pattern(5));
});
