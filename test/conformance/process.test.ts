/** The conformance port as a process: how it starts and ends, who commands it, what it costs while nothing happens. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { errno } from './errno.ts';
import { KernelClient } from './kernel-client.ts';
import { answersPing } from './ping.ts';
import {
  type Control,
  controlPath,
  inLabOf,
  linkKinds,
  portAddress,
  portLab,
  portSays,
  startPort,
} from './port-process.ts';

const { EAGAIN } = errno;

test('the port says what is wrong with its words, and ends with 2', { timeout: 60_000 }, async () => {
  const good = ['--link', 'tap:t0', '--address', '198.18.0.2', '--port', '80', '--control', '/tmp/none'];
  const without = (name: string): string[] =>
    good.filter((_, at) => at !== good.indexOf(name) && at !== good.indexOf(name) + 1);
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^Cannot start without --link: it has no default/],
    [without('--port'), /^Cannot start without --port/],
    [[...good, '--port', '0'], /^Cannot use --port "0": wanted a whole number from 1 to 65535/],
    [[...good, '--address', '::1'], /^Cannot use --address "::1": wanted an IPv4 address/],
    [[...good, '--link', 'tun:t0'], /^Cannot read the link "tun:t0": wanted af_xdp:DEVICE/],
    [[...good, '--link', 'auto:t0'], /^Cannot use --link auto/],
    [[...good, '--backlog', 'many'], /^Cannot use --backlog "many"/],
    [[...good, '--lonk', 'x'], /Unknown option '--lonk'/],
    [[...good, '--link', 'af_packet:nosuch0'], /nosuch0/],
  ];
  for (const [words, message] of wrong) {
    const { status, out, error } = await portSays(words);
    assert.deepEqual([status, out], [2, ''], error);
    assert.match(error, message);
    assert.equal(error.trimEnd().split('\n').length, 1, error);
  }
  const help = await portSays(['--help']);
  assert.deepEqual([help.status, help.error], [0, '']);
  assert.match(help.out, /^Usage: .*tcp-port\.js --link LINK/);
});

for (const kind of linkKinds)
  test(
    `the port over ${kind} says that it is ready, and ends with 0 on SIGTERM`,
    inLabOf(kind),
    async (t) => {
      const lab = portLab(t, kind);
      const path = controlPath(t);
      // Three lives on one device and one path; the second ends without a word.
      for (const signal of ['SIGTERM', 'SIGKILL', 'SIGINT'] as const) {
        const port = await startPort(t, lab, { path });
        assert.match(port.ready, new RegExp(`^ready: ${portAddress}:8080 by ${kind} [^\\n]*\\n$`));
        const control = await port.control();
        const client = await KernelClient.connected(t);
        const fd = await control.until(`accept ${client.port}`);
        assert.equal(await control.say(`recv ${fd} 1 0`), -EAGAIN);
        port.process.kill(signal);
        assert.equal(await port.ended, signal === 'SIGKILL' ? 'SIGKILL' : 0);
        assert.equal(existsSync(path), signal === 'SIGKILL');
        if (signal !== 'SIGKILL') assert.equal(await client.untilEnd(), 'ECONNRESET');
      }
    },
  );

test('the port ends with 1 when its device is gone', inLabOf('af_xdp'), async (t) => {
  const lab = portLab(t, 'af_xdp');
  const port = await startPort(t, lab);
  lab.namespace.run('ip', 'link', 'delete', 'left');
  assert.equal(await port.ended, 1);
});

test(
  'the port refuses a control path that is not a socket, and leaves it alone',
  inLabOf('af_packet'),
  async (t) => {
    const lab = portLab(t, 'af_packet');
    const path = controlPath(t);
    writeFileSync(path, 'precious');
    await assert.rejects(startPort(t, lab, { path }), /ended with 2/);
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  },
);

test('many clients command the port, at once and one after the other', inLabOf('af_packet'), async (t) => {
  const port = await startPort(t, portLab(t, 'af_packet'));
  const client = await KernelClient.connected(t);
  const first = await port.control();
  const fd = await first.until(`accept ${client.port}`);
  // What one has accepted, all can use; and it outlives the one.
  first.end();
  for (let turn = 0; turn < 20; turn++) {
    const next = await port.control();
    client.socket.write('x');
    assert.equal(await next.until(`recv ${fd} 10 0`), 1);
    next.end();
  }
  const many = await Promise.all(Array.from({ length: 10 }, () => port.control()));
  const answers = await Promise.all(many.map((control, index) => control.say(`recv ${90 + index} 1 0`)));
  assert.deepEqual(answers, new Array(10).fill(-errno.EBADF));
  // Several lines in one piece; a line in several pieces; line ends of other systems.
  const [control] = many as [Control];
  assert.deepEqual(await control.ask(`write ${fd} 3\nwrite ${fd} 4\r\nrecv ${fd} 1`, 2), [3, 4]);
  assert.deepEqual(await control.ask(` 0\nbogus\n`, 2), [-EAGAIN, -errno.EINVAL]);
  // A line of any length is one line, has one answer, and costs nobody else anything.
  const rude = connect(port.path);
  rude.write('x'.repeat(1_000_000));
  assert.equal(await control.say(`write ${fd} 1`), 1);
  await client.until(8);
  const long = `write ${fd} 1${' '.repeat(300)}`;
  rude.end(`\n${long}\nclose 90\nclose 91`);
  assert.equal(await text(rude), [-errno.EINVAL, -errno.EINVAL, -errno.EBADF, -errno.EBADF, ''].join('\n'));
});

test(
  'the port answers within a millisecond or so, and costs little while nothing happens',
  inLabOf('af_xdp'),
  async (t) => {
    const port = await startPort(t, portLab(t, 'af_xdp'));
    const control = await port.control();
    const client = await KernelClient.connected(t);
    const fd = await control.until(`accept ${client.port}`);
    await sleep(500);
    const busyMs = (): number => {
      const fields =
        readFileSync(`/proc/${port.process.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) * 10;
    };
    const [beforeMs, beganMs] = [busyMs(), performance.now()];
    await sleep(2_000);
    const share = (busyMs() - beforeMs) / (performance.now() - beganMs);
    t.diagnostic(`${(share * 100).toFixed(1)} % of a core`);
    assert.ok(share < 0.3, `${share}`);
    const times: number[] = [];
    for (let turn = 0; turn < 101; turn++) {
      if (turn % 10 === 0) await sleep(30);
      const startMs = performance.now();
      assert.equal(await control.say(`write ${fd} 1`), 1);
      times.push(performance.now() - startMs);
    }
    const median = times.sort((a, b) => a - b)[50] as number;
    t.diagnostic(`${median.toFixed(2)} ms`);
    assert.ok(median < 20, `${median} ms`);
  },
);

for (const kind of linkKinds)
  test(`ARP and ping for the port over ${kind} are answered`, inLabOf(kind), async (t) => {
    const lab = portLab(t, kind);
    await startPort(t, lab);
    assert.equal(await answersPing(portAddress), true);
    assert.match(lab.clients.run('ip', 'neighbour', 'show', portAddress), / lladdr /);
  });
