import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentCommand } from '../../cli/agent.ts';
import { addressesSchema, parseFlags, roleSchema } from '../../cli/role-options.ts';
import { serverCommand } from '../../cli/server.ts';
import { onCores } from '../../linux/thread.ts';
import { Failure } from '../../protocol/failure.ts';
import { startRole } from './role-process.ts';

const redis = 'redis+unix://:hidden@/does/not/exist.sock';

const commands = { agent: agentCommand, server: serverCommand } as const;

for (const [role, flags, pattern] of [
  ['agent', [], /^Cannot start the agent: --redis: neither --redis nor STAMPEDE_REDIS_URL is there/],
  ['server', ['--redis', 'http://x'], /--redis: Cannot read the Redis URL/],
  [
    'agent',
    ['--redis', redis, '--cores', '0,4000'],
    /--cores "0,4000": core 4000 is not there; wanted some of 0/,
  ],
  ['agent', ['--redis', redis, '--cores', 'all'], /--cores "all": wanted core numbers/],
  ['agent', ['--redis', redis, '--allow', '10.0.0.0/8,everywhere'], /Cannot allow "everywhere"/],
  [
    'agent',
    ['--redis', redis, '--source-addresses', '198.19.0.9-198.19.0.1'],
    /--source-addresses .*wanted addr/,
  ],
  ['agent', ['--redis', redis, '--source-addresses', '0.0.0.0-255.255.255.255'], /these are 1001 addresses/],
  ['agent', ['--redis', redis, '--name', 'a b'], /--name "a b": wanted letters/],
  ['server', ['--redis', redis, '--namespace', '/proc/0/ns/net'], /--namespace .*there is no such file/],
  [
    'agent',
    ['--redis', redis, '--metrics', 'everywhere:9464'],
    /--metrics "everywhere:9464": Cannot listen on/,
  ],
  [
    'server',
    ['--redis', redis, '--metrics', '0.0.0.0:9464'],
    /^Cannot serve metrics on 0\.0\.0\.0: .*no token; wanted one in STAMPEDE_TOKEN/,
  ],
  ['server', ['--redis', redis, '--log-level', 'loud'], /--log-level "loud": wanted one of trace/],
  [
    'server',
    ['--redis', redis, '--die-with-parent', 'me'],
    /--die-with-parent "me": wanted a process id, or nothing/,
  ],
] as const) {
  test(`stampede ${role} ${flags.join(' ').replace('hidden', 'PASSWORD')} is bad input`, async () => {
    await assert.rejects(
      commands[role]()
        .exitOverride()
        .parseAsync(['node', 'stampede', ...flags]),
      (error) =>
        error instanceof Failure &&
        error.exitStatus === 2 &&
        pattern.test(error.message) &&
        !error.message.includes('hidden'),
    );
  });
}

for (const [flags, status, pattern] of [
  [['--redis', redis], 2, /^Cannot reach Redis at redis\+unix:\/\/\/does\/not\/exist\.sock: .*ENOENT/],
  [['--redis', redis, '--metrics', '127.0.0.1:0'], 2, /^Cannot reach Redis at redis\+unix:/],
  [
    ['--redis', redis, '--die-with-parent', '1'],
    3,
    /^Cannot start: the process that started this one has ended/,
  ],
  [['--bogus'], 2, /unknown option '--bogus'/],
] as const) {
  test(`stampede server ${flags.join(' ').replace('hidden', 'PASSWORD')} ends with ${status} and one clear line`, {
    timeout: 20_000,
  }, async (t) => {
    const role = startRole(['server', ...flags, '--log-level', 'silent'], null);
    t.after(() => role.end());
    assert.equal(await role.ended, status);
    assert.match(role.log(), pattern);
    assert.equal(role.log().trim().split('\n').length, 1, role.log());
    assert.ok(!role.log().includes('hidden'));
  });
}

test('parseFlags() takes the Redis URL out of the environment, so that no child process inherits it', () => {
  process.env.STAMPEDE_REDIS_URL = redis;
  const flags = parseFlags('agent', roleSchema, { logLevel: 'info', name: 'a1', cores: '0' });
  assert.deepEqual([flags.redis, flags.cores, process.env.STAMPEDE_REDIS_URL], [redis, [0], undefined]);
});

test('roleSchema takes the cores that this process may run on, when none are named', () => {
  assert.deepEqual(
    onCores([0], () => roleSchema.parse({ redis, logLevel: 'info' }).cores),
    [0],
  );
});

test('addressesSchema writes ranges out, each address once', () => {
  assert.deepEqual(addressesSchema.parse('198.19.0.254-198.19.1.1, 192.0.2.7,198.19.1.0,FD00::1'), [
    '198.19.0.254',
    '198.19.0.255',
    '198.19.1.0',
    '198.19.1.1',
    '192.0.2.7',
    'fd00::1',
  ]);
  assert.equal(addressesSchema.safeParse('127.1').success, false);
  assert.equal(addressesSchema.safeParse('').success, false);
});

test('agentCommand() and serverCommand() have an example in their help', () => {
  for (const command of [agentCommand(), serverCommand()]) {
    let text = '';
    command.configureOutput({
      writeOut: (part) => {
        text += part;
      },
    });
    command.outputHelp();
    assert.match(text, /Example:\n.*STAMPEDE_REDIS_URL=/);
  }
});
