import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { namespacesRefused } from '../../coordinator/labs/possible.ts';

for (const [role, parameters] of [
  ['coordinator', ['scenarios/quick.yaml', '--out', join(tmpdir(), 'never-made')]],
  ['agent', []],
  ['server', []],
] as const) {
  test(`stampede ${role} refuses a Redis elsewhere without a password: exit 2, and what to do`, () => {
    const { status, stderr } = spawnSync(process.execPath, ['dist/cli/stampede.js', role, ...parameters], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, STAMPEDE_REDIS_URL: 'rediss://agent@redis.lab:6380' },
    });
    assert.equal(status, 2, stderr);
    assert.match(
      stderr,
      /Cannot use Redis at rediss:\/\/redis\.lab:6380: that is not loopback and the URL has no password; wanted one, .*redis:\/\/USER:PASSWORD@HOST/,
    );
  });
}

const child = fileURLToPath(new URL('./check-process.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'test-open-door-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** In a network of its own, where an address is not loopback and yet nobody's: what the check says of a Redis there. */
function checkedInNamespace(...settings: string[]): string {
  const configuration = [
    'bind 198.18.77.1',
    'protected-mode no',
    'appendonly yes',
    `dir ${folder}`,
    ...settings,
  ];
  writeFileSync(join(folder, 'redis.conf'), `${configuration.join('\n')}\n`);
  // With --pdeathsig the server goes with its shell, and so with the test.
  const script = `
    ip link set lo up && ip address add 198.18.77.1/32 dev lo || exit 1
    setpriv --pdeathsig KILL redis-server '${folder}/redis.conf' >'${folder}/log' &
    for _ in $(seq 100); do grep -q 'Ready to accept' '${folder}/log' && break; sleep 0.1; done
    '${process.execPath}' '${child}' redis://agent:right@198.18.77.1`;
  const { stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', script], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return stdout + stderr;
}

const skip = namespacesRefused() ?? false;

test('checkRedis refuses a Redis that others reach and that lets strangers in, whatever our own password', {
  skip,
}, () => {
  assert.match(
    checkedInNamespace('user agent on >right ~* +@all'),
    /^Cannot use Redis at redis:\/\/198\.18\.77\.1:6379: others than this machine reach it, and it answers without a password; wanted "user default off"/,
  );
});

test('checkRedis takes one that lets no stranger in', { skip }, () => {
  assert.equal(checkedInNamespace('user agent on >right ~* +@all', 'user default off'), 'it will do');
});
