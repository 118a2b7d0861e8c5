/** user-level, as others see it: slow and silent clients, nginx as a proxy in front of it, a browser. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { findNginx } from '../../server-under-test/nginx-program.ts';
import { Client, parsedResponse, pattern } from './under-test.ts';
import { inLab, lab, page, until, userLevel } from './user-level-lab.ts';

const { serverAddress } = lab;

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
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
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
