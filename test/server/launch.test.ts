/** The life of a server's process: fresh, refused, ended by others, stopped, orphaned. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitStatus, Failure } from '../../protocol/failure.ts';
import { launchServer } from '../../server-under-test/launch.ts';
import { findNginx } from '../../server-under-test/nginx-program.ts';
import { Client, isAlive, isRoot, namespaces, runningServer, specOf } from './under-test.ts';

const failure = (exitStatus: ExitStatus, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  assert.match(error.message, message);
  assert.equal(error.exitStatus, exitStatus);
  return true;
};

test('launchServer() starts a fresh process each time, on the same port again', async (context) => {
  const first = await runningServer(context);
  const { port, pid } = first;
  await first.finish();
  assert.equal(isAlive(pid), false);
  for (let again = 0; again < 3; again++) {
    const next = await runningServer(context, { port });
    assert.equal(next.port, port);
    assert.notEqual(next.pid, pid);
    await next.finish();
  }
});

test('launchServer() keeps every thread of the process on the cores of the server, and takes its own back', async (context) => {
  const allowed = (path: string) => /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(path, 'utf8'))?.[1];
  const before = allowed('/proc/thread-self/status');
  const { pid } = await runningServer(context, { cores: [0] });
  const threads = readdirSync(`/proc/${pid}/task`);
  assert.ok(threads.length > 2, 'the collector of garbage has threads');
  assert.deepEqual(
    [...new Set(threads.map((thread) => allowed(`/proc/${pid}/task/${thread}/status`)))],
    ['0'],
  );
  assert.equal(allowed('/proc/thread-self/status'), before);
});

test('launchServer() names address, port and what to do when the port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  for (const variant of ['single-queue', 'reuseport', ...(findNginx() === null ? [] : ['nginx'])]) {
    await assert.rejects(
      launchServer(specOf({ variant, port })),
      failure(
        ExitStatus.badInput,
        new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken; .*ss -ltnp`),
      ),
    );
  }
  other.close();
});

test('launchServer() does not share a port with a reuseport server that is there already', async (context) => {
  const first = await runningServer(context, { variant: 'reuseport' });
  await assert.rejects(
    launchServer(specOf({ variant: 'reuseport', port: first.port })),
    failure(ExitStatus.badInput, /the port is taken/),
  );
});

test('launchServer() refuses cores, addresses and namespaces that are not there', async () => {
  await assert.rejects(
    launchServer(specOf({ cores: [0, 977] })),
    failure(ExitStatus.badInput, /^Cannot start a server on core 977: this machine has cores /),
  );
  await assert.rejects(
    launchServer(specOf({ addresses: ['198.18.99.99'] })),
    failure(ExitStatus.badInput, /^Cannot listen on 198\.18\.99\.99:0: this machine has no such address/),
  );
  await assert.rejects(
    launchServer(specOf({ namespace: '/proc/1/ns/none' })),
    failure(ExitStatus.runIncomplete, /\/proc\/1\/ns\/none/),
  );
});

test('launchServer() says that a server was not ready in time, and leaves no process', async () => {
  await assert.rejects(
    launchServer(specOf({ readyMs: 1 })),
    failure(ExitStatus.runIncomplete, /^Cannot start the server "single-queue": not ready after 1 ms/),
  );
});

test('launchServer() says how a server ended before it was ready', async () => {
  const before = new Set(childrenOf(process.pid));
  const launching = launchServer(specOf());
  const pid = childrenOf(process.pid).find((child) => !before.has(child)) as number;
  process.kill(pid, 'SIGSEGV');
  await assert.rejects(
    launching,
    failure(
      ExitStatus.runIncomplete,
      /^Cannot start the server "single-queue": its process ended before it was ready: killed by SIGSEGV/,
    ),
  );
});

test('died settles with the signal that ended a server, and finish() rejects with it', async (context) => {
  const server = await runningServer(context);
  process.kill(server.pid, 'SIGKILL');
  assert.equal(await server.died, 'killed by SIGKILL');
  await assert.rejects(server.finish(), failure(ExitStatus.runIncomplete, /had ended: killed by SIGKILL/));
});

test('died stays open when the server was told to end', async (context) => {
  const server = await runningServer(context);
  await server.finish();
  assert.equal(await Promise.race([server.died, sleep(50, 'open')]), 'open');
});

test('finish() kills a stopped server, and says that it told nothing', async (context) => {
  const server = await runningServer(context);
  await stop(server.pid);
  await assert.rejects(
    server.finish(),
    failure(ExitStatus.runIncomplete, /did not tell its result within 2000 ms/),
  );
  assert.equal(isAlive(server.pid), false);
});

test('no file is left, however a server ended', {
  skip: findNginx() === null && 'nginx is not installed',
}, async (context) => {
  const before = process.env.TMPDIR;
  const folder = mkdtempSync(join(tmpdir(), 'launch-test-'));
  process.env.TMPDIR = folder;
  context.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(folder, { recursive: true });
  });
  const spec = { variant: 'nginx', responseBytes: 100_000 };
  const finished = await runningServer(context, spec);
  assert.equal(readdirSync(folder).length, 1);
  await finished.finish();
  const killed = await runningServer(context, spec);
  await killed.kill();
  const ended = await runningServer(context, spec);
  process.kill(ended.pid, 'SIGKILL');
  await ended.died;
  assert.deepEqual(readdirSync(folder), []);
});

test('kill() ends a stopped server at once', async (context) => {
  const server = await runningServer(context);
  await stop(server.pid);
  const startedMs = performance.now();
  await server.kill();
  assert.ok(performance.now() - startedMs < 2_000);
  assert.equal(isAlive(server.pid), false);
});

test('a server that was stopped and continued serves on', async (context) => {
  const server = await runningServer(context);
  await stop(server.pid);
  const client = await Client.to(server.port);
  client.send('GET /5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await sleep(100);
  assert.equal(client.received.length, 0);
  process.kill(server.pid, 'SIGCONT');
  assert.match((await client.untilEnd()).toString(), /^HTTP\/1\.1 200 OK\r\n.*01234$/s);
});

for (const variant of ['single-queue', 'single-queue:blocking', 'nginx']) {
  test(`${variant} ends within a second of SIGTERM, with connections open, and leaves nothing`, {
    skip: variant === 'nginx' && findNginx() === null && 'nginx is not installed',
  }, async (context) => {
    const server = await runningServer(context, { variant });
    const client = await Client.to(server.port);
    const group = groupOf(server.pid);
    assert.ok(group.length >= (variant === 'nginx' ? 4 : 1));
    const startedMs = performance.now();
    process.kill(server.pid, 'SIGTERM');
    assert.equal(await server.died, 'exited with status 0');
    assert.ok(performance.now() - startedMs < 1_000);
    assert.deepEqual(groupOf(server.pid), []);
    client.close();
    await assert.rejects(Client.to(server.port), /ECONNREFUSED/);
  });

  test(`${variant} dies with the process that launched it`, {
    skip: variant === 'nginx' && findNginx() === null && 'nginx is not installed',
  }, async () => {
    const launcher = new URL('../../server-under-test/launch.js', import.meta.url).href;
    const script = `
      const { launchServer } = await import(${JSON.stringify(launcher)});
      const server = await launchServer(${JSON.stringify(specOf({ variant }))});
      console.log(server.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString());
    assert.ok(groupOf(pid).length > 0);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    for (let waited = 0; groupOf(pid).length > 0 && waited < 2_000; waited += 20) await sleep(20);
    assert.deepEqual(groupOf(pid), []);
  });
}

test('accepted() follows what a running server accepts, core by core', async (context) => {
  const server = await runningServer(context, { variant: 'reuseport' });
  assert.deepEqual(server.accepted(), [0, 0]);
  for (let index = 0; index < 20; index++) (await Client.to(server.port)).close();
  await sleep(500);
  assert.equal(
    server.accepted()?.reduce((sum, count) => sum + count, 0),
    20,
  );
});

test('accept wait is null, with the reason, for a server without the right to trace', {
  skip: !isRoot && 'only root has rights to drop',
}, async (context) => {
  const launcher = new URL('../../server-under-test/launch.js', import.meta.url).href;
  const script = `
    const { launchServer } = await import(${JSON.stringify(launcher)});
    const server = await launchServer(${JSON.stringify(specOf())});
    const result = await server.finish();
    console.log(JSON.stringify(result));`;
  const output = execFileSync(
    'capsh',
    [
      '--drop=cap_sys_admin,cap_bpf,cap_perfmon',
      '--',
      '-c',
      '"$0" --input-type=module -e "$1"',
      process.execPath,
      script,
    ],
    { encoding: 'utf8' },
  );
  const result = JSON.parse(output);
  assert.equal(result.accept, null);
  assert.match(
    result.notes['latencySeconds.accept'],
    /^not measured: .*EPERM; needs CAP_BPF and CAP_PERFMON/,
  );
  context.diagnostic(result.notes['latencySeconds.accept']);
});

test('listen overflows are counted when the accept queue runs over', {
  skip: !isRoot && 'only root makes network namespaces',
}, async (context) => {
  const lab = await namespaces(context);
  // Inside the namespace alone: the queue of a listener there holds 4 connections.
  execFileSync('nsenter', [`--net=${lab.serverPath}`, 'sysctl', '-qw', 'net.core.somaxconn=4']);
  const server = await runningServer(context, {
    variant: 'single-queue:blocking',
    namespace: lab.serverPath,
    addresses: [lab.serverAddress],
    cores: [0],
  });
  server.beginMeasuring();
  await sleep(100);
  await stop(server.pid);
  const flood = spawn('nsenter', [
    `--net=${lab.clientPath}`,
    ...['wrk', '-t1', '-c50', '-d1s', `http://${lab.serverAddress}:${server.port}/`],
  ]);
  await once(flood, 'exit');
  process.kill(server.pid, 'SIGCONT');
  const result = await server.finish();
  assert.ok((result.listenOverflows ?? 0) > 0, 'overflows');
  assert.ok((result.listenDrops ?? 0) >= (result.listenOverflows ?? 0), 'drops include overflows');
});

/** Stops a process, and waits until every thread of it stands still. */
async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const states = (): string =>
    execFileSync('ps', ['-L', '-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  while (
    !states()
      .split('\n')
      .filter(Boolean)
      .every((state) => state.startsWith('T'))
  )
    await sleep(5);
}

function childrenOf(pid: number): number[] {
  const output = execFileSync('sh', ['-c', `cat /proc/${pid}/task/*/children`], { encoding: 'utf8' });
  return output.split(' ').filter(Boolean).map(Number);
}

/** Processes of a process group that are not zombies. */
function groupOf(group: number): number[] {
  return execFileSync('ps', ['-eo', 'pid=,pgid=,stat='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, pgid, stat]) => Number(pgid) === group && stat?.startsWith('Z') === false)
    .map(([pid]) => Number(pid));
}
