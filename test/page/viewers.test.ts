/** Those who watch, over real sockets: nothing is lost, nobody is told too often, and who cannot keep up goes. */

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { viewerLimits } from '../../coordinator/page/viewers.ts';
import { maxLiveRequestBytes } from '../../protocol/live-page.ts';
import { LiveClient } from './live-client.ts';
import { servedPage, ToldRun } from './told-run.ts';

test('a viewer that is cut off again and again holds every point in the end', async (t) => {
  const run = new ToldRun();
  const { port } = await servedPage(t, run.model, { limits: { ...viewerLimits, beatMs: 20 } });
  const steady = await new LiveClient(port).asked();
  let cut = await new LiveClient(port).asked();
  const [{ record }] = run.trials;
  run.begin(record.trial);
  for (let second = 0; second < 300; second++) {
    run.report(record.trial, second, 1_000 + second);
    if (second % 30 === 29) {
      cut.socket.terminate();
      await cut.closed;
      cut = await new LiveClient(port, {}, cut).asked();
    }
    await sleep(2);
  }
  const all = (client: LiveClient) => client.samples.length === 300;
  await Promise.all([steady.until(all), cut.until(all)]);
  await cut.until(({ sequence }) => sequence === run.model.log.sequence);
  await steady.until(({ sequence }) => sequence === run.model.log.sequence);
  assert.deepEqual(
    cut.samples.map(({ completed }) => completed),
    Array.from({ length: 300 }, (_, second) => 1_000 + second),
  );
  assert.deepEqual(new Map([...cut.documents].sort()), new Map([...steady.documents].sort()));
  const anew = cut.messages.filter(({ message }) => message.kind === 'changes' && message.anew);
  assert.equal(anew.length, 0, 'who comes back is told what is new, not everything');
});

test('a viewer of another server is told everything anew', async (t) => {
  const run = new ToldRun();
  const { port } = await servedPage(t, run.model);
  for (const position of [
    { server: '0123456789abcdef', sequence: 1 },
    { server: null, sequence: 7 },
  ]) {
    const client = new LiveClient(port);
    client.server = position.server;
    client.sequence = position.sequence;
    client.documents.set('troubles', 'of another run');
    await client.asked();
    await client.until(() => client.messages.length > 0);
    assert.ok(!client.documents.has('troubles'));
    assert.equal(client.get('run')?.name, 'synthetic');
    client.socket.terminate();
  }
});

test('a viewer that keeps up is told at most four times a second, and that somebody is there', async (t) => {
  const run = new ToldRun();
  const { port } = await servedPage(t, run.model, { limits: { ...viewerLimits, silenceMs: 500 } });
  const client = await new LiveClient(port).asked();
  const [{ record }] = run.trials;
  run.begin(record.trial);
  await sleep(300);
  client.messages.length = 0;
  const began = performance.now();
  for (let second = 0; second < 100; second++) {
    run.report(record.trial, second, 1);
    await sleep(10);
  }
  const seconds = (performance.now() - began) / 1_000;
  assert.ok(client.messages.length <= 4 * seconds + 2, `${client.messages.length} messages in ${seconds} s`);
  await client.until(({ messages }) => messages.some(({ message }) => message.kind === 'alive'));
  assert.equal(client.samples.length, 100);
});

test('what is no request closes the connection with a reason, and the server goes on', async (t) => {
  const run = new ToldRun();
  const { port } = await servedPage(t, run.model);
  const nonsense: (string | Buffer)[] = [
    'not json',
    '{}',
    '[]',
    'null',
    '{"kind":"since"}',
    '{"kind":"since","server":null,"sequence":-1}',
    '{"kind":"since","server":null,"sequence":1.5}',
    '{"kind":"since","server":null,"sequence":1e308}',
    '{"kind":"since","server":"../../etc","sequence":0}',
    '{"kind":"since","server":null,"sequence":0,"more":1}',
    '{"kind":"since","server":null,"sequence":0,"__proto__":{"polluted":1}}',
    `{"kind":"since","server":null,"sequence":${'['.repeat(30_000)}`,
    Buffer.from([0, 1, 2, 3]),
  ];
  for (const message of nonsense) {
    const client = new LiveClient(port);
    await new Promise((resolve) => client.socket.once('open', resolve));
    client.socket.send(message);
    assert.equal(await client.closed, 1008, String(message).slice(0, 60));
  }
  assert.equal(({} as { polluted?: number }).polluted, undefined);
  const good = await new LiveClient(port).asked();
  await good.until(({ documents }) => documents.has('run'));
});

