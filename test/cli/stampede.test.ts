/** The command line itself: commands, help, mistakes, exit statuses, pipes. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderFor, scenarioFile, stampede, stampedePath, startStampede } from './stampede-process.ts';

const commands = [
  'run',
  'plan',
  'doctor',
  'report',
  'view',
  'compare',
  'simulate',
  'coordinator',
  'agent',
  'server',
];

test('stampede --help lists every command, its exit statuses, and an example', async () => {
  const { status, stdout, stderr } = await stampede('--help');
  assert.equal(status, 0, stderr);
  const [, section = ''] = /^Commands:\n(.*?)\n\n/ms.exec(stdout) ?? [];
  const listed = [...section.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
  assert.deepEqual(listed, commands);
  assert.match(stdout, /Exit status: 0 all went well/);
  assert.match(stdout, /stampede run scenarios\/quick\.yaml/);
});

for (const command of commands) {
  test(`stampede ${command} --help says what it does, with an example`, async () => {
    const { status, stdout, stderr } = await stampede(command, '--help');
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`^Usage: stampede ${command} `));
    assert.match(stdout, /Examples?:\n.*stampede/s);
  });
}

test('stampede --version prints that of the package', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  assert.deepEqual(await stampede('--version').then(({ status, stdout }) => [status, stdout]), [
    0,
    `${version}\n`,
  ]);
});

for (const [parameters, said] of [
  [[], /^Usage: stampede/],
  [['pln'], /unknown command 'pln'\n\(Did you mean plan\?\)/],
  [['run'], /missing required argument 'SCENARIO'/],
  [['plan', 'scenarios/quick.yaml', '--jsn'], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
  [['plan', 'scenarios/quick.yaml', '--blocks', '1e3'], /Wanted a whole number/],
  [
    ['plan', 'scenarios/quick.yaml', '--blocks', '0'],
    /quick\.yaml \(as changed by the options\):\d+:9: blocks: is 0; wanted at least 1/,
  ],
  [
    ['plan', 'scenarios/quick.yaml', '--lab', 'moon'],
    /Allowed choices are auto, loopback, namespaces, cluster/,
  ],
  [['plan', 'scenarios/quick.yaml', '--set', 'core=1'], /did you mean "cores"\?/],
  [['coordinator', 'scenarios/cluster.yaml', '--lab', 'loopback'], /unknown option '--lab'/],
  [['plan', 'scenarios/none.yaml'], /Cannot read the scenario "scenarios\/none\.yaml": ENOENT/],
] as const) {
  test(`stampede ${parameters.join(' ')} ends with 2 and says why, without a stack`, async () => {
    const { status, stdout, stderr } = await stampede(...parameters);
    assert.equal(status, 2, stderr);
    assert.match(stderr, said);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
}

test('stampede run refuses an --out that cannot be a run folder, makes none, and starts nothing', async (t) => {
  const folder = await folderFor(t);
  const path = await scenarioFile(folder);
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
  const before = await readdir(folder);
  for (const [out, said] of [
    [path, /small\.yaml" is not a folder; wanted a folder/],
    [join(path, 'below'), /ENOTDIR/],
    ['/proc/stampede/deeper', /ENOENT/],
    ['', /it names no folder/],
    [join(folder, 'n'.repeat(300)), /ENAMETOOLONG/],
    [join(folder, 'made', 'n'.repeat(300)), /ENAMETOOLONG/],
    [join(folder, 'dangling'), /EEXIST/],
  ] as const) {
    const { status, stderr } = await stampede('run', path, '--out', out);
    assert.equal(status, 2, `${out}: ${stderr}`);
    assert.match(stderr, said);
    assert.match(stderr, /^Cannot use --out /);
  }
  assert.deepEqual(await readdir(folder), before);
});

test('stampede run leaves no folder behind when the plan or the address of Redis is impossible', async (t) => {
  const folder = await folderFor(t);
  const out = join(folder, 'a', 'b');
  const path = await scenarioFile(folder);
  const plan = await stampede('run', path, '--out', out, '--set', 'cores=1024');
  assert.deepEqual([plan.status, existsSync(join(folder, 'a'))], [2, false], plan.stderr);
  assert.match(plan.stderr, /^Cannot place 1024 server cores: [^\n]*\n$/);
  const redis = await stampede('run', path, '--out', out, '--redis', 'redis//:secret@somewhere');
  assert.deepEqual([redis.status, existsSync(join(folder, 'a'))], [2, false], redis.stderr);
  assert.match(redis.stderr, /^Cannot read the Redis URL: /);
  assert.doesNotMatch(redis.stderr, /secret/);
});

test('stampede run in a folder of something else says that alone: no page, no metrics, no phase', async (t) => {
  const folder = await folderFor(t);
  const { status, stderr } = await stampede(
    'run',
    await scenarioFile(folder),
    '--out',
    folder,
    '--metrics',
    '0',
  );
  assert.equal(status, 2);
  assert.match(stderr, /^Cannot run in "[^\n]*": it holds "small\.yaml" and no run\.json; [^\n]*\n$/);
  assert.deepEqual(await readdir(folder), ['small.yaml']);
});

test('stampede plan and run refuse a k6 that does not say that it is k6', async (t) => {
  const folder = await folderFor(t);
  const path = await scenarioFile(folder, {
    application: 'http',
    factors: { variant: 'reuseport', concurrency: 8, engine: 'k6' },
    measuredSeconds: 1,
  });
  for (const parameters of [
    ['plan', path],
    ['run', path, '--out', join(folder, 'out'), '--no-page'],
  ]) {
    const { status, stderr } = await startStampede(parameters, { K6_BIN: '/bin/true' }).ended;
    assert.equal(status, 2, stderr);
    assert.match(
      stderr,
      /^Cannot make load by engine "k6": "\/bin\/true version" does not tell a version of k6: it says ""; wanted k6 1\.0 or newer: correct K6_BIN/m,
    );
  }
  assert.deepEqual(await readdir(folder), ['small.yaml']);
});

test('stampede plan prints the cells, the trials, the duration and the proof of ports', async (t) => {
  const path = await scenarioFile(await folderFor(t), {
    factors: { variant: ['single-queue', 'reuseport'], rate: 1000 },
  });
  const { status, stdout, stderr } = await stampede('plan', path);
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /^small\nlab {7}loopback\ncells {5}2: variant \(single-queue, reuseport\)\ntrials {4}4 in 2 blocks/,
  );
  assert.match(stdout, /duration {2}about \d+ s: 0\.1 s warm-up, 0\.3 s measured/);
  assert.match(
    stdout,
    /ports {5}client-fin leaves TIME_WAIT with the client .* at 1,000 connections\/s: \d+ needed/,
  );
  assert.match(stdout, /^c01 {3}\d+ +single-queue, 1000\/s, 1 message of 64 → 64 bytes, client-fin$/m);
  assert.ok(!stdout.includes('\x1b'), 'colour without a terminal');
});

test('stampede plan --json is one document with the trials in the order they run', async (t) => {
  const path = await scenarioFile(await folderFor(t));
  const { status, stdout } = await stampede('plan', path, '--json');
  assert.equal(status, 0);
  const plan = JSON.parse(stdout) as Record<string, unknown> & { trials: { trial: string; block: number }[] };
  assert.equal(plan.schema, 'stampede.plan/1');
  assert.equal(plan.possible, true);
  assert.deepEqual(plan.trials.map(({ trial }) => trial).sort(), [
    'b01-c01',
    'b01-c02',
    'b02-c01',
    'b02-c02',
  ]);
  assert.deepEqual(
    plan.trials.map(({ block }) => block),
    [1, 1, 2, 2],
  );
});

test('stampede plan ends with 2 where this machine cannot, and says what would do', async (t) => {
  const path = await scenarioFile(await folderFor(t), {
    factors: { variant: 'reuseport', concurrency: 8, cores: 1024 },
  });
  const { status, stderr } = await stampede('plan', path);
  assert.equal(status, 2);
  assert.match(stderr, /^Cannot place 1024 server cores: .*; wanted at most \d+\. Use --set cores=/);
  const json = await stampede('plan', path, '--json');
  assert.equal(json.status, 2);
  assert.equal((JSON.parse(json.stdout) as { possible: boolean }).possible, false);
});

/** By CPU time: how long it takes beside other work is no matter of ours. The bench "plan" has the time on the wall. */
test('stampede plan of 10,000 trials takes less than a second, start included', async (t) => {
  const concurrency = [1, 2, 3, 4, 5];
  const path = await scenarioFile(await folderFor(t), {
    blocks: 1000,
    factors: { variant: ['single-queue', 'reuseport'], concurrency },
  });
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const { status, stdout, stderr } = spawnSync(
      '/bin/bash',
      ['-c', `'${process.execPath}' '${stampedePath}' plan '${path}' --json && times >&2`],
      { encoding: 'utf8', maxBuffer: 64 << 20 },
    );
    assert.equal(status, 0, stderr);
    assert.equal((JSON.parse(stdout) as { trials: unknown[] }).trials.length, 10_000);
    // The second line: of what the shell started, user and system time.
    const [, user, system] = /\n0m([\d.]+)s 0m([\d.]+)s\n$/.exec(stderr) ?? assert.fail(stderr);
    times.push(Number(user) + Number(system));
  }
  const least = Math.min(...times);
  assert.ok(least > 0.05 && least < 1, `${times.map((time) => time.toFixed(2)).join(', ')} s of CPU`);
});

