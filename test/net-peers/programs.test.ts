/** HTTP clients that others wrote, against the user-level server, over each device link: nothing fails, no byte is wrong. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isLongRun } from '../net-simulation/seeds.ts';
import { installed, pattern } from '../server/under-test.ts';
import { inLab, lab, userLevel } from '../server/user-level-lab.ts';

const many = isLongRun() ? 100_000 : 5_000;
const concurrency = 50;
const longestMs = isLongRun() ? 300_000 : 60_000;

/** For test(): skips where the program is not. */
const needs = (program: string, debianPackage = program) => ({
  ...inLab,
  timeout: longestMs,
  skip:
    inLab.skip || (!installed(program) && `${program} is not installed: apt-get install ${debianPackage}`),
});

for (const link of ['af-xdp', 'af-packet']) {
  const served = async (t: TestContext): Promise<string> => {
    const { port } = await userLevel(t, { variant: `user-level:${link}`, responseBytes: 500 });
    return `http://${lab.serverAddress}:${port}`;
  };

  test(
    `curl fetches pages of every size over ${link}, on one connection and on many`,
    needs('curl'),
    async (t) => {
      const url = await served(t);
      const sizes = [0, 1, 63, 1_447, 1_448, 1_449, 65_535, 262_145, 1_048_576];
      const urls = sizes.map((size) => `${url}/${size}`);
      const wanted = Buffer.concat(sizes.map((size) => pattern(size)));
      assert.ok(run('curl', '-sS', ...urls).equals(wanted));
      assert.ok(run('curl', '-sS', '-H', 'Connection: close', ...urls).equals(wanted));
      assert.ok(run('curl', '-sS', '--http1.0', ...urls).equals(wanted));
      // Ten at a time, each to a file of its own name.
      const folder = emptyFolder(t);
      run('curl', '-sS', '-Z', '--parallel-max', '10', `${url}/100000?[1-40]`, '-o', join(folder, '#1'));
      for (let index = 1; index <= 40; index++)
        assert.equal(run('cmp', join(folder, `${index}`), join(folder, '1')).length, 0);
      assert.ok(run('cat', join(folder, '40')).equals(pattern(100_000)));
    },
  );

  test(`curl sends 10 MB to a server over ${link}, and gets its answer`, needs('curl'), async (t) => {
    const url = await served(t);
    const body = join(emptyFolder(t), 'body');
    writeFileSync(body, Buffer.alloc(10_000_000, 'upload '));
    const expects = [[], ['-H', 'Expect:']];
    for (const extra of expects)
      assert.deepEqual(
        run('curl', '-sS', ...extra, '-X', 'GET', '--data-binary', `@${body}`, `${url}/500`),
        pattern(500),
      );
  });

  test(`wrk over ${link}: kept connections and new ones, no errors`, needs('wrk'), async (t) => {
    const url = await served(t);
    for (const header of ['Connection: keep-alive', 'Connection: close']) {
      const said = text(
        'wrk',
        '-t1',
        `-c${concurrency}`,
        '-d1s',
        '--timeout',
        '20s',
        '-H',
        header,
        `${url}/500`,
      );
      const [, requests = '0'] = /(\d+) requests in/.exec(said) ?? [];
      assert.ok(Number(requests) > 100, said);
      assert.doesNotMatch(said, /Socket errors|Non-2xx/);
      t.diagnostic(`${header}: ${/Requests\/sec: *(\S+)/.exec(said)?.[1]} requests/s`);
    }
  });

  test(
    `ab over ${link}: ${many} connections, and as many requests on kept ones, none failed`,
    needs('ab', 'apache2-utils'),
    async (t) => {
      const url = await served(t);
      for (const extra of [[], ['-k']]) {
        const said = text(
          'ab',
          '-q',
          '-n',
          `${many}`,
          '-c',
          `${concurrency}`,
          '-s',
          '60',
          ...extra,
          `${url}/500`,
        );
        assert.match(said, new RegExp(`^Complete requests: +${many}$`, 'm'));
        assert.match(said, /^Failed requests: +0$/m);
        assert.doesNotMatch(said, /^(Write errors|Non-2xx)/m);
        assert.match(said, new RegExp(`^HTML transferred: +${many * 500} bytes$`, 'm'));
        t.diagnostic(`ab ${extra.join(' ')}: ${/Requests per second: *(\S+)/.exec(said)?.[1]} requests/s`);
      }
    },
  );

  test(
    `h2load over ${link}: ${many} requests, also eight at once on a connection, all answered`,
    needs('h2load', 'nghttp2-client'),
    async (t) => {
      const url = await served(t);
      for (const pipelined of ['1', '8']) {
        const words = ['--h1', '-n', `${many}`, '-c', `${concurrency}`, '-m', pipelined];
        const said = text('h2load', ...words, `${url}/500`);
        assert.match(
          said,
          new RegExp(
            `^requests: ${many} total, ${many} started, ${many} done, ${many} succeeded, 0 failed, 0 errored, 0 timeout$`,
            'm',
          ),
        );
        assert.match(said, new RegExp(`^status codes: ${many} 2xx, 0 3xx, 0 4xx, 0 5xx$`, 'm'));
        t.diagnostic(`h2load -m ${pipelined}: ${/finished in \S+, (\S+) req/.exec(said)?.[1]} requests/s`);
      }
    },
  );
}

function run(program: string, ...words: readonly string[]): Buffer {
  return execFileSync(program, words, {
    maxBuffer: 2 ** 27,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: longestMs,
  });
}

function text(program: string, ...words: readonly string[]): string {
  return run(program, ...words).toString();
}

function emptyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'programs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  return folder;
}