test('a message over 64 KiB closes the connection, one of 100 MiB too, and costs no memory', async (t) => {
  const run = new ToldRun();
  const { port } = await servedPage(t, run.model);
  const small = new LiveClient(port);
  await new Promise((resolve) => small.socket.once('open', resolve));
  small.socket.send('x'.repeat(maxLiveRequestBytes + 1));
  assert.equal(await small.closed, 1009);

  const before = process.memoryUsage().rss;
  const huge = await upgraded(port);
  const said: Buffer[] = [];
  huge.on('data', (bytes) => said.push(bytes));
  huge.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x06, 0x40, 0, 0, 0, 0, 0, 0]));
  const chunk = Buffer.alloc(1 << 20, 0x61);
  let sent = 0;
  while (sent < 100 && said.length === 0 && !huge.destroyed) {
    await new Promise((resolve) => huge.write(chunk, resolve));
    sent++;
  }
  assert.ok(sent < 100, 'the server took all of it');
  // A close frame (RFC 6455, section 5.5.1): 1009, message too big.
  const frame = Buffer.concat(said);
  assert.deepEqual([frame[0], frame.readUInt16BE(2)], [0x88, 1009]);
  await new Promise((resolve) => huge.once('close', resolve));
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 16 << 20, `${grown >> 20} MiB`);
});

test('one that asks and asks is sent away, and so is one too many', async (t) => {
  const run = new ToldRun();
  const { port } = await servedPage(t, run.model, { limits: { ...viewerLimits, viewers: 3 } });
  const eager = await new LiveClient(port).asked();
  for (let turn = 0; turn < 30; turn++) eager.say({ kind: 'since', server: null, sequence: 0 });
  assert.equal(await eager.closed, 1008);
  const three = await Promise.all([1, 2, 3].map(() => new LiveClient(port).asked()));
  const fourth = new LiveClient(port);
  assert.equal(await fourth.closed, 1013);
  assert.ok(three.every(({ socket }) => socket.readyState === socket.OPEN));
});

test('a reader that takes nothing holds one piece of memory and is dropped; the others are told on', async (t) => {
  const run = new ToldRun();
  const { port } = await servedPage(t, run.model, {
    limits: { ...viewerLimits, beatMs: 10, patienceMs: 1_500 },
  });
  const good = await new LiveClient(port).asked();
  const slow = await upgraded(port);
  slow.pause();
  slow.write(masked(JSON.stringify({ kind: 'since', server: null, sequence: 0 })));
  const ended = new Promise((resolve) => slow.once('close', resolve));
  const began = performance.now();
  let turn = 0;
  const telling = setInterval(() => {
    good.messages.length = 0;
    for (let part = 0; part < 64; part++)
      run.model.log.put(`course/${part}`, [{ block: turn++, note: 'x'.repeat(4_000) }] as never);
  }, 10);
  await sleep(200);
  const before = heldBytes();
  // 30 MB are told meanwhile.
  await sleep(1_200);
  const grown = heldBytes() - before;
  await sleep(1_000);
  clearInterval(telling);
  // Reading again shows whether the server has hung up meanwhile.
  slow.resume();
  await ended;
  assert.ok(performance.now() - began < 8_000);
  assert.ok(grown < 6 << 20, `${grown >> 10} KiB more: what was not read was kept`);
  assert.equal(good.socket.readyState, good.socket.OPEN);
  await good.until(({ sequence }) => sequence === run.model.log.sequence);
});

/** What is in use of the heap and outside of it, rubbish taken out. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A socket that has been through the upgrade, and what it is sent and says is for the test to do. */
async function upgraded(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `GET /live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
}

/** A text frame as a client sends it (RFC 6455, section 5.2), with a mask of zeros. */
function masked(text: string): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body]);
}
