import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Exporter } from '../../exporter/exporter.ts';
import { parseListenAddress } from '../../protocol/access.ts';
import { Failure } from '../../protocol/failure.ts';

const token = '0123456789abcdef0123456789abcdef';

async function open(
  t: TestContext,
  { address = '0', own = null as string | null, trouble = () => null as string | null } = {},
): Promise<{ exporter: Exporter; port: number }> {
  const listen = parseListenAddress(address);
  const exporter = await Exporter.open({ service: 'agent', listen, token: own, version: '1.2.3' }, trouble);
  t.after(() => exporter.close());
  return { exporter, port: Number(new URL(exporter.url).port) };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {} as Record<string, string>, body = '' } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (data: string) => {
        text += data;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** What comes back for these bytes, until the other side ends. */
async function sent(port: number, bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => {
    text += data;
  });
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

test('/metrics is Prometheus’ text, /healthz is health, and nothing else is there', async (t) => {
  let trouble: string | null = null;
  const { port } = await open(t, { trouble: () => trouble });
  const metrics = await ask(port, '/metrics');
  assert.equal(metrics.status, 200);
  assert.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(metrics.text, /^stampede_build_info\{version="1\.2\.3"\} 1$/m);
  const health = await ask(port, '/healthz');
  assert.deepEqual([health.status, health.text], [200, 'ok\n']);
  trouble = 'the lease was last renewed 9 s ago';
  const unwell = await ask(port, '/healthz');
  assert.deepEqual([unwell.status, unwell.text], [503, 'not ok: the lease was last renewed 9 s ago\n']);
  for (const path of ['/', '/metrics/', '/metrics/../x', '/debug', '/%2e%2e/etc/passwd'])
    assert.equal((await ask(port, path)).status, 404, path);
  assert.equal((await ask(port, '/metrics?collect[]=x')).status, 200);
});

test('a token is wanted where there is one, and health tells only that much without it', async (t) => {
  const { port } = await open(t, { address: '0.0.0.0:0', own: token, trouble: () => 'Redis is away' });
  const authorised = (authorization: string) => ask(port, '/metrics', { headers: { authorization } });
  assert.equal((await authorised(`Bearer ${token}`)).status, 200);
  assert.equal((await authorised(`bearer ${token}`)).status, 200);
  for (const wrong of [
    'Bearer ',
    `Bearer ${token.slice(1)}`,
    `Bearer ${token}x`,
    `Bearer ${token.toUpperCase()}`,
    `Bearer ${token} ${token}`,
    `Basic ${Buffer.from(`x:${token}`).toString('base64')}`,
    token,
  ])
    assert.equal((await authorised(wrong)).status, 401, wrong);
  const without = await ask(port, '/metrics');
  assert.equal(without.status, 401);
  assert.match(String(without.headers['www-authenticate']), /^Bearer /);
  assert.doesNotMatch(without.text, /stampede_/);
  assert.equal((await ask(port, `/metrics?token=${token}`)).status, 401);
  assert.deepEqual((await ask(port, '/healthz')).text, 'not ok\n');
  const told = await ask(port, '/healthz', { headers: { authorization: `Bearer ${token}` } });
  assert.equal(told.text, 'not ok: Redis is away\n');
});

test('what no honest client sends is refused, and the exporter goes on', async (t) => {
  const { port } = await open(t);
  assert.equal((await ask(port, `/metrics?${'x'.repeat(300)}`)).status, 414);
  assert.equal((await ask(port, '/metrics', { headers: { 'x-long': 'x'.repeat(9_000) } })).status, 431);
  assert.match(await sent(port, `GET /${'x'.repeat(1_000_000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 431/);
  assert.equal((await ask(port, '/metrics', { method: 'POST', body: 'x' })).status, 413);
  assert.match(
    await sent(port, 'POST /metrics HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n'),
    /^HTTP\/1\.1 413/,
  );
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, headers, text } = await ask(port, '/metrics', { method });
    assert.deepEqual([status, headers.allow, text], [405, 'GET, HEAD', 'only GET and HEAD are wanted\n']);
  }
  assert.match(await sent(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400/);
  const head = await ask(port, '/metrics', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
  assert.equal((await ask(port, '/metrics')).status, 200);
});

test('on loopback without a token, a Host that is not this machine is refused: a page must not read it', async (t) => {
  const { port } = await open(t);
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    '192.0.2.1',
    'localhost.evil.example',
    '[2001:db8::1]',
  ])
    assert.equal((await ask(port, '/metrics', { headers: { host } })).status, 421, host);
  assert.match(
    await sent(port, 'GET /metrics HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1\.1 421/,
  );
  assert.match(await sent(port, 'GET /metrics HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 421/);
  for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`])
    assert.equal((await ask(port, '/metrics', { headers: { host } })).status, 200, host);
});

test('a request that does not come to its end is not waited for', async (t) => {
  const { port } = await open(t);
  const began = performance.now();
  assert.match(await sent(port, 'GET /metrics HTTP/1.1\r\nHo'), /^HTTP\/1\.1 408/);
  assert.ok(performance.now() - began < 8_000);
});

test('connections are few: more are closed, and those that are there are answered', async (t) => {
  const { port } = await open(t);
  const idle = Array.from({ length: 100 }, () => connect({ host: '127.0.0.1', port }).on('error', () => {}));
  t.after(() => {
    for (const socket of idle) socket.destroy();
  });
  await sleep(200);
  assert.ok(idle.filter((socket) => socket.closed).length >= 36);
  for (const socket of idle.slice(0, 64)) socket.destroy();
  await sleep(50);
  assert.equal((await ask(port, '/metrics')).status, 200);
});

test('off loopback without a token nothing is served: exit status 2, and what to do', async () => {
  for (const address of ['0.0.0.0:0', '[::]:0'])
    await assert.rejects(
      Exporter.open(
        { service: 'server', listen: parseListenAddress(address), token: null, version: '0' },
        () => null,
      ),
      (error: unknown) =>
        error instanceof Failure &&
        error.exitStatus === 2 &&
        /no token; wanted one in STAMPEDE_TOKEN/.test(error.message),
    );
});

test('an address that is taken, or not of this machine, is exit status 2', async (t) => {
  const { port } = await open(t);
  for (const address of [String(port), `127.0.0.1:${port}`])
    await assert.rejects(
      Exporter.open(
        { service: 'agent', listen: parseListenAddress(address), token: null, version: '0' },
        () => null,
      ),
      (error: unknown) =>
        error instanceof Failure &&
        error.exitStatus === 2 &&
        /Cannot serve metrics on 127\.0\.0\.1:\d+: .*EADDRINUSE/.test(error.message),
    );
  await assert.rejects(
    Exporter.open(
      { service: 'agent', listen: parseListenAddress('192.0.2.1:9464'), token, version: '0' },
      () => null,
    ),
    /Cannot serve metrics on 192\.0\.2\.1:9464: .*EADDRNOTAVAIL/,
  );
});

test('untilRead() waits for who reads again and again, once, and for nobody else', async (t) => {
  const { exporter, port } = await open(t);
  const never = new AbortController().signal;
  const waited = async (signal: AbortSignal) => {
    const began = performance.now();
    await exporter.untilRead(signal);
    return performance.now() - began;
  };
  assert.equal(exporter.isRead, false);
  assert.ok((await waited(never)) < 50);
  await ask(port, '/metrics');
  assert.equal(exporter.isRead, false);
  await sleep(300);
  await ask(port, '/metrics');
  assert.equal(exporter.isRead, true);
  // Read once more: at once.
  const reading = waited(never);
  await ask(port, '/metrics');
  assert.ok((await reading) < 1_000);
  // Told not to wait.
  assert.ok((await waited(AbortSignal.timeout(50))) < 1_000);
  // Whoever does not come is waited for as long as it had let pass, and a second.
  const inVain = await waited(never);
  assert.ok(inVain > 1_200 && inVain < 4_000, `${inVain} ms`);
});
