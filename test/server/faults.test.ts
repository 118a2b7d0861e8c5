/** What comes from the network, and what runs out: a server survives it and goes on serving. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../measurement/random.ts';
import { Client, echoRequest, isAlive, parsedResponse, pattern, runningServer } from './under-test.ts';

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

async function assertServes(port: number): Promise<void> {
  const client = await Client.to(port);
  const { status, body } = parsedResponse(await client.send(get('/64', 'Connection: close\r\n')).untilEnd());
  assert.equal(status, 200);
  assert.deepEqual(body, pattern(64));
}

// Every other design of ours shares the event loop of the first.
for (const variant of ['single-queue', 'single-queue:blocking']) {
  test(`${variant} answers a request that comes byte by byte`, async (context) => {
    const server = await runningServer(context, { variant });
    const client = await Client.to(server.port);
    client.socket.setNoDelay(true);
    for (const byte of get('/100', 'Connection: close\r\n')) {
      client.send(byte);
      await sleep(1);
    }
    assert.deepEqual(parsedResponse(await client.untilEnd()).body, pattern(100));
  });

  test(`${variant} answers ten pipelined requests in order`, async (context) => {
    const server = await runningServer(context, { variant });
    const client = await Client.to(server.port);
    const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 70_000];
    client.send(
      sizes.map((size) => get(`/${size}`, size === 70_000 ? 'Connection: close\r\n' : '')).join(''),
    );
    let rest = await client.untilEnd();
    for (const size of sizes) {
      const bodyAt = rest.indexOf('\r\n\r\n') + 4;
      assert.ok(rest.subarray(bodyAt, bodyAt + size).equals(pattern(size)));
      rest = rest.subarray(bodyAt + size);
    }
    assert.equal(rest.length, 0);
  });

  test(`${variant} sends a whole megabyte to a client that reads slowly`, async (context) => {
    const server = await runningServer(context, { variant });
    const client = await Client.to(server.port);
    client.socket.pause();
    client.send(get('/1048576').repeat(8) + get('/1', 'Connection: close\r\n'));
    await sleep(300);
    client.socket.resume();
    const bytes = await client.untilEnd(10_000);
    const second = bytes.indexOf('HTTP/1.1', 100);
    assert.ok(bytes.subarray(second - 1_048_576, second).equals(pattern(1_048_576)));
    assert.equal(bytes.toString('latin1').split('HTTP/1.1 200 OK').length, 10);
  });

  test(`${variant} answers a client that ended its own side already`, async (context) => {
    const server = await runningServer(context, { variant });
    const client = await Client.to(server.port);
    client.socket.end(get('/64'));
    assert.deepEqual(parsedResponse(await client.untilEnd()).body, pattern(64));
  });

  test(`${variant} survives resets, half requests and garbage of 200 clients`, async (context) => {
    const server = await runningServer(context, { variant });
    const random = seededRandom(7, 'garbage');
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 10 }, async (_empty, index) => {
          const client = await Client.to(server.port);
          const garbage = Buffer.from(
            Array.from({ length: 1 + Math.floor(random() * 3_000) }, () => random() * 256),
          );
          client.send([garbage, get('/1048576'), 'GET /6', ''][index % 4] as string);
          if (index % 3 === 0) await sleep(1);
          if (index % 2 === 0) client.socket.resetAndDestroy();
          else client.close();
        }),
      );
    }
    await assertServes(server.port);
    assert.ok(isAlive(server.pid));
  });

  test(`${variant} ends a connection on which nothing happens`, async (context) => {
    const server = await runningServer(context, { variant, idleMs: 300 });
    const silent = await Client.to(server.port);
    const half = (await Client.to(server.port)).send('GET / HT');
    await Promise.all([silent.untilEnd(3_000), half.untilEnd(3_000)]);
    await assertServes(server.port);
    const { notes } = await server.finish();
    assert.match(notes['server.connections'] ?? '', /2 ended because nothing happened on them/);
  });

  test(`${variant} does not spin, and serves again, when its descriptors ran out`, async (context) => {
    const server = await runningServer(context, { variant });
    const { pid, port } = server;
    // The blocking design never has more connections open than threads: it gets room for none.
    const limit = variant === 'single-queue:blocking' ? 3 : 256;
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`]);
    const clients = await Promise.all(Array.from({ length: 400 }, () => Client.to(port)));
    const before = cpuTicks(pid);
    await sleep(1_000);
    assert.ok(cpuTicks(pid) - before < 60, `${cpuTicks(pid) - before} ticks of 10 ms in a second`);
    for (const client of clients) client.close();
    if (variant === 'single-queue:blocking') execFileSync('prlimit', ['--pid', String(pid), '--nofile=256:']);
    await assertServes(port);
    assert.match((await server.finish()).notes['server.descriptors'] ?? '', /accepting paused \d+ times/);
  });
}

test('echo serves 2000 connections that stopped in the middle of a request, once they go on', async (context) => {
  const server = await runningServer(context, {
    application: 'echo',
    requestBytes: 1_000,
    responseBytes: 1_000,
  });
  const clients = await Promise.all(Array.from({ length: 2_000 }, () => Client.to(server.port)));
  context.after(() => {
    for (const client of clients) client.close();
  });
  const requests = clients.map((_client, index) => echoRequest(1_000, index));
  for (const [index, client] of clients.entries()) client.send((requests[index] as Buffer).subarray(0, 617));
  await sleep(200);
  for (const [index, client] of clients.entries()) client.send((requests[index] as Buffer).subarray(617));
  for (const [index, client] of clients.entries())
    assert.ok((await client.until(1_000)).equals(requests[index] as Buffer));
});

test('echo in server-fin mode ends after its messages, and the client sees no reset', async (context) => {
  const server = await runningServer(context, { application: 'echo', messages: 5, close: 'server-fin' });
  const client = await Client.to(server.port);
  client.send(echoRequest(64 * 5, 3));
  const answer = await client.untilEnd();
  assert.equal(client.how, 'end');
  assert.ok(answer.equals(echoRequest(64 * 5, 3)));
});

test('http tells a client that still sends what was wrong, instead of a reset', async (context) => {
  const server = await runningServer(context);
  const client = await Client.to(server.port);
  client.send(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(200_000)}\r\n\r\n`);
  const { status } = parsedResponse(await client.untilEnd());
  assert.equal(status, 431);
  assert.equal(client.how, 'end');
});

test('100 connections a time with keep-alive do not grow the memory of a server', async (context) => {
  const server = await runningServer(context);
  const rss = (): number =>
    Number(
      /VmRSS:\s+(\d+)/.exec(execFileSync('cat', [`/proc/${server.pid}/status`], { encoding: 'utf8' }))?.[1],
    );
  const flood = (): void => {
    execFileSync('wrk', [
      '-t1',
      '-c100',
      '-d1s',
      '-H',
      'Connection: close',
      `http://127.0.0.1:${server.port}/64`,
    ]);
  };
  flood();
  const before = rss();
  flood();
  flood();
  assert.ok(rss() - before < 16_384, `${rss() - before} KiB more after another two seconds`);
});

/** User and system ticks of a process so far. */
function cpuTicks(pid: number): number {
  const fields =
    execFileSync('cat', [`/proc/${pid}/stat`], { encoding: 'latin1' })
      .split(') ')[1]
      ?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
