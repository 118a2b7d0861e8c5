/** user-level: what it refuses, what it leaves to the kernel, what it leaves behind, and what it tells of itself. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { ExitStatus, Failure } from '../../protocol/failure.ts';
import { launchServer } from '../../server-under-test/launch.ts';
import { answersPing, corrupt, segmentFor, sendFrames, synFor } from './stray-frames.ts';
import { Client, pattern, specOf, within } from './under-test.ts';
import { inLab, lab, marked, page, until, userLevel } from './user-level-lab.ts';

const { serverPath, serverAddress } = lab;

const refuses = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  assert.match(error.message, message);
  assert.equal(error.exitStatus, ExitStatus.badInput);
  return true;
};

test('user-level refuses loopback and IPv6, and says what it wants', async () => {
  await assert.rejects(
    launchServer(specOf({ variant: 'user-level' })),
    refuses(/^Cannot serve user-level on 127\.0\.0\.1: .*never becomes a frame.*lab "namespaces"/),
  );
  await assert.rejects(
    launchServer(specOf({ variant: 'user-level', addresses: ['::1'] })),
    refuses(/^Cannot serve user-level on ::1: its TCP speaks IPv4 only; wanted an IPv4 address/),
  );
});

test('user-level refuses an address that no device has, and a port that is taken', inLab, async (context) => {
  await assert.rejects(
    userLevel(context, { addresses: ['198.18.99.99'] }),
    refuses(/^Cannot listen on 198\.18\.99\.99:0: this machine has no such address/),
  );
  const kernel = await userLevel(context, { variant: 'reuseport' });
  await assert.rejects(userLevel(context, { port: kernel.port }), refuses(/the port is taken/));
  const first = await userLevel(context);
  await assert.rejects(userLevel(context, { port: first.port }), refuses(/the port is taken/));
  await assert.rejects(
    userLevel(context, { variant: 'reuseport', port: first.port }),
    refuses(/the port is taken/),
  );
});

test('user-level names the rights that it lacks', inLab, () => {
  const launcher = new URL('../../server-under-test/launch.js', import.meta.url).href;
  // In the namespace where it starts: without rights it could not enter another.
  const spec = specOf({ variant: 'user-level', addresses: ['198.18.77.1'] });
  const script = `
    const { launchServer } = await import(${JSON.stringify(launcher)});
    await launchServer(${JSON.stringify(spec)}).catch((error) => console.log(error.message));`;
  const output = execFileSync(
    'capsh',
    [
      '--drop=cap_sys_admin,cap_bpf,cap_net_raw,cap_net_admin',
      '--',
      '-c',
      '"$0" --input-type=module -e "$1"',
      process.execPath,
      script,
    ],
    { encoding: 'utf8' },
  );
  assert.match(output, /^Cannot serve user-level: .*EPERM.*; needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF/);
});

test('user-level takes any free port for 0, and the kernel answers nothing on it', inLab, async (context) => {
  const { port } = await userLevel(context, { variant: 'user-level:af-packet' });
  assert.ok(port > 0);
  for (let turn = 0; turn < 20; turn++) assert.deepEqual(await page(port), pattern(64));
  const sent = (): number => {
    const snmp = within(serverPath, () => readFileSync('/proc/thread-self/net/snmp', 'latin1'));
    const [names = [], values = []] = snmp
      .split('\n')
      .filter((line) => line.startsWith('Tcp:'))
      .map((line) => line.split(' '));
    return Number(values[names.indexOf('OutSegs')]) + Number(values[names.indexOf('OutRsts')]);
  };
  const before = sent();
  assert.deepEqual(await page(port), pattern(64));
  assert.equal(sent(), before);
});

for (const variant of ['user-level:af-xdp', 'user-level:af-packet'])
  test(`the kernel answers ping and its own ports while ${variant} serves`, inLab, async (context) => {
    const { port } = await userLevel(context, { variant });
    const kernel = await userLevel(context, { variant: 'reuseport' });
    assert.deepEqual(await page(port), pattern(64));
    assert.equal(await answersPing(serverAddress), true);
    assert.deepEqual(await page(kernel.port), pattern(64));
    assert.deepEqual(await page(port), pattern(64));
    await assert.rejects(Client.to(1, serverAddress), /ECONNREFUSED/);
  });

for (const variant of ['user-level:af-xdp', 'user-level:af-packet'])
  test(`${variant}, killed, leaves no program on the device and the port free`, inLab, async (context) => {
    const programs = (): string =>
      lab
        .server('ip', '-details', 'link', 'show', 'serve')
        .match(/xdp\S*/g)
        ?.join() ?? '';
    const before = programs();
    const server = await userLevel(context, { variant });
    const { port } = server;
    if (variant.endsWith('xdp')) assert.match(programs(), /xdp/);
    const client = await Client.to(port, serverAddress);
    context.after(() => client.close());
    process.kill(server.pid, 'SIGKILL');
    assert.equal(await server.died, 'killed by SIGKILL');
    await until(() => programs() === before);
    await assert.rejects(Client.to(port, serverAddress), /ECONNREFUSED/);
    await userLevel(context, { variant: 'single-queue', port });
    assert.deepEqual(await page(port), pattern(64));
  });

