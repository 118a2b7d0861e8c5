/** One suite over every variant: what each is asked, and what it cannot do (its table says why). */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { isIPv4 } from 'node:net';
import { after, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { enterNetworkNamespace } from '../../linux/thread.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { closeModes } from '../../protocol/cell.ts';
import { httpRequest } from '../../protocol/traffic.ts';
import { designs, parseVariant, type Variant } from '../../protocol/variant-catalogue.ts';
import { serverCapabilities } from '../../server-under-test/capabilities.ts';
import { launchServer, type RunningServer, type ServerSpec } from '../../server-under-test/launch.ts';
import { findNginx } from '../../server-under-test/nginx-program.ts';
import { cannotOf } from '../../server-under-test/variants/index.ts';
import type { Ability } from '../../server-under-test/variants/variant.ts';
import {
  Client,
  echoed,
  echoRequest,
  installed,
  isRoot,
  namespaces,
  openNamespaces,
  parsedResponse,
  pattern,
  runningServer,
  specOf,
} from './under-test.ts';

const names = [
  'single-queue:epoll',
  'single-queue:epoll-exclusive',
  'single-queue:blocking',
  'reuseport:hash',
  'reuseport:cpu',
  'user-level:af-xdp',
  'user-level:af-packet',
  'nginx',
  'nginx-reuseport',
];

/**
 * The clients of this file, all of it, are inside a namespace of their own: its loopback is for those that serve there,
 * its device leads to a second namespace, for those that cannot.
 */
const lab = isRoot ? await openNamespaces() : null;
if (lab !== null) enterNetworkNamespace(lab.clientPath);
after(() => lab?.close());

const echoSizes = [
  [1, 1_000],
  [64, 64],
  [65_536, 1_048_576],
] as const;

for (const variant of names) {
  const parsed = parseVariant(variant) as Variant;
  const { ours, applications } = designs[parsed.design];
  const cannot = (ability: Ability): string | false => cannotOf(parsed)[ability] ?? false;
  const onLoopback = cannot('loopback') === false;
  const missing =
    !ours && findNginx() === null
      ? 'nginx is not installed'
      : !onLoopback && lab === null
        ? `${cannot('loopback')}, and only root makes network namespaces`
        : false;
  const namespace = onLoopback ? null : (lab?.serverPath ?? null);
  const addresses = onLoopback ? ['127.0.0.1', '127.0.0.2', '::1'] : (lab?.serverAddresses ?? []);
  const host = addresses[0] as string;
  /** What every server of this variant is started with. */
  const placed = { variant, namespace, addresses: [host] };

  describe(variant, { skip: missing }, () => {
    /** One server for the tests that only ask it things. */
    let shared: Promise<RunningServer> | null = null;
    const sharedServer = (): Promise<RunningServer> => {
      shared ??= launchServer(specOf({ ...placed, responseBytes: 500 }));
      return shared;
    };
    const endShared = async (): Promise<void> => {
      await (await shared)?.kill();
      shared = null;
    };
    after(endShared);
    /** One for a test alone. Of those that take frames, a device has one at a time. */
    const ownServer = async (
      context: TestContext,
      changes: Partial<ServerSpec> = {},
    ): Promise<RunningServer> => {
      if (!onLoopback) await endShared();
      return runningServer(context, { ...placed, ...changes });
    };

    for (const close of closeModes) {
      test(`echo answers 3 requests of 1 to 65,536 bytes and ends as ${close} says`, {
        skip: !(applications as readonly string[]).includes('echo') && 'it does not serve echo',
      }, async (context) => {
        const sizes = close === 'client-fin' ? echoSizes : ([echoSizes[1]] as const);
        for (const [requestBytes, responseBytes] of sizes) {
          const shape = {
            application: 'echo',
            requestBytes,
            responseBytes,
            messages: 3,
            close,
          } as const;
          const server = await ownServer(context, shape);
          await Promise.all(
            [1, 2, 3].map((nonce) => echoConversation(server.port, { ...shape, host, nonce })),
          );
          await server.kill();
        }
      });

      test(`http answers 3 requests on a connection and ends as ${close} says`, async (context) => {
        for (const responseBytes of close === 'client-fin' ? [1, 64, 1_048_576] : [64]) {
          const server = await ownServer(context, { messages: 3, responseBytes, close });
          await Promise.all(
            [1, 2, 3].map(() => httpConversation(server.port, { host, responseBytes, close })),
          );
          await server.kill();
        }
      });
    }

    test('http serves curl: keep-alive, HEAD, HTTP/1.0, not found', {
      skip: !installed('curl') && 'curl is not installed',
    }, async () => {
      const server = await sharedServer();
      const url = `http://${host}:${server.port}`;
      assert.deepEqual(execFileSync('curl', ['-s', `${url}/`]), pattern(500));
      assert.deepEqual(
        execFileSync('curl', ['-s', `${url}/500`, `${url}/500`]),
        Buffer.concat([pattern(500), pattern(500)]),
      );
      assert.match(
        execFileSync('curl', ['-sI', `${url}/500`], { encoding: 'latin1' }),
        /Content-Length: 500/i,
      );
      assert.deepEqual(execFileSync('curl', ['-s', '--http1.0', `${url}/500`]), pattern(500));
      const status = (...args: string[]): string =>
        execFileSync('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', ...args], { encoding: 'utf8' });
      assert.equal(status(`${url}/nothing/here`), '404');
      if (cannot('refuse-methods') === false) assert.equal(status('-X', 'DELETE', `${url}/500`), '405');
    });

    test('http answers any size that a path asks for', {
      skip: cannot('any-response-size'),
    }, async (context) => {
      const server = await ownServer(context);
      const { port } = server;
      for (const bytes of [0, 1, 63, 65_537, 1_048_576]) {
        const client = await Client.to(port, host);
        client.send(`GET /${bytes} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        const { status, body } = parsedResponse(await client.untilEnd());
        assert.equal(status, 200);
        assert.deepEqual(body, pattern(bytes));
      }
    });

    test('http serves wrk and ab without an error', {
      skip: !(installed('wrk') && installed('ab')) && 'wrk and ab are not installed',
    }, async () => {
      const server = await sharedServer();
      const url = `http://${host}:${server.port}/500`;
      const wrk = spawnSync('wrk', ['-t1', '-c16', '-d1s', '-H', 'Connection: close', url], {
        encoding: 'utf8',
      });
      assert.match(wrk.stdout, /requests in/);
      assert.doesNotMatch(wrk.stdout, /Socket errors|Non-2xx/);
      const ab = spawnSync('ab', ['-q', '-n', '500', '-c', '8', url], { encoding: 'utf8' });
      assert.match(ab.stdout, /Complete requests:\s+500\nFailed requests:\s+0/);
    });

    test('goes on serving while 2000 connections say nothing', {
      skip: cannot('many-open-connections'),
    }, async (context) => {
      const server = await sharedServer();
      const idle = await Promise.all(Array.from({ length: 2_000 }, () => Client.to(server.port, host)));
      context.after(() => {
        for (const client of idle) client.close();
      });
      await httpConversation(server.port, { host, responseBytes: 500, close: 'server-fin' });
      assert.equal(idle.filter((client) => client.how !== 'open').length, 0);
    });

    test('finish() counts what was accepted, measured and in all', async (context) => {
      const server = await ownServer(context, { close: 'server-fin' });
      const flood = async (count: number): Promise<void> => {
        for (let done = 0; done < count; done++)
          await httpConversation(server.port, { host, responseBytes: 64, close: 'server-fin' });
      };
      await flood(5);
      server.beginMeasuring();
      await marked();
      await flood(40);
      server.endMeasuring();
      await marked();
      await flood(7);
      const result = await server.finish();
      assert.equal(result.accepted, 40);
      assert.equal(result.lifetimeAccepted, 52);
      assert.ok(result.measuredSeconds > 0.01 && result.measuredSeconds < 5);
      assert.equal(result.listenOverflows, 0);
      assert.deepEqual(
        result.cores?.map(({ core }) => core),
        [0, 1],
      );
      assert.equal(
        cannot('accepts-per-core') !== false,
        result.cores?.every(({ accepted }) => accepted === null),
      );
      if (cannot('accepts-per-core') === false)
        assert.equal(
          result.cores?.reduce((sum, { accepted }) => sum + (accepted ?? 0), 0),
          40,
        );
      assertKnownOrNoted('server.locality', result.locality, result.notes, cannot('locality') === false);
      const tracing =
        designs[parsed.design].takesFrames ||
        serverCapabilities().find(({ name }) => name === 'accept-wait')?.possible === true;
      assertKnownOrNoted(
        'latencySeconds.accept',
        result.accept,
        result.notes,
        tracing && cannot('accept-wait') === false,
      );
      if (result.accept !== null) {
        const { count, max } = LatencyHistogram.decode(result.accept).summary();
        assert.ok(count >= 38 && count <= 40, `${count} of 40 were stamped`);
        assert.ok((max ?? 99) < 1, `${max} s between the end of a handshake and accept`);
      }
    });

    test('serves on several addresses, one port', { skip: cannot('several-addresses') }, async (context) => {
      const served = addresses.filter((address) => isIPv4(address) || cannot('ipv6') === false);
      assert.ok(served.length >= 2);
      const server = await ownServer(context, { addresses: served, close: 'server-fin' });
      for (const one of served)
        await httpConversation(server.port, { host: one, responseBytes: 64, close: 'server-fin' });
    });

    test('serves inside a network namespace, and only there', {
      skip: !isRoot && 'only root makes network namespaces',
    }, async (context) => {
      const lab = await namespaces(context);
      const server = await runningServer(context, {
        variant,
        namespace: lab.serverPath,
        addresses: [lab.serverAddress],
        port: 8080,
      });
      assert.equal(server.port, 8080);
      assert.equal(lab.client('curl', '-s', `http://${lab.serverAddress}:8080/`), pattern(64).toString());
      await assert.rejects(Client.to(8080), /ECONNREFUSED/);
      server.beginMeasuring();
      await marked();
      lab.client('curl', '-s', '-H', 'Connection: close', `http://${lab.serverAddress}:8080/64?[1-50]`);
      const result = await server.finish();
      assert.equal(result.accepted, 50);
      assert.equal(result.listenDrops, 0);
    });
  });
}

/** A mark takes effect when the server's process has read it. */
const marked = (): Promise<void> => sleep(150);

async function echoConversation(
  port: number,
  shape: {
    host: string;
    requestBytes: number;
    responseBytes: number;
    messages: number;
    close: string;
    nonce: number;
  },
): Promise<void> {
  const client = await Client.to(port, shape.host);
  let expected = Buffer.alloc(0);
  for (let message = 0; message < shape.messages; message++) {
    const request = echoRequest(shape.requestBytes, shape.nonce + message);
    expected = Buffer.concat([expected, echoed(request, shape.responseBytes)]);
    client.send(request);
    await client.until(expected.length);
  }
  assert.ok(client.received.equals(expected), 'the answer is the request, repeated');
  await endConversation(client, shape.close);
}

async function httpConversation(
  port: number,
  shape: { host: string; responseBytes: number; close: string },
): Promise<void> {
  const client = await Client.to(port, shape.host);
  const messages = 3;
  let came = 0;
  for (let message = 0; message < messages; message++) {
    const serverCloses = shape.close === 'server-fin' && message === messages - 1;
    client.send(
      httpRequest({ host: 'test', requestBytes: 64, responseBytes: shape.responseBytes, serverCloses }),
    );
    await client.until(came + 20);
    while (client.received.indexOf('\r\n\r\n', came) < 0) await client.until(client.received.length + 1);
    const bodyAt = client.received.indexOf('\r\n\r\n', came) + 4;
    await client.until(bodyAt + shape.responseBytes);
    const { status, body } = parsedResponse(client.received.subarray(came, bodyAt + shape.responseBytes));
    assert.equal(status, 200);
    assert.ok(body.equals(pattern(shape.responseBytes)), 'the body is the pattern');
    came = bodyAt + shape.responseBytes;
  }
  await endConversation(client, shape.close);
}

async function endConversation(client: Client, close: string): Promise<void> {
  switch (close) {
    case 'server-fin':
      await client.untilEnd();
      assert.equal(client.how, 'end');
      break;
    case 'client-rst':
      client.socket.resetAndDestroy();
      break;
    default:
      assert.equal(client.how, 'open');
      client.socket.end();
      await client.untilEnd();
      assert.equal(client.how, 'end');
  }
}

function assertKnownOrNoted(
  field: string,
  value: unknown,
  notes: Readonly<Record<string, string>>,
  known: boolean,
): void {
  assert.equal(value !== null, known, `${field} is ${String(value)}: ${notes[field]}`);
  if (value === null) assert.match(notes[field] ?? '', /^not measured: /);
}
