import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import {
  measureClock,
  monotonicNs,
  offsetFrom,
  toControlMicroseconds,
  toMonotonicNs,
} from '../../control/clock.ts';
import { closeRedis, connectRedis, untilReady } from '../../control/connection.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';

let redis: PrivateRedis;
before(async () => {
  redis = await startPrivateRedis();
});
after(() => redis.stop());

test('offsetFrom() believes the exchange with the shortest round trip', () => {
  const clock = offsetFrom([
    { sentMonotonicNs: 0n, receivedMonotonicNs: 10_000_000n, controlMicroseconds: 9_000_000 },
    { sentMonotonicNs: 20_000_000n, receivedMonotonicNs: 20_100_000n, controlMicroseconds: 5_020_050 },
  ]);
  assert.deepEqual(clock, { offsetMicroseconds: 5_000_000, boundMicroseconds: 52 });
});

test('offsetFrom() is never wrong by more than its bound, however unevenly the way there and back is split', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.array(
        fc.record({ there: fc.integer({ min: 0, max: 5e6 }), back: fc.integer({ min: 0, max: 5e6 }) }),
        {
          minLength: 1,
          maxLength: 10,
        },
      ),
      (trueOffset, ways) => {
        const clock = offsetFrom(
          ways.map(({ there, back }, index) => {
            const sent = index * 1e8;
            return {
              sentMonotonicNs: BigInt(sent),
              receivedMonotonicNs: BigInt(sent + there + back),
              controlMicroseconds: Math.floor((sent + there) / 1000) + trueOffset,
            };
          }),
        );
        assert.ok(Math.abs(clock.offsetMicroseconds - trueOffset) <= clock.boundMicroseconds);
      },
    ),
  );
});

test('toControlMicroseconds() is the inverse of toMonotonicNs()', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e15 }), fc.integer({ min: -1e6, max: 1e6 }), (offset, later) => {
      const clock = { offsetMicroseconds: offset, boundMicroseconds: 1 };
      const control = offset + 2e9 + later;
      assert.equal(toControlMicroseconds(toMonotonicNs(control, clock), clock), control);
    }),
  );
});

test("measureClock() agrees with this machine's own clock, which its Redis uses", async () => {
  const connection = connectRedis(redis.url, { name: 'test' });
  await untilReady(connection, redis.url);
  const clock = await measureClock(connection, 9);
  await closeRedis(connection);
  const differenceMs = toControlMicroseconds(monotonicNs(), clock) / 1000 - Date.now();
  assert.ok(Math.abs(differenceMs) <= clock.boundMicroseconds / 1000 + 2, `${differenceMs} ms`);
  assert.ok(clock.boundMicroseconds < 500_000, `${clock.boundMicroseconds} µs`);
});
