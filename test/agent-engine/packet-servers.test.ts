/** Floods by frames against every kind of server, none of which is told: none lost, no failure, nobody else answers. */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { closeModes } from '../../protocol/cell.ts';
import { patternBytes } from '../../protocol/traffic.ts';
import { launchServer, type ServerSpec } from '../../server-under-test/launch.ts';
import { findNginx } from '../../server-under-test/nginx-program.ts';
import { startFaultyServer } from '../faulty-server.ts';
import { isLongRun } from '../net-simulation/seeds.ts';
import {
  echo,
  eventually,
  failures,
  flood,
  type OrderChanges,
  serverThat,
  started,
} from './flood-fixture.ts';
import { openPacketLab, type PacketLab, packetLabRefused } from './packet-lab.ts';
import { watchFrames } from './watched-frames.ts';

const shape = { requestBytes: 64, responseBytes: 64 } as const;
/** For tests in which nothing is late, however long the machine takes. */
const patient = { connectTimeoutMs: 20_000, responseTimeoutMs: 20_000 } as const;

if (packetLabRefused !== null) describe('packet engine', { skip: packetLabRefused }, () => {});
else {
  const lab = await openPacketLab();
  after(() => lab.close());
  suite(lab);
}

function suite(lab: PacketLab): void {
  const { order } = lab.carrying('af_xdp');
  const noNginx = findNginx() === null ? 'nginx is not installed' : false;

  /** Floods until there were `wanted` connections, and asks the server whether it saw them all. */
  async function floodAll(
    spec: Pick<ServerSpec, 'variant' | 'application' | 'close'>,
    wanted: number,
    changes: OrderChanges = {},
  ): Promise<void> {
    const server = await launchServer({
      ...spec,
      ...shape,
      messages: 1,
      cores: [1],
      namespace: lab.serverNamespace,
      addresses: [lab.targetAddresses[0]],
      port: 0,
      readyMs: 20_000,
      traceAccepts: false,
    });
    try {
      let completed = 0;
      while (completed < wanted) {
        const result = await flood(
          order({
            port: server.port,
            application: spec.application,
            close: spec.close,
            ...shape,
            load: { kind: 'closed', concurrency: 128 },
            ...patient,
            measuredSeconds: 1,
            ...changes,
          }),
        );
        assert.deepEqual(failures(result), {});
        assert.equal(result.lifetime.completed, result.lifetime.attempted);
        assert.ok(result.lifetime.completed > 0);
        completed += result.lifetime.completed;
      }
      const { lifetimeAccepted } = await server.finish();
      if (lifetimeAccepted !== null) assert.equal(lifetimeAccepted, completed);
    } finally {
      await server.kill();
    }
  }

  describe('packet engine against servers that are not told', () => {
    // A hundred thousand take a slow machine minutes: STAMPEDE_LONG=1.
    const [usual, most] = isLongRun() ? [100_000, 100_000] : [5_000, 10_000];
    for (const [variant, application, wanted] of [
      ['reuseport', 'echo', most],
      ['reuseport', 'http', usual],
      ['user-level', 'echo', most],
      ['user-level', 'http', usual],
      ['single-queue', 'http', 5_000],
      ['nginx-reuseport', 'http', 5_000],
    ] as const)
      test(
        `flood() loses none of ${wanted} connections: ${application}, ${variant}`,
        {
          skip: variant === 'nginx-reuseport' && noNginx,
          timeout: 240_000,
        },
        () => floodAll({ variant, application, close: 'server-fin' }, wanted),
      );

    for (const variant of ['reuseport', 'user-level'] as const)
      for (const close of closeModes)
        test(`flood() ends connections by ${close}: ${variant}`, { timeout: 120_000 }, () =>
          floodAll({ variant, application: 'echo', close }, 5_000),
        );

    test('flood() asks more than once on a connection', { timeout: 120_000 }, () =>
      floodAll({ variant: 'reuseport', application: 'http', close: 'client-fin' }, 2_000, { messages: 5 }),
    );
  });

  describe('packet engine and its names', () => {
    test('flood() has ports far beyond the range of the kernel', async () => {
      lab.inAgent('sysctl', '-qw', 'net.ipv4.ip_local_port_range=20000 20019');
      const seen = new Set<string>();
      await using server = await serverThat((socket) => {
        seen.add(`${socket.remoteAddress} ${socket.remotePort}`);
        echo(shape)(socket);
      });
      const [source] = lab.sourceAddresses;
      const result = await flood(order({ port: server.port, ...shape, sourceAddresses: [source] }));
      assert.deepEqual(failures(result), {});
      assert.ok(result.lifetime.completed > 50, `${result.lifetime.completed} connections`);
      assert.equal(seen.size, result.lifetime.attempted, 'no name came twice');
    });

    test('flood() opens a name again that its server still has in TIME_WAIT', async () => {
      await using server = await serverThat(echo({ ...shape, messages: 1 }));
      const theOrder = order({
        port: server.port,
        ...shape,
        close: 'server-fin',
        sourceAddresses: lab.sourceAddresses.slice(0, 1),
      });
      // Each flood begins with the same names; what the first left is 60 s in the server's TIME_WAIT.
      const [first, second] = [await flood(theOrder), await flood(theOrder)];
      assert.deepEqual([failures(first), failures(second)], [{}, {}]);
      // A SYN that is not taken at once would be sent again a second later.
      assert.ok((second.latency.connect.max ?? 9) < 0.9, `${second.latency.connect.max} s`);
    });
  });

  describe('packet engine and the kernel', () => {
    for (const backend of ['af_xdp', 'af_packet'] as const)
      for (const close of closeModes)
        test(`the kernel answers nothing of a flood over ${backend}, ${close}`, {
          timeout: 60_000,
        }, async () => {
          await using server = await serverThat(
            echo({ ...shape, ...(close === 'server-fin' ? { messages: 1 } : {}) }),
          );
          const frames = watchFrames('srv0');
          const before = kernelSegments(lab);
          const thread = await started(
            lab.carrying(backend).order({
              port: server.port,
              ...shape,
              ...patient,
              close,
              load: { kind: 'closed', concurrency: 32 },
              measuredSeconds: 60,
            }),
          );
          assert.ok(await eventually(() => thread.counts().completed > 200, 30_000), 'it floods');
          // While it lasts: whoever answers afterwards answers to what a stopped flood left open.
          const seen = frames.close();
          assert.deepEqual(kernelSegments(lab), before, "the agent's kernel took or sent segments");
          const { attempted, failed } = thread.counts();
          thread.stop('seen enough');
          await thread.result;
          assert.equal(
            Object.values(failed).reduce((sum, count) => sum + count),
            0,
          );
          // Those of the last batch may not have gone out yet.
          assert.ok(seen.segments >= 3 * 150, `${seen.segments} segments`);
          if (close === 'client-rst') assert.ok(seen.resets >= 150 && seen.resets <= attempted);
          else assert.equal(seen.resets, 0);
        });
  });

  describe('packet engine and servers that misbehave', () => {
    for (const [kind, cause] of [
      ['wrong-bytes', 'wrongContent'],
      ['half-answer', 'shortResponse'],
      ['closes', 'shortResponse'],
      ['resets', 'reset'],
      ['nothing', 'timedOut'],
    ] as const)
      for (const application of ['echo', 'http'] as const)
        test(`flood() counts a server of ${application} that is "${kind}" as ${cause}`, async () => {
          const server = await startFaultyServer(kind, { application, address: lab.targetAddresses[0] });
          try {
            const result = await flood(
              order({ port: server.port, application, ...shape, responseTimeoutMs: 150 }),
            );
            assert.deepEqual(Object.keys(failures(result)), [cause]);
            assert.equal(result.counts.completed, 0);
          } finally {
            await server.close();
          }
        });

    test('flood() takes an answer that only looks like the last right one for wrong', async () => {
      const right = Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n'),
        patternBytes(64),
      ]);
      const wrong = Buffer.from(right);
      wrong[right.length - 7] ^= 4;
      await using server = await serverThat((socket, index) => {
        socket.on('data', () => socket.write(index % 4 === 3 ? wrong : right));
      });
      const result = await flood(order({ port: server.port, application: 'http', ...shape }));
      assert.deepEqual(Object.keys(failures(result)), ['wrongContent']);
      const { attempted, failed } = result.lifetime;
      assert.ok(Math.abs(failed.wrongContent - attempted / 4) <= 1, `${failed.wrongContent} of ${attempted}`);
    });
  });
}

/** Of the agent's kernel: segments that its TCP took in, and resets that it sent. */
function kernelSegments(lab: PacketLab): Record<string, number> {
  const [names = [], values = []] = lab
    .inAgent('cat', '/proc/net/snmp')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
    .map((line) => line.split(' '));
  return Object.fromEntries(
    ['InSegs', 'OutSegs', 'OutRsts'].map((name) => [name, Number(values[names.indexOf(name)])]),
  );
}
