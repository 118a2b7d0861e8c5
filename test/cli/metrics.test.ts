/** `--metrics` as a person meets it: where it may be served, and that it goes when the run does. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../dashboards/prometheus-server.ts';
import { folderFor, scenarioFile, stampede, startStampede } from './stampede-process.ts';

for (const [flags, environment, wanted] of [
  [
    ['--metrics', '0.0.0.0:0'],
    {},
    /^Cannot serve metrics on 0\.0\.0\.0: .*no token; wanted one in STAMPEDE_TOKEN/,
  ],
  [['--metrics', '[::]:0'], {}, /^Cannot serve metrics on ::: .*no token/],
  [
    ['--metrics', 'everywhere'],
    {},
    /'everywhere' is invalid\. Cannot listen on "everywhere": wanted \[ADDRESS:\]PORT/,
  ],
  [['--metrics', '127.0.0.1:99999'], {}, /Cannot listen on "127\.0\.0\.1:99999"/],
  [
    ['--metrics', '192.0.2.1:9464'],
    { STAMPEDE_TOKEN: 'x'.repeat(32) },
    /^Cannot serve metrics on 192\.0\.2\.1:9464: .*EADDRNOTAVAIL/,
  ],
  [
    ['--metrics', '0.0.0.0:0'],
    { STAMPEDE_TOKEN: 'too short' },
    /^Cannot use STAMPEDE_TOKEN: it has 9 characters/,
  ],
] as const)
  test(`stampede run ${flags.join(' ')} with ${JSON.stringify(environment)} is exit status 2, and nothing is started`, async (t) => {
    const folder = await folderFor(t);
    const out = join(folder, 'out');
    const path = await scenarioFile(folder);
    const { status, stdout, stderr } = await startStampede(['run', path, '--out', out, ...flags], environment)
      .ended;
    assert.equal(status, 2, stderr);
    assert.match(stderr, wanted);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /too short|xxx/);
    assert.deepEqual(readdirSync(folder), ['small.yaml']);
  });

test('stampede run --metrics serves while it runs, does not wait for nobody, and ends by Ctrl-C as ever', {
  timeout: 60_000,
}, async (t) => {
  const folder = await folderFor(t);
  const port = await freePort();
  const run = startStampede([
    'run',
    await scenarioFile(folder, { blocks: 50 }),
    '--out',
    join(folder, 'out'),
    '--metrics',
    String(port),
  ]);
  await run.said(/trial 1 of/);
  const read = async (path: string) => await fetch(`http://127.0.0.1:${port}${path}`);
  const metrics = await read('/metrics');
  assert.equal(metrics.status, 200);
  assert.match(await metrics.text(), /^stampede_run_planned_trials\{run="small-[^"]+"\} 100$/m);
  assert.deepEqual(await (await read('/healthz')).text(), 'ok\n');
  run.child.kill('SIGINT');
  const { status, stderr } = await run.ended;
  assert.equal(status, 3);
  assert.ok(stderr.includes(`metrics: http://127.0.0.1:${port}/metrics\n`), stderr);
  assert.doesNotMatch(stderr, /waiting until/);
  await assert.rejects(read('/metrics'));
});

test('stampede run --metrics on a port that is taken is exit status 2, and says which', async (t) => {
  const folder = await folderFor(t);
  const port = await freePort();
  const path = await scenarioFile(folder, { blocks: 50 });
  const first = startStampede(['run', path, '--out', join(folder, 'first'), '--metrics', String(port)]);
  await first.said(/metrics: /);
  const second = await stampede('run', path, '--out', join(folder, 'second'), '--metrics', String(port));
  assert.equal(second.status, 2);
  assert.match(
    second.stderr,
    new RegExp(`^Cannot serve metrics on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE.*; wanted an address`),
  );
  first.child.kill('SIGINT');
  await first.ended;
});

test('stampede run --metrics SCENARIO says that the scenario was taken for an address', async (t) => {
  const folder = await folderFor(t);
  const { status, stderr } = await stampede('run', '--metrics', await scenarioFile(folder));
  assert.equal(status, 2);
  assert.match(stderr, /'--metrics \[ADDRESS\]' argument '.*small\.yaml' is invalid\. Cannot listen on/);
});
