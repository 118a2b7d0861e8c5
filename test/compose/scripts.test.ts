import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { closeRedis, connectRedis, untilReady } from '../../control/connection.ts';
import { takeToken } from '../../protocol/access.ts';
import { freePort, startClusterRedis } from './cluster-redis.ts';
import { readCompose } from './project-files.ts';

/** The scripts work beside the compose files: here, in a copy that is nobody's. */
const folder = mkdtempSync(join(tmpdir(), 'test-scripts-'));
cpSync('docker', join(folder, 'docker'), { recursive: true });
after(() => rmSync(folder, { recursive: true }));
const run = (script: string, ...parameters: string[]) =>
  spawnSync('sh', [join(folder, 'docker', script), ...parameters], { encoding: 'utf8' });

test('make-env.sh writes secrets of its own making that only its owner reads, and once', () => {
  const { status, stdout } = run('make-env.sh');
  assert.equal(status, 0);
  assert.match(stdout, /^wrote \.env: secrets, and cores [\d-]+ for the server, [\d-]+ for the agents$/m);
  assert.equal(statSync(join(folder, '.env')).mode & 0o777, 0o600);
  const text = readFileSync(join(folder, '.env'), 'utf8');
  const variables = Object.fromEntries(
    [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const secrets = Object.entries(variables).filter(([name]) => /PASSWORD|TOKEN/.test(name as string));
  assert.equal(secrets.length, 5);
  assert.equal(new Set(secrets.map(([, value]) => value)).size, 5);
  for (const [name, value] of secrets) {
    assert.match(value as string, /^[0-9a-f]{48}$/, name);
    assert.ok(!stdout.includes(value as string), name);
  }
  assert.equal(takeToken({ STAMPEDE_TOKEN: variables.STAMPEDE_TOKEN as string }), variables.STAMPEDE_TOKEN);
  // Nothing that docker-compose.yml asks for is left out.
  assert.equal(readCompose('docker-compose.yml', variables as Record<string, string>).services.size, 7);

  const again = run('make-env.sh');
  assert.deepEqual([again.status, readFileSync(join(folder, '.env'), 'utf8')], [2, text]);
  assert.match(
    again.stderr,
    /^Cannot write \.env: it is there already; wanted none\. Delete it for new secrets/,
  );
});

test('make-env.sh gives the server cores that are nobody else’s, and so the agents from six cores on', (t) => {
  const programs = mkdtempSync(join(tmpdir(), 'test-nproc-'));
  t.after(() => rmSync(programs, { recursive: true }));
  const given: (string | undefined)[][] = [];
  for (const cores of [1, 2, 4, 6, 9]) {
    writeFileSync(join(programs, 'nproc'), `#!/bin/sh\necho ${cores}\n`, { mode: 0o755 });
    rmSync(join(folder, '.env'), { force: true });
    const { status, stderr } = spawnSync('sh', [join(folder, 'docker', 'make-env.sh')], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${programs}:${process.env.PATH}` },
    });
    assert.equal(status, 0, stderr);
    const text = readFileSync(join(folder, '.env'), 'utf8');
    given.push(['SERVER', 'AGENT', 'CONTROL'].map((who) => new RegExp(`${who}_CPUS=(.*)`).exec(text)?.[1]));
  }
  assert.deepEqual(given, [
    ['0', '0', '0'],
    ['1', '0', '0'],
    ['2-3', '0-1', '0'],
    ['3-5', '1-2', '0'],
    ['5-8', '1-4', '0'],
  ]);
});

test('make-tls.sh makes what lets another machine reach Redis by TLS, and nobody by a name that is not its', async () => {
  const { status, stderr } = run('make-tls.sh', 'localhost', '127.0.0.1');
  assert.equal(status, 0, stderr);
  const tls = join(folder, 'tls');
  assert.deepEqual(readdirSync(tls).sort(), ['ca.crt', 'ca.key', 'redis.crt', 'redis.key']);
  assert.equal(statSync(tls).mode & 0o777, 0o700);
  assert.equal(statSync(join(tls, 'ca.key')).mode & 0o777, 0o600);
  assert.equal(run('make-tls.sh', 'localhost').status, 2);

  const port = await freePort();
  const redis = await startClusterRedis({ STAMPEDE_TLS_FOLDER: relative('', tls) }, [
    '--tls-port',
    String(port),
  ]);
  try {
    const [, credentials] = /\/\/(.*)@/.exec(redis.url('agent')) ?? [];
    const url = `rediss://${credentials}@localhost:${port}?ca=${join(tls, 'ca.crt')}`;
    const connection = connectRedis(url, { name: 'test' });
    await untilReady(connection, url);
    assert.equal(await connection.ping(), 'PONG');
    await closeRedis(connection);

    const wrong = url.replace('localhost', '127.0.0.2');
    const refused = connectRedis(wrong, { name: 'test' });
    await assert.rejects(untilReady(refused, wrong, 1_000), /Cannot reach Redis at rediss:/);
    refused.disconnect();
  } finally {
    await redis.stop();
  }
});

test('health.sh says well when /healthz does, and only then', async () => {
  const check = async (address: string): Promise<number> => {
    const done = promisify(execFile)('docker/health.sh', {
      env: { PATH: process.env.PATH, STAMPEDE_METRICS: address },
    });
    return done.then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  };
  let status = 200;
  let asked = '';
  const server: Server = createServer(({ url = '', headers }, response) => {
    asked = `${url} for ${headers.host}`;
    response.writeHead(status).end('ok\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  assert.equal(await check(`0.0.0.0:${port}`), 0);
  assert.equal(asked, `/healthz for 127.0.0.1:${port}`);
  assert.equal(await check(String(port)), 0);
  status = 503;
  assert.equal(await check(`0.0.0.0:${port}`), 1);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await check(`0.0.0.0:${port}`), 1);
});
