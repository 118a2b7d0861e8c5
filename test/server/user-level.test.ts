/** user-level: what it refuses, what it leaves to the kernel, what others see of it, and what it tells of itself. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { deviceIndex, hardwareAddressOf } from '../../linux/device-settings.ts';
import { allocate } from '../../linux/memory.ts';
import {
  bindBytes,
  closeDescriptor,
  connect,
  encodeSocketAddress,
  openFrameSocket,
  recv,
  send,
} from '../../linux/sockets.ts';
import { enterNetworkNamespace } from '../../linux/thread.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { ExitStatus, Failure } from '../../protocol/failure.ts';
import { launchServer, type RunningServer, type ServerSpec } from '../../server-under-test/launch.ts';
import { findNginx } from '../../server-under-test/nginx-program.ts';
import { segmentFrame } from '../linux/frames.ts';
import {
  Client,
  isRoot,
  type Namespaces,
  openNamespaces,
  parsedResponse,
  pattern,
  runningServer,
  specOf,
  within,
} from './under-test.ts';

/** All clients of this file are in one namespace, all servers in another. */
const lab = isRoot ? await openNamespaces() : null;
if (lab !== null) enterNetworkNamespace(lab.clientPath);
after(() => lab?.close());
const inLab = { skip: lab === null && 'only root makes network namespaces', timeout: 60_000 };

const { serverPath, serverAddress } = lab ?? ({} as Namespaces);

const hardwareAddresses = {
  load: lab === null ? new Uint8Array(6) : hardwareAddressOf('load'),
  serve: lab === null ? new Uint8Array(6) : within(serverPath, () => hardwareAddressOf('serve')),
};

function userLevel(context: TestContext, changes: Partial<ServerSpec> = {}): Promise<RunningServer> {
  return runningServer(context, {
    variant: 'user-level',
    namespace: serverPath,
    addresses: [serverAddress],
    ...changes,
  });
}

async function page(port: number, path = '/'): Promise<Buffer> {
  const client = await Client.to(port, serverAddress);
  client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return parsedResponse(await client.untilEnd()).body;
}

/** Holds until `isSo`, or the test's own time is over. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(20);
}

/** A mark has been taken: three reports came since, and the server's process reads what it is told between two of them. */
async function marked(server: RunningServer): Promise<void> {
  for (let reports = 0; reports < 3; reports++) {
    const last = server.accepted();
    await until(() => server.accepted() !== last);
  }
}

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
      (lab as Namespaces)
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
  'user-level goes on serving while 200 connections do not read a megabyte each',
  inLab,
  async (context) => {
    const server = await userLevel(context);
    const slow = await Promise.all(Array.from({ length: 200 }, () => Client.to(server.port, serverAddress)));
    context.after(() => {
      for (const client of slow) client.close();
    });
    for (const client of slow) {
      client.socket.pause();
      client.send('GET /1048576 HTTP/1.1\r\nHost: x\r\n\r\n');
    }
    for (let turn = 0; turn < 20; turn++) assert.deepEqual(await page(server.port), pattern(64));
    const [first] = slow as [Client];
    first.socket.resume();
    await first.until(1_048_576, 20_000);
    assert.deepEqual(parsedResponse(first.received).body, pattern(1_048_576));
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

test('user-level ends connections on which nothing happens', inLab, async (context) => {
  const server = await userLevel(context, { idleMs: 400 });
  const silent = await Client.to(server.port, serverAddress);
  await silent.untilEnd(20_000);
  assert.equal(silent.how, 'end');
  const result = await server.finish();
  assert.match(result.notes['server.connections'] ?? '', /1 ended because nothing happened/);
});

test('nginx is a proxy in front of user-level, over connections kept open', {
  ...inLab,
  skip: inLab.skip || (findNginx() === null && 'nginx is not installed'),
}, async (context) => {
  const server = await userLevel(context);
  const folder = mkdtempSync(join(tmpdir(), 'user-level-proxy-'));
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/pid; error_log stderr; user root;
     events {}
     http {
       access_log off; proxy_temp_path ${folder}/proxy; client_body_temp_path ${folder}/body;
       fastcgi_temp_path ${folder}/a; uwsgi_temp_path ${folder}/b; scgi_temp_path ${folder}/c;
       upstream behind { server ${serverAddress}:${server.port}; keepalive 4; }
       server {
         listen unix:${folder}/socket;
         location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }
       }
     }`,
  );
  const nginx = spawn(findNginx() as string, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  context.after(async () => {
    nginx.kill('SIGTERM');
    if (nginx.exitCode === null) await once(nginx, 'exit');
    rmSync(folder, { recursive: true, force: true });
  });
  const fetched = (path: string): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      get({ socketPath: join(folder, 'socket'), path }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks)));
      }).on('error', reject);
    });
  await until(() => existsSync(join(folder, 'socket')));
  for (const bytes of [0, 1, 500, 70_000, 1_048_576])
    assert.deepEqual(await fetched(`/${bytes}`), pattern(bytes));
  await Promise.all(
    Array.from({ length: 50 }, async () => assert.deepEqual(await fetched('/500'), pattern(500))),
  );
  const result = await server.finish();
  assert.ok((result.lifetimeAccepted ?? 0) < 55, 'connections were kept and used again');
});

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

test('a browser shows a page of user-level', {
  ...inLab,
  skip: inLab.skip || (browser === undefined && 'no Chromium here: apt-get install chromium'),
}, async (context) => {
  const server = await userLevel(context);
  const chrome = await chromium.launch({
    executablePath: browser ?? '',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  context.after(() => chrome.close());
  const tab = await chrome.newPage();
  for (const bytes of [500, 100_000]) {
    const response = await tab.goto(`http://${serverAddress}:${server.port}/${bytes}`);
    assert.equal(response?.status(), 200);
    assert.equal(await tab.textContent('body'), pattern(bytes).toString());
  }
});

