import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectRedis, untilReady } from '../../control/connection.ts';
import { startRole, until } from '../roles/role-process.ts';
import { type ClusterRedis, startClusterRedis, type User, users } from './cluster-redis.ts';

const scenario = `name: users
question: Do three users of Redis suffice for a run?
application: echo
lab: cluster
factors: { variant: [single-queue, reuseport], cores: 1, rate: 200 }
warmUpSeconds: 0.2
measuredSeconds: 0.5
blocks: 1
agents: { count: 2 }
timeouts: { serverReadySeconds: 30 }
`;

let redis: ClusterRedis;
const folder = mkdtempSync(join(tmpdir(), 'test-users-'));
before(async () => {
  redis = await startClusterRedis();
});
after(async () => {
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('a run completes by three users of Redis, and nothing that it did was refused', async () => {
  writeFileSync(join(folder, 'scenario.yaml'), scenario);
  const server = startRole(['server', '--name', 'server-1'], redis.url('server'));
  const agents = ['agent-1', 'agent-2'].map((name) =>
    startRole(['agent', '--name', name, '--cores', '0'], redis.url('agent')),
  );
  try {
    for (const member of [server, ...agents]) await member.said(/joined as/, 30_000);
    const out = join(folder, 'run');
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        ...['dist/cli/stampede.js', 'coordinator', join(folder, 'scenario.yaml'), '--out', out, '--quiet'],
        ...(coordinatorKnows('--no-page') ? ['--no-page'] : []),
      ],
      {
        encoding: 'utf8',
        timeout: 90_000,
        env: { PATH: process.env.PATH, STAMPEDE_REDIS_URL: redis.url('coordinator') },
      },
    );
    assert.equal(status, 0, stderr);
    const trials = readFileSync(join(out, 'trials.jsonl'), 'utf8').trim().split('\n');
    assert.equal(trials.length, 2);
    for (const line of trials) {
      const { connections } = JSON.parse(line) as { connections: { attempted: number; completed: number } };
      assert.ok(connections.completed > 20, line);
      assert.equal(connections.attempted, connections.completed, line);
    }
  } finally {
    for (const member of [server, ...agents]) member.kill('SIGTERM');
    for (const member of [server, ...agents]) await member.ended;
  }
  assert.deepEqual(await redis.refusals(), []);
});

function coordinatorKnows(option: string): boolean {
  const help = spawnSync(process.execPath, ['dist/cli/stampede.js', 'coordinator', '--help'], {
    encoding: 'utf8',
  });
  return help.stdout.includes(option);
}

test('a stranger may do nothing, and a wrong password lets nobody in', async () => {
  const stranger = redis.connect();
  for (const command of ['PING', 'INFO', 'GET', 'KEYS'])
    await assert.rejects(stranger.call(command, ...(command === 'GET' ? ['a'] : [])), /^ReplyError: NOAUTH/);
  for (const who of ['agent:wrong', ':wrong', 'default:wrong', 'nobody:wrong']) {
    const url = `redis://${who}@127.0.0.1:${redis.port}`;
    const other = connectRedis(url, { name: 'test' });
    await assert.rejects(untilReady(other, url), {
      exitStatus: 2,
      message: /Cannot log in to Redis.*WRONGPASS/,
    });
    other.disconnect();
  }
});