test('user-level ends within a second of being told, and resets what is open', inLab, async (context) => {
  const server = await userLevel(context);
  const client = await Client.to(server.port, serverAddress);
  client.send('GET /5 HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until(20);
  const startedMs = performance.now();
  await server.finish();
  assert.ok(performance.now() - startedMs < 2_000);
  await client.ended;
  assert.equal(client.how, 'ECONNRESET');
  await assert.rejects(Client.to(server.port, serverAddress), /ECONNREFUSED/);
});

test('user-level costs under 5 % of its cores while nothing happens', inLab, async (context) => {
  const server = await userLevel(context);
  for (let turn = 0; turn < 20; turn++) await page(server.port);
  const open = await Promise.all(Array.from({ length: 50 }, () => Client.to(server.port, serverAddress)));
  context.after(() => {
    for (const client of open) client.close();
  });
  await sleep(300);
  const busyMs = (): number => {
    const fields = readFileSync(`/proc/${server.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  const [beforeMs, startedMs] = [busyMs(), performance.now()];
  await sleep(2_000);
  const share = (busyMs() - beforeMs) / (performance.now() - startedMs) / 2;
  context.diagnostic(`${(share * 100).toFixed(2)} % of each core`);
  assert.ok(share < 0.05, `${share}`);
});

test(
  'user-level tells what it measured: connections, waits, queues, drops by cause',
  inLab,
  async (context) => {
    const server = await userLevel(context, { close: 'client-fin' });
    await page(server.port);
    server.beginMeasuring();
    await marked(server);
    for (let turn = 0; turn < 30; turn++) await page(server.port, '/100');
    const client = await Client.to(server.port, serverAddress);
    client.send('GET /5 HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until(20);
    client.socket.resetAndDestroy();
    sendFrames('load', [corrupt(segmentFor(server.port))]);
    // To a port that listens, of no connection: answered with a reset (RFC 9293 3.10.7.2).
    sendFrames('load', [segmentFor(server.port)]);
    // What was sent last has no answer to wait for.
    await sleep(300);
    server.endMeasuring();
    await marked(server);
    await page(server.port);
    const result = await server.finish();
    assert.equal(result.accepted, 31);
    assert.equal(result.lifetimeAccepted, 33);
    assert.equal(result.listenOverflows, 0);
    assert.equal(result.listenDrops, 0);
    assert.equal(result.locality, 1);
    assert.match(result.notes['server.locality'] ?? '', /^by construction/);
    const wait = LatencyHistogram.decode(result.accept as string).summary();
    assert.equal(wait.count, 31);
    assert.ok((wait.max ?? 99) < 1);
    assert.equal(
      result.cores?.reduce((sum, { accepted }) => sum + (accepted ?? 0), 0),
      31,
    );
    const { userLevel: figures } = result;
    assert.ok(figures);
    assert.match(figures.link, /^af_xdp .*serve/);
    assert.ok(figures.framesPerBatch.mean >= 1 && figures.framesPerBatch.most < 1_000);
    // Towards a kernel, by the ring.
    assert.equal(figures.framesSent?.together, 0);
    assert.ok((figures.framesSent?.all ?? 0) >= 2 * 31);
    assert.ok(figures.acceptQueue.most === 1 && figures.acceptQueue.mean <= 1);
    assert.ok(figures.halfOpen.most <= 1);
    assert.deepEqual(figures.cookies, { sent: 0, accepted: 0 });
    assert.deepEqual(figures.resets, { sent: 1, received: 1 });
    assert.equal(figures.drops.badTcpChecksum, 1);
    assert.equal(figures.retransmissions.fast, 0);
    assert.match(result.notes['server.connections'] ?? '', /1 reset by their peers/);
  },
);

test(
  'user-level answers by cookies when half-open connections fill its queue, and still accepts',
  inLab,
  async (context) => {
    const server = await userLevel(context, { cores: [0] });
    server.beginMeasuring();
    await marked(server);
    // From nobody, in bursts that the device has room for: nothing is ever answered to the SYN+ACKs.
    for (let burst = 0; burst < 24; burst++) {
      const ports = Array.from({ length: 250 }, (_, index) => 1_024 + burst * 250 + index);
      sendFrames(
        'load',
        ports.map((from) => synFor(server.port, from)),
      );
      await sleep(20);
    }
    assert.deepEqual(await page(server.port), pattern(64));
    server.endMeasuring();
    await marked(server);
    const { userLevel: figures, listenOverflows, accepted } = await server.finish();
    assert.ok(figures);
    assert.equal(accepted, 1);
    assert.equal(figures.halfOpen.most, 4_096);
    assert.ok(figures.cookies.sent > 100, `${figures.cookies.sent} cookies of 6000 - 4096`);
    assert.equal(figures.cookies.accepted, 1);
    assert.equal(listenOverflows, figures.cookies.sent + (figures.drops.backlogFull ?? 0));
  },
);