test('stampede plan on a full disk ends with 2, and not with that of a broken threshold', async (t) => {
  const path = await scenarioFile(await folderFor(t));
  const { status, stderr } = spawnSync(
    '/bin/sh',
    ['-c', `exec '${process.execPath}' '${stampedePath}' plan '${path}' > /dev/full`],
    { encoding: 'utf8' },
  );
  assert.equal(status, 2, stderr);
  assert.match(stderr, /^Cannot write to stdout: ENOSPC.*; wanted an output that takes what is printed\.\n$/);
});

test('stampede plan writes to a pipe that closes early without complaint', async (t) => {
  const path = await scenarioFile(await folderFor(t), { blocks: 1000 });
  const said = execFileSync(
    'sh',
    ['-c', `'${process.execPath}' '${stampedePath}' plan '${path}' --json 2>&1 | head -c 20; exit 0`],
    { encoding: 'utf8' },
  );
  assert.equal(said, '{"schema":"stampede.');
});

test('stampede doctor --json names what it looked at, and what to do', async () => {
  const { status, stdout, stderr } = await stampede('doctor', '--json');
  assert.equal(status, 0, stderr);
  const { possible, findings } = JSON.parse(stdout) as {
    possible: boolean;
    findings: { topic: string; standing: string; advice: string | null }[];
  };
  assert.equal(possible, true);
  const topics = findings.map(({ topic }) => topic);
  for (const topic of [
    'kernel',
    'cores',
    'SMT',
    'governor',
    'clock',
    'open files',
    'io_uring',
    'lab loopback',
    'lab namespaces',
    'redis-server',
    'nginx',
    'somaxconn',
    'port range',
    'tcp_tw_reuse',
    'congestion control',
  ])
    assert.ok(topics.includes(topic), `nothing about ${topic} in ${topics.join(', ')}`);
  for (const { topic, standing, advice } of findings)
    assert.equal(
      advice !== null,
      standing === 'weak' || standing === 'missing',
      `${topic} is ${standing}: ${advice}`,
    );
});

test('stampede doctor prints the same for a person, without colour when not on a terminal', async () => {
  const { status, stdout } = await stampede('doctor');
  assert.equal(status, 0);
  assert.match(stdout, /^ok {4}kernel +\d/m);
  assert.match(stdout, /Runs are possible here\.\n$/);
  assert.ok(!stdout.includes('\x1b'));
});

test('stampede run refuses a bad scenario before it makes anything', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'bad.yaml');
  await writeFile(path, 'name: bad\nfactors:\n  variant: single-que\n  concurrency: 5s\n');
  const out = join(folder, 'run');
  const { status, stderr, stdout } = await stampede('run', path, '--out', out);
  assert.equal(status, 2);
  assert.deepEqual(
    stderr
      .trim()
      .split('\n')
      .map((line) => line.replace(`${path}:`, '').split(': ', 2).join(' ')),
    ['3:12 factors.variant', '4:16 factors.concurrency'],
  );
  assert.equal(stdout, '');
  assert.throws(() => readFileSync(out), /ENOENT/);
});
