/** The calls of the conformance port, over each link, against sockets of the kernel: what BSD sockets do, it does. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errno } from './errno.ts';
import { KernelClient } from './kernel-client.ts';
import { type Control, inLabOf, linkKinds, portLab, startPort } from './port-process.ts';
import { streamByte } from './stream.ts';

const { EAGAIN, EBADF, ECONNRESET, EINVAL, ENOTCONN, EPIPE } = errno;

for (const kind of linkKinds)
  test(`the calls of the port over ${kind}`, { ...inLabOf(kind), timeout: 120_000 }, async (t) => {
    const control = await (await startPort(t, portLab(t, kind))).control();
    for (const [title, run] of Object.entries(suite))
      await t.test(title, async (inner) => {
        await run(inner, control);
        assert.equal(await control.say('reset'), 0);
      });
  });

/** A connection, both ends. */
async function accepted(t: TestContext, control: Control) {
  const client = await KernelClient.connected(t);
  const fd = await control.until(`accept ${client.port}`);
  assert.ok(fd >= 3, `${fd}`);
  return { client, fd };
}

const streamBytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, n) => streamByte(n)));

const suite: Readonly<Record<string, (t: TestContext, control: Control) => Promise<void>>> = {
  'accept finds a connection by its port, in the order in which they came': async (t, control) => {
    assert.equal(await control.say('accept 1'), -EAGAIN);
    const clients: KernelClient[] = [];
    for (let index = 0; index < 5; index++) clients.push(await KernelClient.connected(t));
    const ports = clients.map(({ port }) => port);
    assert.equal(await control.until(`accept ${ports[3]}`), 3);
    assert.equal(await control.say(`accept ${ports[3]}`), -EAGAIN);
    assert.equal(await control.until(`accept ${ports[0]}`), 4);
    assert.equal(await control.say('close 3'), 0);
    // The lowest number that is free; then, of those that wait, the first.
    assert.deepEqual([await control.until('accept 0'), await control.until('accept 0')], [3, 5]);
    clients[1]?.socket.write('x');
    assert.equal(await control.until('recv 3 10 0'), 1);
    assert.equal(await control.until('accept 0'), 6);
    assert.equal(await control.say('accept 0'), -EAGAIN);
  },

  'recv takes what is there, looks at it, and says the end': async (t, control) => {
    const { client, fd } = await accepted(t, control);
    assert.equal(await control.say(`recv ${fd} 10 0`), -EAGAIN);
    client.socket.write('hello world');
    await control.becomes(`recv ${fd} 100 1`, 11);
    assert.equal(await control.say(`recv ${fd} 4 1`), 4);
    assert.equal(await control.say(`recv ${fd} 4 true`), 4);
    assert.equal(await control.say(`recv ${fd} 5 0`), 5);
    assert.equal(await control.say(`recv ${fd} 0 0`), 0);
    assert.equal(await control.say(`recv ${fd} 100 false`), 6);
    assert.equal(await control.say(`recv ${fd} 100 0`), -EAGAIN);
    client.socket.end('bye');
    await control.becomes(`recv ${fd} 100 1`, 3);
    assert.equal(await control.say(`recv ${fd} 100 0`), 3);
    await control.becomes(`recv ${fd} 100 0`, 0);
    assert.equal(await control.say(`recv ${fd} 100 1`), 0);
  },

  'recv takes a megabyte that was sent, to its last byte': async (t, control) => {
    const { client, fd } = await accepted(t, control);
    client.socket.write(Buffer.alloc(1_000_000, 7));
    let taken = 0;
    while (taken < 1_000_000) taken += await control.until(`recv ${fd} 50000 0`);
    assert.equal(taken, 1_000_000);
    assert.equal(await control.say(`recv ${fd} 1 0`), -EAGAIN);
  },

  'write sends a stream of known bytes, and says when there is no more room': async (t, control) => {
    const { client, fd } = await accepted(t, control);
    assert.equal(await control.say(`write ${fd} 0`), 0);
    assert.equal(await control.say(`write ${fd} 1000`), 1000);
    assert.equal(await control.say(`write ${fd} 500`), 500);
    assert.deepEqual(await client.until(1500), streamBytes(1500));
    client.socket.pause();
    let written = 1500;
    for (let full = false; !full; ) {
      const count = await control.say(`write ${fd} 1000000`);
      if (count > 0) written += count;
      // Full at this end, while the other's buffer may still fill.
      else full = count === -EAGAIN && (await control.say(`recv ${fd} 1 0`)) === -EAGAIN;
    }
    client.socket.resume();
    assert.deepEqual(await client.until(written), streamBytes(written));
    written += await control.until(`write ${fd} 10`);
    assert.deepEqual(await client.until(written), streamBytes(written));
  },

  'a reset by the peer is said once; then recv is at the end, and write has no pipe': async (t, control) => {
    const { client, fd } = await accepted(t, control);
    client.socket.resetAndDestroy();
    await control.becomes(`recv ${fd} 10 1`, -ECONNRESET);
    assert.equal(await control.say(`recv ${fd} 10 0`), 0);
    assert.equal(await control.say(`write ${fd} 10`), -EPIPE);
    assert.equal(await control.say(`shutdown ${fd} 1`), -ENOTCONN);
    assert.deepEqual([await control.say(`close ${fd}`), await control.say(`close ${fd}`)], [0, -EBADF]);
  },

  'a reset by the peer is what write says first, too': async (t, control) => {
    const { client, fd } = await accepted(t, control);
    client.socket.resetAndDestroy();
    await control.becomes(`shutdown ${fd} 0`, -ENOTCONN);
    assert.equal(await control.say(`write ${fd} 10`), -ECONNRESET);
    assert.equal(await control.say(`write ${fd} 10`), -EPIPE);
    assert.equal(await control.say(`recv ${fd} 10 0`), 0);
  },

  'a connection that was reset, or has ended, before accept is still accepted': async (t, control) => {
    const [first, second] = [await KernelClient.connected(t), await KernelClient.connected(t)];
    const ports = [first.port, second.port];
    first.socket.end('last words');
    second.socket.resetAndDestroy();
    // Something later has come: so did these.
    await accepted(t, control);
    const ended = await control.until(`accept ${ports[0]}`);
    await control.becomes(`recv ${ended} 100 0`, 10);
    await control.becomes(`recv ${ended} 100 0`, 0);
    const fd = await control.say(`accept ${ports[1]}`);
    // Gone before the port ever saw it, or seen.
    if (fd !== -EAGAIN) await control.becomes(`recv ${fd} 100 0`, -ECONNRESET);
  },

  'shutdown of writing ends one half: the other goes on': async (t, control) => {
    const { client, fd } = await accepted(t, control);
    assert.equal(await control.say(`write ${fd} 100`), 100);
    assert.equal(await control.say(`shutdown ${fd} 1`), 0);
    assert.equal(await client.untilEnd(), 'end');
    assert.deepEqual(client.received, streamBytes(100));
    assert.equal(await control.say(`write ${fd} 1`), -EPIPE);
    assert.equal(await control.say(`shutdown ${fd} 1`), 0);
    client.socket.write('still here');
    await control.becomes(`recv ${fd} 100 1`, 10);
    assert.equal(await control.say(`recv ${fd} 100 0`), 10);
    client.socket.end();
    await control.becomes(`recv ${fd} 100 0`, 0);
    await control.becomes(`shutdown ${fd} 1`, -ENOTCONN);
    assert.equal(await control.say(`close ${fd}`), 0);
  },

  'write goes on after the peer has ended its half': async (t, control) => {
    const { client, fd } = await accepted(t, control);
    client.socket.end('a question');
    await control.becomes(`recv ${fd} 100 0`, 10);
    await control.becomes(`recv ${fd} 100 0`, 0);
    assert.equal(await control.say(`write ${fd} 5000`), 5000);
    assert.equal(await control.say(`close ${fd}`), 0);
    assert.equal(await client.untilEnd(), 'end');
    assert.deepEqual(client.received, streamBytes(5000));
  },

  'shutdown of reading: recv is at the end once all is read': async (t, control) => {
    const { client, fd } = await accepted(t, control);
    client.socket.write('four');
    await control.becomes(`recv ${fd} 100 1`, 4);
    assert.equal(await control.say(`shutdown ${fd} 0`), 0);
    assert.equal(await control.say(`recv ${fd} 100 0`), 4);
    assert.equal(await control.say(`recv ${fd} 100 0`), 0);
    assert.equal(await control.say(`write ${fd} 10`), 10);
    assert.deepEqual(await client.until(10), streamBytes(10));
  },

  'shutdown of both: what comes then is answered with a reset': async (t, control) => {
    const { client, fd } = await accepted(t, control);
    assert.equal(await control.say(`shutdown ${fd} 2`), 0);
    assert.equal(await client.untilEnd(), 'end');
    await client.untilBroken();
    assert.equal(await control.say(`recv ${fd} 10 0`), -ECONNRESET);
    assert.equal(await control.say(`close ${fd}`), 0);
  },

  'close with bytes that nobody read is a reset; without, a FIN': async (t, control) => {
    const first = await accepted(t, control);
    first.client.socket.write('unread');
    await control.becomes(`recv ${first.fd} 100 1`, 6);
    assert.equal(await control.say(`close ${first.fd}`), 0);
    assert.equal(await first.client.untilEnd(), 'ECONNRESET');
    const second = await accepted(t, control);
    assert.equal(await control.say(`write ${second.fd} 70000`), 70_000);
    assert.equal(await control.say(`close ${second.fd}`), 0);
    assert.equal(await second.client.untilEnd(), 'end');
    assert.deepEqual(second.client.received, streamBytes(70_000));
    await second.client.untilBroken();
  },

  'what is no descriptor is −EBADF, what is no command −EINVAL': async (t, control) => {
    const { fd } = await accepted(t, control);
    for (const line of ['recv 99 1 0', 'write 99 1', 'shutdown 99 1', 'close 99', 'close 0', 'close -1'])
      assert.equal(await control.say(line), -EBADF, line);
    for (const line of [
      '',
      'listen',
      'recv',
      `recv ${fd} 1`,
      `recv ${fd} x 0`,
      `recv ${fd} -1 0`,
      'close 1.5',
    ])
      assert.equal(await control.say(line), -EINVAL, line);
    assert.equal(await control.say(`shutdown ${fd} 3`), -EINVAL);
    assert.equal(await control.say('toString'), -EINVAL);
    assert.equal(await control.say(`recv ${fd} 1 0`), -EAGAIN);
  },

  'reset ends all there is, in whatever state, and the same client port connects at once': async (
    t,
    control,
  ) => {
    const clientPort = 50_123;
    for (let turn = 0; turn < 3; turn++) {
      const client = await KernelClient.connected(t, clientPort);
      const fd = await control.until(`accept ${clientPort}`);
      const waiting = await KernelClient.connected(t);
      const closing = await accepted(t, control);
      assert.equal(await control.say(`close ${closing.fd}`), 0);
      assert.equal(await closing.client.untilEnd(), 'end');
      assert.equal(await control.say('reset'), 0);
      for (const each of [client, waiting]) assert.equal(await each.untilEnd(), 'ECONNRESET');
      await closing.client.untilBroken();
      assert.equal(await control.say(`recv ${fd} 1 0`), -EBADF);
      assert.equal(await control.say('accept 0'), -EAGAIN);
    }
  },
};