/** A segment from this namespace's end to a port of the server, of a connection that is none. */
function segmentFor(
  port: number,
  // A port that the kernel here gives none of its own connections.
  from = { host: '198.18.77.1', port: 999 },
): Uint8Array<ArrayBuffer> {
  const number = (text: string): number => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  return segmentFrame({
    toHardware: hardwareAddresses.serve,
    fromHardware: hardwareAddresses.load,
    from: number(from.host),
    to: number(serverAddress),
    fromPort: from.port,
    toPort: port,
    number: 7,
  });
}

function corrupt(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const changed = frame.slice();
  changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 1;
  return changed;
}

/** A SYN from a port of a host that is not there. */
function synFor(port: number, fromPort: number): Uint8Array<ArrayBuffer> {
  const frame = segmentFor(port, { host: '198.18.77.99', port: fromPort });
  const view = new DataView(frame.buffer);
  const [flagsAt, checksumAt] = [46, 50];
  const before = view.getUint16(flagsAt);
  view.setUint16(flagsAt, 0x5002);
  // RFC 1624: the checksum, with one word changed.
  const sum = (~view.getUint16(checksumAt) & 0xffff) + (~before & 0xffff) + 0x5002;
  view.setUint16(checksumAt, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  return frame;
}

/** Puts frames on a device of this namespace. */
function sendFrames(device: string, frames: readonly Uint8Array[]): void {
  const AF_PACKET = 17;
  const socket = openFrameSocket('AF_PACKET', AF_PACKET, 0);
  const memory = allocate(2_048);
  try {
    const address = new Uint8Array(20);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setInt32(4, deviceIndex(device), true);
    bindBytes(`Cannot bind to "${device}"`, socket, address);
    for (const frame of frames) {
      new Uint8Array(memory.buffer).set(frame);
      assert.equal(send(socket, Number(memory.address), frame.byteLength, 0), frame.byteLength);
    }
  } finally {
    memory.unmap();
    closeDescriptor(socket);
  }
}

/** Whether somebody answers an ICMP echo request (RFC 792) within 10 s. */
async function answersPing(target: string): Promise<boolean> {
  const [AF_INET, IPPROTO_ICMP] = [2, 1];
  const socket = openFrameSocket('ICMP', AF_INET, IPPROTO_ICMP);
  const memory = allocate(256);
  try {
    const bytes = new Uint8Array(memory.buffer);
    const address = encodeSocketAddress(target, 0);
    bytes.set(address, 128);
    assert.equal(connect(socket, Number(memory.address) + 128, address.byteLength), 0);
    // Type 8, code 0, checksum, identifier, sequence number.
    bytes.set([8, 0, 0xf7, 0xff, 0, 0, 0, 0]);
    assert.equal(send(socket, Number(memory.address), 8, 0), 8);
    for (let tries = 0; tries < 500; tries++) {
      // The answer's type is behind an IPv4 header.
      if (recv(socket, Number(memory.address), 128, 0) >= 28 && bytes[20] === 0) return true;
      await sleep(20);
    }
    return false;
  } finally {
    memory.unmap();
    closeDescriptor(socket);
  }
}
