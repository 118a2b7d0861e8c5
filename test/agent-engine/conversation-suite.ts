/** One suite over every carrier of a flood: connections that go well, in every shape a cell can ask for. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { patternBytes } from '../../protocol/traffic.ts';
import { type Carrying, echo, failures, flood, serverThat } from './flood-fixture.ts';

const none = {};

export function conversationSuite({
  name,
  backend,
  order,
  sourceAddresses,
  targetAddresses,
  cannot,
}: Carrying): void {
  describe(name, () => {
    test('flood() in a closed loop counts what the server accepted, and times each', async () => {
      const shape = { requestBytes: 64, responseBytes: 64 };
      await using server = await serverThat(echo(shape));
      const result = await flood(order({ port: server.port, ...shape }));
      assert.match(result.backend, backend);
      assert.deepEqual(failures(result), none);
      assert.ok(result.counts.completed > 10, `${result.counts.completed} connections`);
      assert.equal(result.counts.attempted, result.counts.completed);
      assert.equal(result.lifetime.attempted, server.accepted());
      assert.equal(result.lifetime.completed, result.lifetime.attempted);
      const { connect, firstByte, total } = result.latency;
      for (const { count } of [connect, firstByte, total]) assert.equal(count, result.counts.completed);
      assert.ok((connect.p50 ?? 0) > 1e-6 && (connect.p50 ?? 0) <= (firstByte.p50 ?? 0));
      assert.ok((firstByte.p50 ?? 0) <= (total.p50 ?? 0) && (total.max ?? 9) < 1);
      assert.equal(result.stoppedEarly, null);
    });

    test('flood() leaves the warm-up out of the counts, but not out of the lifetime', async () => {
      const shape = { requestBytes: 64, responseBytes: 64 };
      await using server = await serverThat(echo(shape));
      const result = await flood(
        order({ port: server.port, ...shape, warmUpSeconds: 0.3, measuredSeconds: 0.3 }),
      );
      assert.ok(result.counts.completed > 5 && result.counts.completed < 0.9 * result.lifetime.completed);
    });

    for (const [requestBytes, responseBytes, messages] of [
      [1, 1, 3],
      [7, 5, 2],
      [8, 100_000, 1],
      [64, 64, 128],
      [1024, 16, 2],
      [1025, 3001, 3],
      [65_536, 65_536, 2],
      [65_536, 1_048_576, 1],
    ] as const)
      test(`flood() checks ${messages} × ${requestBytes} bytes in, ${responseBytes} out`, async () => {
        const shape = { requestBytes, responseBytes };
        await using server = await serverThat(echo(shape));
        const load = { kind: 'closed', concurrency: 3 } as const;
        const result = await flood(order({ port: server.port, ...shape, messages, load }));
        assert.deepEqual(failures(result), none);
        assert.ok(result.counts.completed > 2, `${result.counts.completed} connections`);
        assert.equal(result.lifetime.completed, server.accepted());
      });

    test('flood() closes by a FIN, which the server sees as an end', async () => {
      const shape = { requestBytes: 64, responseBytes: 64 };
      const seen = { ends: 0, resets: 0 };
      await using server = await serverThat((socket) => {
        socket.on('end', () => seen.ends++);
        socket.on('error', () => seen.resets++);
        echo(shape)(socket);
      });
      const result = await flood(order({ port: server.port, ...shape }));
      assert.equal(seen.resets, 0);
      assert.ok(Math.abs(seen.ends - result.lifetime.completed) <= 8, `${seen.ends} ends`);
    });

    test('flood() closes by a reset, which the server sees as ECONNRESET', async () => {
      const shape = { requestBytes: 64, responseBytes: 64 };
      const seen = { ends: 0, resets: 0 };
      await using server = await serverThat((socket) => {
        socket.on('end', () => seen.ends++);
        socket.on('error', (error: NodeJS.ErrnoException) => {
          if (error.code === 'ECONNRESET') seen.resets++;
        });
        echo(shape)(socket);
      });
      const result = await flood(order({ port: server.port, ...shape, close: 'client-rst' }));
      assert.deepEqual(failures(result), none);
      assert.equal(seen.ends, 0);
      assert.ok(Math.abs(seen.resets - result.lifetime.completed) <= 8, `${seen.resets} resets`);
    });

    test('flood() waits for the server to close, and then closes too', async () => {
      const shape = { requestBytes: 64, responseBytes: 64, messages: 2 };
      await using server = await serverThat(echo(shape));
      const result = await flood(order({ port: server.port, ...shape, close: 'server-fin' }));
      assert.deepEqual(failures(result), none);
      assert.ok(result.counts.completed > 5);
      assert.equal(result.lifetime.completed, server.accepted());
      assert.ok((result.latency.firstByte.p50 ?? 1) < (result.latency.total.p50 ?? 0));
    });

    test('flood() takes its source addresses in turn', async () => {
      const shape = { requestBytes: 64, responseBytes: 64 };
      const seen = new Map<string, number>();
      await using server = await serverThat((socket) => {
        seen.set(socket.remoteAddress ?? '', 1 + (seen.get(socket.remoteAddress ?? '') ?? 0));
        echo(shape)(socket);
      });
      const result = await flood(order({ port: server.port, ...shape, sourceAddresses }));
      assert.match(result.backend, backend);
      assert.deepEqual(failures(result), none);
      assert.deepEqual([...seen.keys()].sort(), [...sourceAddresses].sort());
      const counts = [...seen.values()];
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts.join(', ')} connections each`);
    });

    test('flood() takes its targets in turn', async () => {
      const shape = { requestBytes: 64, responseBytes: 64 };
      const seen = new Set<string>();
      await using server = await serverThat((socket) => {
        seen.add(socket.localAddress ?? '');
        echo(shape)(socket);
      });
      const target = { addresses: targetAddresses, port: server.port };
      const two = sourceAddresses.slice(0, 2);
      assert.deepEqual(failures(await flood(order({ target, ...shape, sourceAddresses: two }))), none);
      assert.deepEqual([...seen].sort(), [...target.addresses].sort());
    });

    test('flood() reaches a target by IPv6, from a source address of its own', {
      skip: cannot.ipv6 ?? false,
    }, async () => {
      const shape = { requestBytes: 64, responseBytes: 64 };
      await using server = await serverThat(echo(shape), '::1');
      const target = { addresses: ['::1'], port: server.port };
      const result = await flood(order({ target, ...shape, sourceAddresses: ['::1'] }));
      assert.match(result.backend, backend);
      assert.deepEqual(failures(result), none);
      assert.equal(result.lifetime.completed, server.accepted());
    });

    for (const close of ['client-fin', 'server-fin'] as const)
      test(`flood() talks HTTP/1.1 to a server that is not ours, ${close}`, async () => {
        const body = Buffer.from(patternBytes(3000));
        const server = createServer((request, response) => {
          assert.equal(request.url, '/3000');
          response.writeHead(200, { 'content-LENGTH': body.length, 'x-more': 'yes' }).end(body);
        });
        await new Promise<void>((resolve) => {
          server.listen(0, '0.0.0.0', resolve);
        });
        const { port } = server.address() as { port: number };
        const result = await flood(
          order({
            port,
            application: 'http',
            requestBytes: 200,
            responseBytes: 3000,
            messages: 3,
            close,
          }),
        );
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        assert.deepEqual(failures(result), none);
        assert.ok(result.counts.completed > 2, `${result.counts.completed} connections`);
      });

    test('flood() in an open loop starts what the seed says, and the same again', async () => {
      const shape = { requestBytes: 64, responseBytes: 64 };
      await using server = await serverThat(echo(shape));
      // More slots than connections: a machine that stands still for a moment misses none.
      const load = { kind: 'open', ratePerSecond: 400, maxOpen: 512, seed: 11 } as const;
      const theOrder = order({
        port: server.port,
        ...shape,
        load,
        warmUpSeconds: 0.1,
        measuredSeconds: 0.5,
        connectTimeoutMs: 10_000,
        responseTimeoutMs: 10_000,
      });
      const [first, second] = [await flood(theOrder), await flood(theOrder)];
      assert.deepEqual(failures(first), none);
      assert.ok(first.counts.attempted > 140 && first.counts.attempted < 260, `${first.counts.attempted}`);
      assert.equal(first.counts.attempted, second.counts.attempted);
      assert.equal(first.lifetime.attempted, second.lifetime.attempted);
      assert.equal(first.counts.completed, first.counts.attempted);
      assert.equal(first.latency.total.count, first.counts.completed);
      assert.equal(first.counts.missed, 0);
    });

    test('flood() in an open loop goes on past a server that refuses', async () => {
      const load = { kind: 'open', ratePerSecond: 400, maxOpen: 256, seed: 11 } as const;
      const result = await flood(order({ port: 1, load, measuredSeconds: 0.5 }));
      assert.deepEqual(Object.keys(failures(result)), ['refused']);
      assert.equal(result.counts.missed, 0);
      assert.equal(result.counts.attempted, result.counts.failed.refused);
    });

    test('flood() in an open loop counts starts it had no slot for, and never makes up for them', async () => {
      const shape = { requestBytes: 64, responseBytes: 64 };
      // 50 ms an answer and two slots: at most 40 a second of the 400 that fall due.
      await using server = await serverThat((socket) => {
        socket.on('data', (bytes) => setTimeout(() => socket.write(bytes), 50));
      });
      const load = { kind: 'open', ratePerSecond: 400, maxOpen: 2, seed: 11 } as const;
      const result = await flood(
        order({ port: server.port, ...shape, load, measuredSeconds: 0.5, close: 'client-fin' }),
      );
      assert.deepEqual(failures(result), none);
      assert.ok(result.counts.completed <= 22 && result.counts.completed >= 10, `${result.counts.completed}`);
      assert.ok(result.counts.missed > 140, `${result.counts.missed} missed`);
      assert.equal(result.lifetime.attempted, server.accepted());
    });
  });
}
