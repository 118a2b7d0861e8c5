/** What is the generator's own limit and not the server's failure: ports, descriptors, rights, and time. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LoadOrder } from '../../agent/load.ts';
import { backends, echo, type Flooded, failures, serverThat } from './flood-fixture.ts';

const program = fileURLToPath(new URL('./flood-child.js', import.meta.url));
const isRoot = process.getuid?.() === 0;

interface Setting {
  /** Put before `node`: what takes something away. */
  readonly under?: readonly string[];
  readonly changes: Partial<LoadOrder> & { readonly port?: number };
  readonly serve?: boolean;
  readonly denyIoUring?: boolean;
  readonly leaseSeconds?: number;
}

function child({ under = [], changes, serve = true, denyIoUring = false, leaseSeconds = 60 }: Setting): {
  process: ChildProcess;
  lines: AsyncIterator<string>;
} {
  const order = JSON.stringify({ changes, serve, denyIoUring, leaseSeconds });
  const [command, ...rest] = [...under, process.execPath, program, order];
  const started = spawn(command as string, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  return { process: started, lines };
}

async function floodUnder(setting: Setting): Promise<Flooded> {
  const { process: started, lines } = child(setting);
  const ended = once(started, 'exit');
  const { value } = await lines.next();
  assert.deepEqual(await ended, [0, null]);
  return JSON.parse(value as string) as Flooded;
}

for (const backend of backends) {
  describe(`socket engine over ${backend}, at its limits`, () => {
    test('flood() counts ports that ran out as noPort', {
      skip: isRoot ? false : 'not root: the range of ports belongs to a network namespace',
    }, async () => {
      const inNamespace =
        'ip link set lo up && sysctl -qw net.ipv4.ip_local_port_range="20000 20019" net.ipv4.tcp_tw_reuse=0 && exec "$0" "$@"';
      const result = await floodUnder({
        under: ['unshare', '--net', 'sh', '-c', inNamespace],
        changes: { backend, load: { kind: 'closed', concurrency: 4 }, measuredSeconds: 1.5 },
      });
      assert.deepEqual(Object.keys(failures(result)), ['noPort']);
      assert.ok(result.counts.completed >= 10 && result.counts.completed <= 20, `${result.counts.completed}`);
      assert.ok(result.counts.failed.noPort < 2_500, `${result.counts.failed.noPort}: it spins`);
    });

    test('flood() counts descriptors that ran out as noDescriptor, and floods with those it has', async () => {
      await using server = await serverThat(echo({ requestBytes: 64, responseBytes: 64 }));
      const result = await floodUnder({
        under: ['prlimit', '--nofile=256'],
        serve: false,
        // Time to begin more than there are descriptors for, on a busy machine, too.
        changes: {
          backend,
          port: server.port,
          load: { kind: 'closed', concurrency: 400 },
          measuredSeconds: 1.5,
        },
      });
      assert.equal(result.backend, backend);
      assert.deepEqual(Object.keys(failures(result)), ['noDescriptor']);
      assert.ok(result.counts.failed.noDescriptor >= 100);
      assert.ok(result.counts.completed > 10, `${result.counts.completed} connections`);
    });

    test('a process that was stopped makes no load after it wakes up with its lease run out', async () => {
      await using server = await serverThat(echo({ requestBytes: 64, responseBytes: 64 }));
      const stopped = child({
        serve: false,
        leaseSeconds: 1,
        changes: { backend, port: server.port, measuredSeconds: 60 },
      });
      const ended = once(stopped.process, 'exit');
      await stopped.lines.next();
      await sleep(300);
      stopped.process.kill('SIGSTOP');
      await sleep(1200);
      const accepted = server.accepted();
      assert.ok(accepted > 10, `${accepted} connections before`);
      const awakeAt = performance.now();
      stopped.process.kill('SIGCONT');
      const { value } = await stopped.lines.next();
      assert.ok(performance.now() - awakeAt < 1000);
      assert.equal(JSON.parse(value as string).stoppedEarly, 'its lease ran out');
      await ended;
      assert.ok(server.accepted() - accepted <= 8, `${server.accepted() - accepted} connections after`);
    });
  });
}

describe('socket engine where io_uring is refused', () => {
  test('auto falls back to epoll, says why, and floods all the same', async () => {
    const result = await floodUnder({ denyIoUring: true, changes: { backend: 'auto' } });
    assert.equal(
      result.backend,
      'epoll (io_uring: operation not permitted: kernel.io_uring_disabled or a seccomp profile forbids it)',
    );
    assert.deepEqual(failures(result), {});
    assert.ok(result.counts.completed > 5);
  });

  test('io_uring alone is refused with a message that names the other choice', () => {
    const order = { changes: { backend: 'io_uring' }, serve: false, denyIoUring: true, leaseSeconds: 60 };
    assert.throws(
      () => execFileSync(process.execPath, [program, JSON.stringify(order)], { stdio: 'pipe' }),
      /Cannot make load over io_uring: operation not permitted.*"auto" or "epoll"/,
    );
  });
});
