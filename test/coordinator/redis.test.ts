import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { closeRedis, connectRedis, untilReady } from '../../control/connection.ts';
import { Collector } from '../../coordinator/collect.ts';
import { Ownership } from '../../coordinator/ownership.ts';
import { checkRedis } from '../../coordinator/redis/check.ts';
import { type PrivateRedis, startPrivateRedis } from '../../coordinator/redis/private.ts';
import { coordinatorKey, reportStream } from '../../protocol/keys.ts';
import { redisFolders, runHere, Scratch, smallScenario } from './harness.ts';

/** A redis-server as somebody else would run it. */
async function foreignRedis(t: TestContext, ...settings: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stampede-test-redis-'));
  const socket = join(folder, 'redis.sock');
  const base = ['port 0', `unixsocket ${socket}`, `dir ${folder}`, 'save ""', `logfile ${folder}/log`];
  await writeFile(join(folder, 'redis.conf'), `${[...base, ...settings].join('\n')}\n`);
  const server: ChildProcess = spawn('redis-server', [join(folder, 'redis.conf')], { stdio: 'ignore' });
  t.after(async () => {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });
  while ((await stat(socket).catch(() => null)) === null) await sleep(10);
  return `redis+unix://${socket}`;
}

async function checked(url: string): Promise<readonly string[]> {
  const redis = connectRedis(url, { name: 'test' });
  try {
    return await checkRedis(redis, url);
  } finally {
    await closeRedis(redis);
  }
}

const sound = ['appendonly yes', 'maxmemory-policy noeviction'];

test('startPrivateRedis gives a Redis with a password, no port, in a folder for nobody else', async () => {
  const redis = await startPrivateRedis({ onRestart() {}, onLost() {} });
  try {
    const path = redis.url.slice(redis.url.indexOf('@') + 1);
    assert.equal((await stat(join(path, '..'))).mode & 0o777, 0o700);
    await assert.rejects(checked(`redis+unix://${path}`), /Cannot log in to Redis|NOAUTH/);
    assert.deepEqual(await checked(redis.url), []);
    const argv = await readFile(`/proc/${redis.pid()}/cmdline`, 'utf8');
    assert.ok(!argv.includes(redis.url.slice(redis.url.indexOf(':', 12) + 1, redis.url.indexOf('@'))), argv);
  } finally {
    await redis.stop();
  }
  assert.deepEqual(await redisFolders(), []);
});

test('startPrivateRedis starts its server again on the same data when it is killed', async () => {
  let told: (how: string) => void = () => {};
  const restarted = new Promise<string>((resolve) => {
    told = resolve;
  });
  const server: PrivateRedis = await startPrivateRedis({ onRestart: (how) => told(how), onLost() {} });
  const redis = connectRedis(server.url, { name: 'test' });
  try {
    await redis.set('kept', 'yes');
    const before = server.pid();
    process.kill(before, 'SIGKILL');
    assert.equal(await restarted, 'was killed by SIGKILL');
    assert.notEqual(server.pid(), before);
    assert.equal(await redis.get('kept'), 'yes');
  } finally {
    await closeRedis(redis);
    await server.stop();
  }
});

test('checkRedis names the setting that is wrong, and the command that sets it right', async (t) => {
  const evicting = await foreignRedis(t, 'appendonly no', 'maxmemory-policy allkeys-lru');
  await assert.rejects(checked(evicting), {
    exitStatus: 2,
    message:
      /appendonly is "no"; wanted "yes": CONFIG SET appendonly yes; and maxmemory-policy is "allkeys-lru".*CONFIG SET maxmemory-policy noeviction/,
  });
  assert.deepEqual(await checked(await foreignRedis(t, ...sound)), []);
});

test('checkRedis says that a password is wrong or missing, and never shows it', async (t) => {
  const url = await foreignRedis(t, ...sound, 'requirepass right');
  const path = url.slice('redis+unix://'.length);
  assert.deepEqual(await checked(`redis+unix://:right@${path}`), []);
  for (const wrong of [`redis+unix://:horse-battery@${path}`, url]) {
    await assert.rejects(checked(wrong), (error: Error & { exitStatus?: number }) => {
      assert.equal(error.exitStatus, 2);
      assert.match(error.message, /Cannot log in to Redis at redis\+unix:/);
      assert.ok(!error.message.includes('horse-battery'));
      return true;
    });
  }
});

test('checkRedis refuses a database that is not there, instead of taking another', async (t) => {
  const url = await foreignRedis(t, ...sound);
  await assert.rejects(checked(`${url}?db=99`), (error: Error & { exitStatus?: number }) => {
    assert.equal(error.exitStatus, 2);
    assert.match(
      error.message,
      /Cannot use Redis at .*: ERR DB index is out of range; wanted a database that it has/,
    );
    return true;
  });
});

test('checkRedis warns when its user may not ask for settings', async (t) => {
  const url = await foreignRedis(t, ...sound, 'user limited on >pw ~* &* +@all -info -config');
  const limited = `redis+unix://limited:pw@${url.slice('redis+unix://'.length)}`;
  const [warning] = await checked(limited);
  assert.match(warning ?? '', /does not let this user ask for its settings/);
});

