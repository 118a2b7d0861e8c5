import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisUrl } from '../../control/redis-url.ts';
import { Failure } from '../../protocol/failure.ts';

test('parseRedisUrl() reads host, port, user, password and database', () => {
  assert.deepEqual(parseRedisUrl('redis://lab:p%40ss@192.0.2.1:7000/3'), {
    options: { host: '192.0.2.1', port: 7000, username: 'lab', password: 'p@ss', db: 3 },
    shown: 'redis://192.0.2.1:7000',
    offLoopback: true,
  });
});

test('parseRedisUrl() reads an IPv6 address without its brackets', () => {
  assert.equal(parseRedisUrl('redis://[::1]:7000').options.host, '::1');
});

test('parseRedisUrl() turns rediss:// into TLS with the name of the host', () => {
  const { options } = parseRedisUrl('rediss://:secret@redis.test');
  assert.deepEqual(
    [options.host, options.port, options.tls],
    ['redis.test', 6379, { servername: 'redis.test' }],
  );
});

test('parseRedisUrl() reads a UNIX socket with a password and without', () => {
  assert.deepEqual(parseRedisUrl('redis+unix://:se%2Fcret@/run/r.sock?db=2'), {
    options: { path: '/run/r.sock', password: 'se/cret', db: 2 },
    shown: 'redis+unix:///run/r.sock',
    offLoopback: false,
  });
  assert.deepEqual(parseRedisUrl('unix:/run/r.sock').options, { path: '/run/r.sock' });
  assert.deepEqual(parseRedisUrl('unix:///run/r.sock').options, { path: '/run/r.sock' });
});

for (const text of [
  'redis://192.0.2.1',
  'redis://agent@redis.lab',
  'redis://agent:@redis.lab',
  'rediss://redis.lab:6380?ca=/does/not/matter.pem',
  'redis://[2001:db8::1]',
  'redis://0.0.0.0',
]) {
  test(`parseRedisUrl() refuses "${text}": off loopback a password is wanted, and the message says what to do`, () => {
    assert.throws(
      () => parseRedisUrl(text),
      (error) =>
        error instanceof Failure &&
        error.exitStatus === 2 &&
        /^Cannot use Redis at redis[^ ]*: that is not loopback and the URL has no password; wanted one, .*docs\/cluster\.md/.test(
          error.message,
        ),
    );
  });
}

for (const [text, offLoopback] of [
  ['redis://127.0.0.1', false],
  ['redis://localhost:7000', false],
  ['redis://[::1]', false],
  ['redis://[::ffff:127.0.0.1]', false],
  ['unix:/run/r.sock', false],
  ['redis://agent:secret@192.0.2.1', true],
] as const) {
  test(`parseRedisUrl() takes "${text.replace('secret', 'PASSWORD')}": ${offLoopback ? 'it has a password' : 'it is this machine'}`, () => {
    assert.equal(parseRedisUrl(text).offLoopback, offLoopback);
  });
}

for (const text of [
  '',
  'localhost:6379',
  'http://localhost',
  'redis://',
  'redis://:secret@host/x',
  'redis://:secret@host?tls=1',
  'redis+unix://:secret@relative.sock',
  'redis+unix://:secret%@/run/r.sock',
  'rediss://:secret@host?ca=/does/not/exist.pem',
]) {
  test(`parseRedisUrl() refuses "${text.replace('secret', 'PASSWORD')}" as bad input without showing a password`, () => {
    assert.throws(
      () => parseRedisUrl(text),
      (error) => error instanceof Failure && error.exitStatus === 2 && !error.message.includes('secret'),
    );
  });
}
