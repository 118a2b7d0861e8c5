/** One suite over every carrier of a flood: servers, networks and machines that fail, each by its own cause. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { startLoadThread } from '../../agent/load-thread.ts';
import { bindTo, boundPort, closeDescriptor, listenOn, openTcpSocket } from '../../linux/sockets.ts';
import {
  type Carrying,
  echo,
  eventually,
  failures,
  flood,
  leaseOf,
  serverThat,
  started,
} from './flood-fixture.ts';

const shape = { requestBytes: 64, responseBytes: 64 };

/** Hears everything and says nothing. */
const silent = (socket: Socket): void => {
  socket.resume();
};

/** A port that nothing listens on. */
function closedPort(): number {
  const fd = openTcpSocket('ipv4', 0);
  bindTo(fd, '0.0.0.0', 0);
  const port = boundPort(fd);
  closeDescriptor(fd);
  return port;
}

export function faultSuite({ name, order }: Carrying): void {
  describe(`${name}, when things fail`, () => {
    test('flood() counts a closed port as refused, and does not spin on it', async () => {
      const result = await flood(order({ port: closedPort(), load: { kind: 'closed', concurrency: 64 } }));
      assert.deepEqual(Object.keys(failures(result)), ['refused']);
      assert.equal(result.counts.completed, 0);
      assert.equal(result.counts.attempted, result.counts.failed.refused);
      // 64 slots that rest 10, 20, 40, … ms: about five tries each in 0.3 s.
      assert.ok(result.counts.failed.refused >= 64 && result.counts.failed.refused <= 64 * 8);
      assert.equal(result.latency.total.count, 0);
    });

    test('flood() counts a server that resets', async () => {
      await using server = await serverThat((socket) => {
        socket.on('data', () => socket.resetAndDestroy());
      });
      const result = await flood(order({ port: server.port, ...shape }));
      assert.deepEqual(Object.keys(failures(result)), ['reset']);
      assert.ok(result.counts.failed.reset > 10);
      assert.equal(result.latency.connect.count, 0);
    });

    test('flood() counts a server that never answers as timed out, at the limit', async () => {
      await using server = await serverThat(silent);
      const result = await flood(
        order({ port: server.port, ...shape, responseTimeoutMs: 100, measuredSeconds: 0.5 }),
      );
      assert.deepEqual(Object.keys(failures(result)), ['timedOut']);
      const { timedOut } = result.counts.failed;
      assert.ok(timedOut >= 24 && timedOut <= 40, `${timedOut} of 8 slots in five rounds`);
      assert.equal(result.latency.total.count, timedOut);
      assert.ok((result.latency.total.p50 ?? 0) >= 0.1 && (result.latency.total.max ?? 1) < 0.2);
      assert.ok((result.latency.connect.p50 ?? 1) < 0.05);
      assert.equal(result.lifetime.attempted, server.accepted());
      assert.ok(await eventually(() => server.open.size === 0), `${server.open.size} connections left open`);
    });

    test('flood() of an open loop that outruns its server tells what was done meanwhile, and how long the rest waited', async () => {
      // One answer in 10 ms, whoever waits: half of the 200 a second that are due.
      const waiting: (() => void)[] = [];
      const answering = setInterval(() => waiting.shift()?.(), 10);
      await using server = await serverThat((socket) => {
        socket.once('data', (request) => waiting.push(() => socket.write(request)));
      });
      const load = { kind: 'open', ratePerSecond: 200, maxOpen: 500, seed: 5 } as const;
      const result = await flood(order({ port: server.port, ...shape, load, measuredSeconds: 0.8 }));
      clearInterval(answering);
      const { counts, completedMeanwhile, latency } = result;
      assert.ok(
        completedMeanwhile <= 82 && completedMeanwhile > 5,
        `${completedMeanwhile} answered in 0.8 s, of at most 80`,
      );
      assert.ok(
        counts.completed > completedMeanwhile + 20,
        `${counts.completed} of those due were answered in the end`,
      );
      assert.ok((latency.total.p99 ?? 0) > 0.4, 'the last ones waited for all before them');
    });

    test('flood() counts a full accept queue as timed out while connecting', async () => {
      const fd = openTcpSocket('ipv4', 0);
      bindTo(fd, '0.0.0.0', 0);
      listenOn(fd, 0);
      // It has room for this one. What comes when it is full never gets as far as a handshake.
      const first = connect(boundPort(fd), '127.0.0.1');
      await once(first, 'connect');
      try {
        const result = await flood(
          order({
            port: boundPort(fd),
            ...shape,
            connectTimeoutMs: 100,
            responseTimeoutMs: 5000,
            measuredSeconds: 1,
          }),
        );
        assert.deepEqual(Object.keys(failures(result)), ['timedOut']);
        assert.ok((result.latency.connect.max ?? 0) >= 0.1 && (result.latency.connect.max ?? 1) < 0.3);
      } finally {
        first.destroy();
        closeDescriptor(fd);
      }
    });

    for (const [what, kept] of [
      ['half an answer', 32],
      ['no answer', 0],
    ] as const)
      test(`flood() counts ${what} and an end as a short response`, async () => {
        await using server = await serverThat((socket) => {
          socket.on('data', (bytes) => socket.end(bytes.subarray(0, kept)));
        });
        const result = await flood(order({ port: server.port, ...shape }));
        assert.deepEqual(Object.keys(failures(result)), ['shortResponse']);
        assert.ok(result.counts.failed.shortResponse > 10);
      });

    const spoils: readonly (readonly [string, (answer: Buffer) => Buffer])[] = [
      ['a wrong last byte', (answer) => answer.fill(0, 63)],
      ['a wrong first byte', (answer) => answer.fill(answer[0] ^ 1, 0, 1)],
      ['a byte too many', (answer) => Buffer.concat([answer, Buffer.from('!')])],
    ];
    for (const [what, spoil] of spoils)
      test(`flood() counts ${what} as wrong content`, async () => {
        await using server = await serverThat(echo(shape, spoil));
        const result = await flood(order({ port: server.port, ...shape }));
        assert.deepEqual(Object.keys(failures(result)), ['wrongContent']);
        assert.ok(result.counts.failed.wrongContent > 10);
      });

    test('flood() counts answers swapped between connections as wrong content', async () => {
      let previous: Buffer = Buffer.alloc(64);
      await using server = await serverThat(
        echo(shape, (answer) => {
          const swapped = previous;
          previous = answer;
          return swapped;
        }),
      );
      const result = await flood(order({ port: server.port, ...shape }));
      assert.deepEqual(Object.keys(failures(result)), ['wrongContent']);
    });

    test('flood() counts bytes where an end was due as wrong content', async () => {
      await using server = await serverThat((socket) => {
        socket.on('data', (bytes) => {
          socket.write(bytes);
          setTimeout(() => socket.end('more'), 5);
        });
      });
      const result = await flood(order({ port: server.port, ...shape, close: 'server-fin' }));
      assert.deepEqual(Object.keys(failures(result)), ['wrongContent']);
    });

    test('flood() counts a server that does not close when it should as timed out', async () => {
      await using server = await serverThat(echo(shape));
      const result = await flood(
        order({ port: server.port, ...shape, close: 'server-fin', responseTimeoutMs: 100 }),
      );
      assert.deepEqual(Object.keys(failures(result)), ['timedOut']);
      assert.ok((result.latency.firstByte.p50 ?? 1) < 0.05 && (result.latency.total.p50 ?? 0) >= 0.1);
    });

    test('flood() counts one failure among good connections, and goes on', async () => {
      await using server = await serverThat((socket, index) => {
        if (index % 10 === 9) socket.on('data', () => socket.resetAndDestroy());
        else echo(shape)(socket);
      });
      const result = await flood(order({ port: server.port, ...shape }));
      const { completed, attempted, failed } = result.counts;
      assert.equal(completed + failed.reset, attempted);
      assert.ok(
        Math.abs(failed.reset * 9 - completed) <= 90,
        `${failed.reset} resets, ${completed} completed`,
      );
    });

    test('flood() ends what is under way at the end, and counts it when it was due in an open loop', async () => {
      await using server = await serverThat(silent);
      const load = { kind: 'open', ratePerSecond: 100, maxOpen: 512, seed: 3 } as const;
      const result = await flood(order({ port: server.port, ...shape, load, responseTimeoutMs: 400 }));
      assert.equal(result.counts.attempted, result.counts.failed.timedOut);
      assert.ok(result.counts.attempted > 10);
      assert.equal(result.lifetime.attempted, server.accepted());
      assert.ok(await eventually(() => server.open.size === 0));
    });

    test('stop() ends a flood and its connections long before their time limit, and says why', async () => {
      await using server = await serverThat(silent);
      const thread = await started(order({ port: server.port, ...shape, measuredSeconds: 60 }));
      assert.ok(await eventually(() => server.open.size === 8));
      const before = performance.now();
      thread.stop('the run was aborted');
      const result = await thread.result;
      assert.ok(performance.now() - before < 1_000, `${performance.now() - before} ms`);
      assert.equal(result.stoppedEarly, 'the run was aborted');
      assert.deepEqual(failures(result), {});
      assert.equal(result.lifetime.attempted, 8);
      assert.ok(await eventually(() => server.open.size === 0), `${server.open.size} connections left open`);
    });

    test('stop() before the start ends a thread that never made a connection', async () => {
      await using server = await serverThat(silent);
      const thread = await startLoadThread(order({ port: server.port, ...shape }), leaseOf(60));
      assert.equal(server.accepted(), 0);
      thread.stop('not needed');
      const result = await thread.result;
      assert.equal(result.stoppedEarly, 'not needed');
      assert.equal(result.lifetime.attempted, 0);
      assert.equal(server.accepted(), 0);
    });

    test('a lease that runs out ends the flood by itself', async () => {
      await using server = await serverThat(echo(shape));
      const thread = await started(order({ port: server.port, ...shape, measuredSeconds: 60 }), leaseOf(0.5));
      const before = performance.now();
      const result = await thread.result;
      assert.equal(result.stoppedEarly, 'its lease ran out');
      assert.ok(performance.now() - before < 1000);
      // What was in the accept queue when the flood ended is accepted yet.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const accepted = server.accepted();
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(server.accepted(), accepted);
    });

    test('a lease that is renewed lets the flood go on', async () => {
      await using server = await serverThat(echo(shape));
      const lease = leaseOf(0.2);
      const renewal = setInterval(() => {
        new BigInt64Array(lease)[0] = process.hrtime.bigint() + 200_000_000n;
      }, 50);
      try {
        const thread = await started(order({ port: server.port, ...shape, measuredSeconds: 0.6 }), lease);
        assert.equal((await thread.result).stoppedEarly, null);
      } finally {
        clearInterval(renewal);
      }
    });

    test('counts() is there at any time, and ends as the lifetime', async () => {
      await using server = await serverThat(echo(shape));
      const thread = await started(order({ port: server.port, ...shape, measuredSeconds: 0.4 }));
      const seen: number[] = [];
      const look = setInterval(() => seen.push(thread.counts().completed), 50);
      const result = await thread.result;
      clearInterval(look);
      assert.ok(seen.length >= 4 && seen.every((count, index) => index === 0 || count >= seen[index - 1]));
      assert.ok(seen[2] > 0);
      assert.deepEqual(thread.counts(), result.lifetime);
    });
  });
}