test('runScenario ends within 10 s, with exit status 2 and nothing started, when Redis is not there or silent', async (t) => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => silent.close());
  const address = silent.address();
  assert.ok(address !== null && typeof address === 'object');
  const refused = async (redisUrl: string, wanted: RegExp) => {
    const scratch = await Scratch.make();
    const began = performance.now();
    await assert.rejects(
      runHere(scratch, smallScenario(), { redisUrl }),
      (error: Error & { exitStatus?: number }) => {
        assert.equal(error.exitStatus, 2);
        assert.match(error.message, wanted);
        assert.ok(!error.message.includes('horse'));
        return true;
      },
    );
    assert.ok(performance.now() - began < 10_000);
    await scratch.remove();
  };
  await Promise.all([
    refused('redis://127.0.0.1:1/', /Cannot reach Redis at redis:\/\/127\.0\.0\.1:1/),
    refused(`redis://:horse-battery@127.0.0.1:${address.port}`, /Cannot reach Redis at/),
    refused('http://127.0.0.1', /Cannot read the Redis URL/),
  ]);
});

test('runScenario runs on a Redis that is given, and leaves nothing of its own there', async (t) => {
  const redisUrl = await foreignRedis(t, ...sound, 'requirepass right');
  const url = redisUrl.replace('redis+unix://', 'redis+unix://:right@');
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  const outcome = await runHere(scratch, smallScenario(), { redisUrl: url });
  assert.equal(outcome.state, 'complete', outcome.reason ?? '');
  const redis = connectRedis(url, { name: 'test' });
  // The scripted members of these tests go when they are killed, and leave their queues' own marks.
  const { run } = await scratch.run();
  assert.equal(await redis.exists(coordinatorKey(run as string)), 0);
  assert.deepEqual(await redis.keys('stampede:run:*'), []);
  await closeRedis(redis);
});

test('runScenario makes a trial again when Redis forgets everything in the middle of it', async (t) => {
  const url = await foreignRedis(t, ...sound);
  const scratch = await Scratch.make();
  t.after(() => scratch.remove());
  const redis = connectRedis(url, { name: 'test' });
  const outcome = await runHere(scratch, smallScenario({ blocks: 1, measuredSeconds: 1.5 }), {
    redisUrl: url,
    onProgress: (step) => {
      if (step.kind === 'trial' && step.done === 1 && step.attempt === 1) {
        void sleep(400).then(() => redis.flushall());
      }
    },
  });
  await closeRedis(redis);
  assert.equal(outcome.state, 'complete', outcome.reason ?? '');
  assert.match((await scratch.attempts())[0]?.reason ?? '', /Redis lost its data/);
  assert.equal((await scratch.trials()).length, 2);
});

test('Ownership passes to a later incarnation, and then fences the earlier one off', async (t) => {
  const url = await foreignRedis(t, ...sound);
  const redis = connectRedis(url, { name: 'test' });
  t.after(() => closeRedis(redis));
  const lost: string[] = [];
  const events = { onLost: (error: Error) => lost.push(error.message), onForgotten() {} };
  const first = await Ownership.acquire(redis, 'r1', 1, events);
  await first.fence();
  await assert.rejects(Ownership.acquire(redis, 'r1', 1, events), {
    exitStatus: 2,
    message: /another coordinator has it/,
  });
  const second = await Ownership.acquire(redis, 'r1', 2, events);
  await assert.rejects(first.fence(), {
    exitStatus: 3,
    message: /Incarnation 1 .* lost the run to a later one/,
  });
  await second.fence();
  await first.release();
  assert.match((await redis.get(coordinatorKey('r1'))) ?? '', /^2:/);
  await second.release();
  assert.equal(await redis.exists(coordinatorKey('r1')), 0);
});

test('Collector lets an entry of 100 MiB stay in Redis: at most 16 MiB more here', async (t) => {
  const url = await foreignRedis(t, ...sound);
  const redis = connectRedis(url, { name: 'test' });
  t.after(() => closeRedis(redis));
  await untilReady(redis, url);
  const refused: string[] = [];
  const collector = new Collector(redis, 'r1', {
    onMessage() {},
    onQuarantine() {},
    onRefusal: (refusal) => refused.push(refusal),
  });
  await collector.start();
  const before = process.memoryUsage.rss();
  const big = join(await mkdtemp(join(tmpdir(), 'stampede-test-')), 'big');
  await writeFile(big, Buffer.alloc(100 << 20, 0x61));
  t.after(() => rm(join(big, '..'), { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  // From another process, so that this one's memory is the collector's.
  const socket = url.slice('redis+unix://'.length);
  const command = `redis-cli -s ${socket} -x XADD ${reportStream('r1')} '*' message < ${big}`;
  const afterWrite = process.memoryUsage.rss();
  await promisify(execFile)('sh', ['-c', command]);
  let peak = 0;
  for (let wait = 0; refused.length === 0 && wait < 500; wait++) {
    await sleep(5);
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  await collector.stop();
  assert.deepEqual(refused, ['tooLarge']);
  assert.ok(peak - Math.max(before, afterWrite) < 16 << 20, `${(peak - afterWrite) >> 20} MiB more`);
});
