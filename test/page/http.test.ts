/** The page's server as a browser, a script and an intruder meet it. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { servePage } from '../../coordinator/page/serve-page.ts';
import { Failure } from '../../protocol/failure.ts';
import type { PastRun } from '../../protocol/live-page.ts';
import { LiveClient } from './live-client.ts';
import { assets, servedPage, ToldRun } from './told-run.ts';

const token = 'a-token-of-thirty-characters!!';

test('without a token the page is for this machine alone', async () => {
  const run = new ToldRun();
  const options = { token: null, assets, folder: '/nowhere/run', model: run.model };
  for (const host of ['0.0.0.0', '::', '192.0.2.1'])
    await assert.rejects(servePage({ ...options, address: { host, port: 0 } }), (error: unknown) => {
      assert.ok(error instanceof Failure && error.exitStatus === 2);
      assert.match(error.message, /not loopback and there is no token; wanted one in STAMPEDE_TOKEN/);
      return true;
    });
});

test('a port that is taken is named, with what to do', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const run = new ToldRun();
  const options = { token: null, assets, folder: '/nowhere/run', model: run.model };
  await assert.rejects(
    servePage({ ...options, address: { host: '127.0.0.1', port } }),
    /Cannot serve the live page on 127\.0\.0\.1:\d+: .*EADDRINUSE.*Name another with --page\.$/,
  );
});

test('the upgrade is refused with 401 without the token, with another one, and from a foreign page', async (t) => {
  const run = new ToldRun();
  const { port } = await servedPage(t, run.model, { token });
  const status = (headers: Record<string, string>) => new LiveClient(port, headers).closed;
  assert.equal(await status({}), 401);
  assert.equal(await status({ authorization: 'Bearer wrong' }), 401);
  assert.equal(await status({ authorization: `Bearer ${token.slice(0, -1)}` }), 401);
  assert.equal(await status({ authorization: `Bearer ${token}`, origin: 'https://evil.example' }), 401);
  assert.equal(await status({ origin: 'http://rebound.example', host: 'rebound.example' }), 401);
  const good = await new LiveClient(port, { authorization: `Bearer ${token}` }).asked();
  await good.until(({ documents }) => documents.has('run'));
  const free = await servedPage(t, run.model);
  assert.equal(await new LiveClient(free.port, { origin: 'https://evil.example' }).closed, 401);
  assert.equal(await new LiveClient(free.port, { host: 'rebound.example' }).closed, 401);
});

test('everything but the login asks for the token, and the login gives a cookie for it', async (t) => {
  const run = new ToldRun();
  const { url } = await servedPage(t, run.model, { token });
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, url), { redirect: 'manual', ...init });
  for (const path of [
    '/',
    '/api/run',
    '/api/runs',
    '/dashboards/page/main.js',
    '/runs/x/report.html',
    '/nothing',
    '/%ff',
    '/runs/%ff/report.html',
    `/runs/${'x'.repeat(2_000)}/report.html`,
  ]) {
    const refused = await ask(path);
    assert.equal(refused.status, 401, path);
    assert.equal(await refused.text(), '{"error":"a token is wanted: Authorization: Bearer TOKEN"}', path);
  }
  const form = await ask('/', { headers: { accept: 'text/html' } });
  assert.equal(form.status, 401);
  assert.match(await form.text(), /<label for="token">Token<\/label>/);
  const login = (body: string, headers = {}) =>
    ask('/login', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
  for (const body of [
    '',
    'token=',
    'token=wrong',
    `token=${token}x`,
    `token[]=${token}`,
    `token=${'x'.repeat(1_500)}`,
  ]) {
    const refused = await login(body);
    assert.equal(refused.status, 401, body);
    assert.equal(refused.headers.get('set-cookie'), null);
    assert.match(await refused.text(), /That is not the token/);
  }
  assert.equal((await login('x'.repeat(5_000))).status, 413);
  const foreign = await login(`token=${encodeURIComponent(token)}`, { origin: 'https://evil.example' });
  assert.equal(foreign.status, 403);
  const right = await login(`token=${encodeURIComponent(token)}`);
  assert.equal(right.status, 303);
  const cookie = right.headers.get('set-cookie') ?? '';
  assert.match(cookie, /; HttpOnly; SameSite=Strict; /);
  assert.ok(!cookie.includes(token));
  const page = await ask('/', { headers: { cookie: cookie.split(';', 1)[0] ?? '' } });
  assert.equal(page.status, 200);
  const api = await ask('/api/run', { headers: { authorization: `Bearer ${token}` } });
  assert.equal(((await api.json()) as { run: { name: string } }).run.name, 'synthetic');
  assert.doesNotMatch(JSON.stringify([...run.model.log.since(0, 1e9)!.text]), new RegExp(token));
});

test('every answer forbids what is not its own; scripts are served as what they are, and nothing else is', async (t) => {
  const run = new ToldRun();
  const { url, port } = await servedPage(t, run.model);
  for (const path of [
    '/',
    '/style.css',
    '/dashboards/page/main.js',
    '/api/run',
    '/nothing',
    '/runs/%ff/report.html',
  ]) {
    const { headers } = await fetch(new URL(path, url));
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'; script-src 'self';.*frame-ancestors 'none'/, path);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/, path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(headers.get('cache-control'), 'no-store', path);
    assert.equal(headers.get('access-control-allow-origin'), null, path);
  }
  const script = await fetch(`${url}dashboards/page/main.js`);
  assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8');
  for (const path of [
    '/dashboards/page/../../cli/stampede.js',
    '/cli/stampede.js',
    '/coordinator/coordinator.js',
    '/..%2f..%2fpackage.json',
    '/dashboards/page/tsconfig.json',
    '/%00',
    '/runs/..%2f/report.html',
    '/runs/%2e%2e/report.html',
  ])
    assert.equal(await rawStatus(port, path), 404, path);
  for (const path of ['/%ff', `/runs/${'x'.repeat(2_000)}/report.html`]) {
    const refused = await fetch(new URL(path, url));
    assert.ok([400, 414].includes(refused.status), path);
    assert.equal(await refused.text(), '{"error":"that is no request"}', path);
    assert.equal(await rawStatus(port, path, { host: 'rebound.example' }), 403, path);
  }
  assert.equal(await rawStatus(port, '/', { host: 'rebound.example' }), 403);
  assert.equal(await rawStatus(port, '/api/run', { origin: 'https://evil.example' }), 403);
});

/** As it stands: fetch() would tidy the path up. */
function rawStatus(port: number, path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject);
  });
}

