import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { closeRedis, connectRedis, untilReady } from '../../control/connection.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'test-tls-'));
const key = join(folder, 'key.pem');
const certificate = join(folder, 'certificate.pem');
const made = spawnSync(
  'openssl',
  ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    .concat(['-keyout', key, '-out', certificate, '-subj', '/CN=localhost'])
    .concat(['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']),
  { encoding: 'utf8' },
);
const skip =
  made.status === 0 ? false : `openssl cannot make a certificate here: ${made.error?.message ?? made.stderr}`;
let server: PrivateRedis | undefined;
let port = 0;

before(async () => {
  if (skip !== false) return;
  port = await freePort();
  server = await startPrivateRedis(
    ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key].concat([
      '--tls-ca-cert-file',
      certificate,
      '--tls-auth-clients',
      'no',
      '--bind',
      '127.0.0.1',
    ]),
  );
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

test('connectRedis() talks TLS with a password to a Redis whose authority the URL names', {
  skip,
}, async () => {
  const url = `rediss://:${encodeURIComponent(server?.password ?? '')}@localhost:${port}?ca=${certificate}`;
  const redis = connectRedis(url, { name: 'test' });
  await untilReady(redis, url);
  assert.equal(await redis.ping(), 'PONG');
  await closeRedis(redis);
});

test('untilReady() refuses a Redis whose certificate nobody vouches for, and says so', { skip }, async () => {
  const url = `rediss://:hidden@localhost:${port}`;
  const redis = connectRedis(url, { name: 'test' });
  await assert.rejects(
    untilReady(redis, url, 1_000),
    /Cannot reach Redis at rediss:\/\/localhost:\d+: .*certificate/,
  );
  redis.disconnect();
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
