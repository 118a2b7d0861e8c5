/** Floods by a real k6: what it did, what it failed of, and how it is ended. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { startLoadThread } from '../../agent/load-thread.ts';
import { bindTo, boundPort, closeDescriptor, listenOn, openTcpSocket } from '../../linux/sockets.ts';
import { patternBytes } from '../../protocol/traffic.ts';
import { launchServer } from '../../server-under-test/launch.ts';
import { eventually, failures, flood, leaseOf, serverThat, started } from '../agent-engine/flood-fixture.ts';
import { childrenOf } from '../roles/role-process.ts';
import { answering, answerOf, goodAnswer, k6Missing, k6Order } from './k6-fixture.ts';

const none = {};

function closedPort(): number {
  const fd = openTcpSocket('ipv4', 0);
  bindTo(fd, '127.0.0.1', 0);
  const port = boundPort(fd);
  closeDescriptor(fd);
  return port;
}

/** The k6 of this process: the child of its guard. */
function k6Pid(): number | undefined {
  return childrenOf(process.pid).flatMap((guard) => childrenOf(guard))[0];
}

describe('k6 engine', { skip: k6Missing }, () => {
  for (const { close, messages } of [
    { close: 'client-fin', messages: 1 },
    { close: 'server-fin', messages: 3 },
  ] as const)
    test(`flood() at a known rate is what the server counted, ${close}, ${messages} messages`, async () => {
      const server = await launchServer({
        ...{
          variant: 'reuseport',
          application: 'http',
          messages,
          requestBytes: 300,
          responseBytes: 640,
          close,
        },
        ...{ cores: [1], namespace: null, addresses: ['127.0.0.1'], port: 0, readyMs: 10_000 },
      });
      const load = { kind: 'open', ratePerSecond: 150, maxOpen: 400, seed: 1 } as const;
      const sizes = { requestBytes: 300, responseBytes: 640 };
      const result = await flood(
        k6Order({
          port: server.port,
          ...sizes,
          messages,
          close,
          load,
          warmUpSeconds: 0.4,
          measuredSeconds: 2,
        }),
      );
      const { lifetimeAccepted } = await server.finish();
      assert.match(result.backend, /^k6 v\d+\.\d+/);
      assert.deepEqual(failures(result), none);
      assert.equal(result.lifetime.completed, lifetimeAccepted);
      assert.equal(result.lifetime.attempted, result.lifetime.completed);
      // 150 a second for 2 s of 2.4 s, but for those that a busy machine had no virtual user for.
      const { attempted, missed, completed } = result.counts;
      assert.ok(Math.abs(attempted + missed - 300) <= 6, `${attempted} started, ${missed} missed`);
      assert.ok(result.lifetime.attempted + result.lifetime.missed >= 355, `${result.lifetime.attempted}`);
      assert.equal(completed, attempted);
      assert.equal(result.latency.total.count, attempted);
      const { connect: connected, firstByte, total } = result.latency;
      assert.ok(0 < (connected.p50 ?? 0) && (connected.p50 ?? 9) <= (firstByte.p50 ?? 0));
      assert.ok((firstByte.p50 ?? 9) <= (total.p50 ?? 0) && (total.p50 ?? 9) < 1);
      // What went over the wire, by k6's own account: requests of 300 bytes each.
      assert.equal(result.k6?.metrics.data_sent?.count, result.lifetime.completed * messages * 300);
      assert.equal(result.k6?.metrics.http_reqs?.count, result.lifetime.completed * messages);
      assert.match(result.notes.latencySeconds ?? '', /evenly spaced/);
    });

  test('flood() in a closed loop keeps the connections open that it was told, from its source addresses', async () => {
    const seen = new Map<string, number>();
    let most = 0;
    await using server = await serverThat((socket) => {
      seen.set(socket.remoteAddress ?? '', (seen.get(socket.remoteAddress ?? '') ?? 0) + 1);
      most = Math.max(most, server.open.size);
      answering((one) => setTimeout(() => one.write(goodAnswer), 5))(socket);
    });
    const sourceAddresses = ['127.1.0.1', '127.1.0.2'];
    const result = await flood(k6Order({ port: server.port, sourceAddresses }));
    assert.deepEqual(failures(result), none);
    assert.ok(result.counts.completed > 8, `${result.counts.completed}`);
    assert.equal(result.lifetime.completed, server.accepted());
    assert.ok(most >= 3 && most <= 5, `${most} open`);
    assert.deepEqual([...seen.keys()].sort(), sourceAddresses);
    assert.deepEqual(result.notes, none);
  });

  test('flood() counts a closed port as refused, and does not spin on it', async () => {
    const result = await flood(k6Order({ port: closedPort() }));
    assert.deepEqual(Object.keys(failures(result)), ['refused']);
    assert.equal(result.counts.completed, 0);
    // Four that rest 10, 20, 40, … ms: about six tries each in 0.5 s.
    assert.ok(result.counts.failed.refused >= 4 && result.counts.failed.refused <= 32);
    assert.equal(result.latency.total.count, 0);
  });

  test('flood() tells apart what servers do wrong, among good connections', async () => {
    const pattern = patternBytes(64);
    const turns: readonly ((socket: Socket) => void)[] = [
      (socket) => socket.write(goodAnswer),
      (socket) => socket.resetAndDestroy(),
      (socket) => socket.end(),
      (socket) => socket.end(goodAnswer.subarray(0, goodAnswer.length - 30)),
      (socket) => socket.end(answerOf(pattern, '404 Not Found')),
      (socket) => socket.end(answerOf(patternBytes(64).fill(0x21, 63))),
      (socket) => socket.end(answerOf(pattern.subarray(1))),
      (socket) => socket.end('220 mail ready\r\n\r\n'),
    ];
    await using server = await serverThat((socket, index) => {
      const turn = turns[index % turns.length];
      answering((one) => turn?.(one))(socket);
    });
    const { lifetime, counts } = await flood(k6Order({ port: server.port }));
    const kinds = Object.keys(failures({ counts: lifetime }));
    assert.deepEqual(kinds.sort(), ['reset', 'shortResponse', 'wrongContent']);
    assert.equal(lifetime.attempted, server.accepted());
    assert.equal(
      lifetime.completed +
        lifetime.failed.reset +
        lifetime.failed.shortResponse +
        lifetime.failed.wrongContent,
      lifetime.attempted,
    );
    const each = lifetime.attempted / turns.length;
    const { reset, shortResponse, wrongContent } = lifetime.failed;
    for (const [count, turnsOfIt] of [
      [lifetime.completed, 1],
      [reset, 1],
      [shortResponse, 2],
      [wrongContent, 4],
    ] as const)
      assert.ok(Math.abs(count - each * turnsOfIt) <= turnsOfIt, `${count} of ${each * turnsOfIt}`);
    assert.ok(counts.completed > 0 && counts.completed < lifetime.completed);
  });

  test('flood() counts a server that never answers as timed out, at the limit, and cuts the last ones at the end', async () => {
    await using server = await serverThat((socket) => socket.resume());
    const limits = { connectTimeoutMs: 100, responseTimeoutMs: 200 };
    const result = await flood(
      k6Order({ port: server.port, ...limits, warmUpSeconds: 0, measuredSeconds: 1 }),
    );
    assert.deepEqual(Object.keys(failures(result)), ['timedOut']);
    // One limit for both: 0.3 s, so three rounds of four, and what the drain cut off after the end is not counted.
    assert.ok(result.counts.failed.timedOut >= 4 && result.counts.failed.timedOut <= 16);
    assert.equal(result.lifetime.attempted, server.accepted());
    assert.ok((result.latency.total.p50 ?? 0) >= 0.29 && (result.latency.total.p50 ?? 9) < 0.6);
    assert.ok((result.latency.connect.p50 ?? 1) < 0.25);
  });

  test('flood() counts a full accept queue as timed out while connecting', async () => {
    const fd = openTcpSocket('ipv4', 0);
    bindTo(fd, '127.0.0.1', 0);
    listenOn(fd, 0);
    const first = connect(boundPort(fd), '127.0.0.1');
    await once(first, 'connect');
    try {
      const limits = { connectTimeoutMs: 100, responseTimeoutMs: 100 };
      const result = await flood(k6Order({ port: boundPort(fd), ...limits }));
      assert.deepEqual(Object.keys(failures(result)), ['timedOut']);
      assert.ok((result.latency.connect.p50 ?? 0) >= 0.15, `${result.latency.connect.p50}`);
    } finally {
      first.destroy();
      closeDescriptor(fd);
    }
  });

  test('flood() in an open loop counts the starts it had no virtual user for, and never makes up for them', async () => {
    // 100 ms an answer and two virtual users: at most 20 a second of the 200 that fall due.
    await using server = await serverThat(
      answering((socket) => setTimeout(() => socket.writable && socket.write(goodAnswer), 100)),
    );
    const load = { kind: 'open', ratePerSecond: 200, maxOpen: 2, seed: 1 } as const;
    const result = await flood(k6Order({ port: server.port, load, warmUpSeconds: 0.5, measuredSeconds: 1 }));
    const { attempted, missed } = result.counts;
    assert.deepEqual(failures(result), none);
    assert.ok(attempted > 4 && attempted <= 22, `${attempted}`);
    assert.ok(Math.abs(attempted + missed - 200) < 60, `${attempted} and ${missed} of 200`);
    assert.ok(Math.abs(result.lifetime.attempted + result.lifetime.missed - 300) <= 12);
    assert.equal(result.lifetime.missed, result.k6?.metrics.dropped_iterations?.count);
  });

  test('flood() lets k6 judge the thresholds it can, and a broken one is no failure', async () => {
    await using server = await serverThat(answering((socket) => socket.write(goodAnswer)));
    const result = await flood(
      k6Order({
        port: server.port,
        thresholds: [
          { metric: 'latencySeconds.total.p99', max: 0.000_001 },
          { metric: 'latencySeconds.firstByte.p50', max: 30 },
          { metric: 'connectionsPerSecond', min: 1 },
          { metric: 'server.cpuMicrosecondsPerConnection', max: 1 },
        ],
      }),
    );
    assert.deepEqual(failures(result), none);
    assert.deepEqual(result.k6?.thresholds, {
      'total p(99)<=0.001': false,
      'first_byte med<=30000': true,
      'completed count>=0.5': true,
    });
  });

  test('stop() ends k6 and its connections at once, and says why', async () => {
    await using server = await serverThat((socket) => socket.resume());
    const thread = await started(k6Order({ port: server.port, measuredSeconds: 60 }));
    assert.ok(await eventually(() => server.open.size === 4, 5000));
    const before = performance.now();
    thread.stop('the test says so');
    assert.equal((await thread.result).stoppedEarly, 'the test says so');
    assert.ok(performance.now() - before < 1000);
    assert.ok(await eventually(() => server.open.size === 0));
    assert.equal(k6Pid(), undefined);
  });

  test('a lease that runs out ends k6, before the start and after it', async () => {
    await using server = await serverThat((socket) => socket.resume());
    for (const start of [true, false]) {
      const lease = leaseOf(30);
      const thread = await startLoadThread(k6Order({ port: server.port, measuredSeconds: 60 }), lease);
      if (start) thread.start(process.hrtime.bigint());
      assert.ok(!start || (await eventually(() => server.open.size === 4, 5000)));
      new BigInt64Array(lease)[0] = process.hrtime.bigint();
      assert.equal((await thread.result).stoppedEarly, 'its lease ran out');
      assert.ok(await eventually(() => server.open.size === 0));
      assert.equal(k6Pid(), undefined);
    }
  });

  test('a k6 that is killed is a failed attempt, at once, and not a hang', async () => {
    await using server = await serverThat(answering((socket) => socket.write(goodAnswer)));
    const thread = await started(k6Order({ port: server.port, measuredSeconds: 60 }));
    assert.ok(await eventually(() => server.accepted() > 0, 5000));
    const before = performance.now();
    process.kill(k6Pid() as number, 'SIGKILL');
    await assert.rejects(
      thread.result,
      /^Error: A load thread died: Cannot make load: k6 was killed by SIGKILL/,
    );
    assert.ok(performance.now() - before < 2000);
  });

  test('a guard that is killed takes k6 with it', async () => {
    await using server = await serverThat(answering((socket) => socket.write(goodAnswer)));
    const thread = await started(k6Order({ port: server.port, measuredSeconds: 60 }));
    assert.ok(await eventually(() => server.accepted() > 0, 5000));
    process.kill(childrenOf(process.pid)[0] as number, 'SIGKILL');
    await assert.rejects(thread.result, /k6 was killed with its guard by SIGKILL/);
    const accepted = server.accepted();
    assert.ok(await eventually(() => server.open.size === 0));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(server.accepted() - accepted < 8, 'the load went on');
  });
});