test('past runs are those in the folders beside, and only their own reports are given away', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'stampede-past-'));
  t.after(() => rm(parent, { recursive: true, force: true }));
  const record = { run: 'r', scenario: { name: 'quick' }, state: 'complete', committed: 4, planned: 4 };
  const folder = async (name: string, startedAt: string) => {
    await mkdir(join(parent, name));
    await writeFile(join(parent, name, 'run.json'), JSON.stringify({ ...record, startedAt }));
    return join(parent, name);
  };
  const monday = await folder('mon day <b>', '2025-11-17T08:00:00.000Z');
  await writeFile(join(monday, 'report.html'), '<!doctype html><p>of monday<script>alert(1)</script>');
  const linked = await folder('linked', '2025-11-18T08:00:00.000Z');
  await symlink('/etc/hostname', join(linked, 'report.html'));
  const own = await folder('this', '2025-11-19T08:00:00.000Z');
  await mkdir(join(parent, 'no-run'));
  await writeFile(join(parent, 'no-run', 'report.html'), 'secret');
  await mkdir(join(parent, 'damaged'));
  await writeFile(join(parent, 'damaged', 'run.json'), '{"run":');

  const run = new ToldRun();
  const { url } = await servedPage(t, run.model, { folder: own });
  const runs = (await (await fetch(`${url}api/runs`)).json()) as PastRun[];
  assert.deepEqual(
    runs.map(({ folder: name, hasReport, isThis }) => [name, hasReport, isThis]),
    [
      ['this', false, true],
      ['linked', false, false],
      ['mon day <b>', true, false],
    ],
  );
  const report = (name: string) => fetch(new URL(`/runs/${encodeURIComponent(name)}/report.html`, url));
  const given = await report('mon day <b>');
  assert.match(await given.text(), /of monday/);
  assert.match(given.headers.get('content-security-policy') ?? '', /default-src 'none'.*; sandbox$/);
  for (const name of ['linked', 'no-run', 'damaged', 'this', '..', '.', 'nobody', 'x'.repeat(300)])
    assert.ok([400, 404].includes((await report(name)).status), name);
});