for (const user of users) {
  test(`the user ${user} may neither empty, set up, stop nor spy on Redis, nor make users`, async () => {
    const mine = redis.connect(user);
    for (const [command = '', ...parameters] of [
      ['FLUSHALL'],
      ['FLUSHDB'],
      ['CONFIG', 'GET', '*'],
      ['CONFIG', 'SET', 'appendonly', 'no'],
      ['ACL', 'LIST'],
      ['ACL', 'SETUSER', 'default', 'on', 'nopass', '+@all', '~*'],
      ['SHUTDOWN', 'NOSAVE'],
      ['MONITOR'],
      ['KEYS', '*'],
      ['CLIENT', 'LIST'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
      ['MODULE', 'LIST'],
      ['REPLICAOF', 'NO', 'ONE'],
      ['SAVE'],
      ['SCRIPT', 'FLUSH'],
      ['FUNCTION', 'LIST'],
      ['PUBLISH', 'channel', 'message'],
      ['SWAPDB', '0', '1'],
    ])
      await assert.rejects(mine.call(command, ...parameters), /^ReplyError: NOPERM/, `${user} ${command}`);
  });
}

/** Of each user one key more than it may: by which command, and whose it is. */
const foreign: Readonly<Record<User, readonly (readonly string[])[]>> = {
  coordinator: [
    ['SET', 'somebody-elses', '1'],
    ['SET', 'stampede:member:agent:agent-1', 'a lease that is not its own'],
    ['DEL', 'stampede:member:server:server-1'],
  ],
  agent: [
    ['GET', 'somebody-elses'],
    ['SET', 'stampede:run:r1:coordinator', '9:an agent that plays coordinator'],
    ['DEL', 'stampede:run:r1:coordinator'],
    ['XADD', 'stampede:run:r1:control', '*', 'message', 'an order of an agent'],
    ['XREVRANGE', 'stampede:run:r1:reports', '+', '-'],
    ['SET', 'stampede:member:server:server-1', 'an agent that plays server'],
    ['GET', 'stampede:member:server:server-1'],
    ['LPUSH', 'stampede:server-server-1:wait', 'an order to the server'],
  ],
  server: [
    ['SET', 'stampede:run:r1:coordinator', '9:a server that plays coordinator'],
    ['XADD', 'stampede:run:r1:control', '*', 'message', 'an order of a server'],
    ['XREVRANGE', 'stampede:run:r1:reports', '+', '-'],
    ['SET', 'stampede:member:agent:agent-1', 'a server that plays agent'],
    ['LPUSH', 'stampede:agent-agent-1:wait', 'load that nobody ordered'],
  ],
};

for (const user of users) {
  test(`the user ${user} may not touch what is another's, by a script as little as by itself`, async () => {
    const mine = redis.connect(user);
    for (const [command = '', key = '', ...rest] of foreign[user]) {
      await assert.rejects(mine.call(command, key, ...rest), /NOPERM/, `${user}: ${command} ${key}`);
      const script = 'return redis.call(unpack(ARGV))';
      await assert.rejects(
        mine.call('EVAL', script, '0', command, key, ...rest),
        /can't access at least one of the keys|NOPERM|can't run this command/,
        `${user}: ${command} ${key} by a script`,
      );
    }
  });
}

test("the users may run every command that BullMQ's scripts may come to call for them", () => {
  const scripts = 'node_modules/bullmq/dist/cjs/scripts';
  const calledBy = (names: readonly string[]): string[] =>
    names.flatMap((name) => {
      const file = readdirSync(scripts).find((one) => one.startsWith(`${name}-`) && one.endsWith('.js'));
      assert.ok(file !== undefined, name);
      const called = readFileSync(join(scripts, file), 'utf8').matchAll(
        /(?:rcall|redis\.p?call)\((?:"(\w+)"|'(\w+)'|(\w+))/g,
      );
      // A variable holds one of these two.
      return [...called].flatMap(([, one, other]) => one ?? other ?? ['LPUSH', 'RPUSH']);
    });
  const acl = readFileSync('docker/redis/users.acl', 'utf8').split('\n');
  const mayCall = (user: User): Set<string> =>
    new Set(acl.find((line) => line.startsWith(`user ${user} `))?.match(/(?<=\+)\S+/g));
  const missing = (user: User, names: readonly string[]): string[] =>
    [...new Set(calledBy(names).map((command) => command.toLowerCase()))]
      .filter((command) => !mayCall(user).has(command))
      .map((command) => `${user}: ${command}`);
  const work = ['moveToActive', 'moveToFinished', 'extendLock', 'extendLocks', 'moveStalledJobsToWait'];
  assert.deepEqual(
    [
      ...missing('coordinator', ['addStandardJob', 'removeJob']),
      ...missing('agent', work),
      ...missing('server', work),
    ],
    [],
  );
});

test('Redis keeps what it is given: the settings that a coordinator asks for', async () => {
  const info = String(await redis.connect('coordinator').call('INFO'));
  assert.match(info, /^aof_enabled:1\r$/m);
  assert.match(info, /^maxmemory_policy:noeviction\r$/m);
});

test('the file that Redis reads its users from holds no password, and nobody else can read it', async () => {
  const [run = ''] = readdirSync(redis.folder).filter((name) => name.startsWith('run-'));
  const text = readFileSync(join(redis.folder, run, 'users.acl'), 'utf8');
  assert.match(text, /^user agent on #[0-9a-f]{64} /m);
  assert.ok(!text.includes('agent-agent-'));
  assert.equal(statSync(join(redis.folder, run, 'users.acl')).mode & 0o777, 0o600);
});

for (const [name, password] of [
  ['too short', 'short'],
  ['missing', ''],
] as const) {
  test(`start.sh starts no Redis when a password is ${name}: exit 2, and what to do`, async () => {
    const other = await startClusterRedis({ STAMPEDE_AGENT_PASSWORD: password });
    try {
      await until(
        () => other.log() !== '',
        5_000,
        () => 'nothing was said',
      );
      assert.match(
        other.log(),
        /^Cannot start Redis: STAMPEDE_AGENT_PASSWORD has \d characters; wanted at least 22: sh docker\/make-env\.sh/,
      );
    } finally {
      await other.stop();
    }
  });
}

test('every Redis URL with a password in docs and help names a user that users.acl has, at the port of TLS', () => {
  const known = [...readFileSync('docker/redis/users.acl', 'utf8').matchAll(/^user (\w+) on /gm)].map(
    ([, name]) => name as string,
  );
  assert.deepEqual(known, [...users]);
  const files = [
    'README.md',
    ...['docs', 'cli'].flatMap((each) => readdirSync(each).map((name) => join(each, name))),
  ];
  const urls = files
    .filter((path) => /\.(md|ts)$/.test(path))
    .flatMap((path) => {
      const text = readFileSync(path, 'utf8');
      return [...text.matchAll(/rediss:\/\/([^\s:@]*):[^\s@]+@[\w.]+:(\d+)/g)].map(([url, user, port]) => ({
        path,
        url,
        user,
        port,
      }));
    });
  assert.ok(urls.length >= 9, `${urls.length}`);
  for (const { path, url, user, port } of urls) {
    assert.ok(
      known.some((name) => name === user),
      `${path}: ${url}`,
    );
    assert.equal(port, '6380', `${path}: ${url}`);
  }
});
