/**
 * Connections to Redis that outlive a restart of Redis, and calls that end.
 *
 * A connection is made again every 500 ms at most, for ever. What it cannot promise is that a call ever returns: a
 * command waits while Redis is away, and BullMQ's `add` with it. So every call from a path that must go on is wrapped in
 * `withDeadline`. ioredis' own errors carry the command they belong to, `AUTH` with its password included: none leaves
 * this file, only their messages do.
 */

import { Redis, type RedisOptions } from 'ioredis';
import { badInput, messageOf } from '../protocol/failure.ts';
import { parseRedisUrl, shownRedisUrl } from './redis-url.ts';

/** The longest pause between two attempts to connect. */
export const reconnectMs = 500;

export interface ConnectionSettings {
  /** Shown by Redis' CLIENT LIST. */
  readonly name: string;
  /** For blocking reads and for BullMQ, which wants commands to wait for ever. Otherwise they fail after about 10 s. */
  readonly blocking?: boolean;
  /** Told once when the connection is lost (with why), and once when it is back (null): never once an attempt. */
  readonly onChange?: (trouble: string | null) => void;
}

/**
 * Connects, in the background, for ever; see `untilReady`. Closing is the caller's, by `closeRedis`.
 *
 * @throws {Failure} when the URL has no form that is known.
 */
export function connectRedis(url: string, settings: ConnectionSettings): Redis {
  const options: RedisOptions & { replyMapping: 'legacy' } = {
    ...parseRedisUrl(url).options,
    // Maps come as flat lists, as before RESP3: what BullMQ's scripts and our readers of streams expect.
    replyMapping: 'legacy',
    connectionName: settings.name,
    connectTimeout: 3_000,
    // Twenty attempts are 10 s: then a waiting command fails instead of being done when nobody wants it any more.
    maxRetriesPerRequest: settings.blocking === true ? null : 20,
    retryStrategy: (attempts) => Math.min(50 * attempts, reconnectMs),
  };
  const redis = new Redis(options);
  let inTrouble = false;
  // Without a listener, the first lost connection would end the process.
  redis.on('error', (error: Error) => {
    if (inTrouble) return;
    inTrouble = true;
    settings.onChange?.(messageOf(error));
  });
  redis.on('ready', () => {
    if (inTrouble) settings.onChange?.(null);
    inTrouble = false;
  });
  return redis;
}

/**
 * Waits until Redis answers as it should.
 *
 * @throws {Failure} (exit status 2) after `deadlineMs` without an answer; at once when it refuses user or password.
 */
export async function untilReady(redis: Redis, url: string, deadlineMs = 5_000): Promise<void> {
  if (redis.status === 'ready') return;
  const shown = shownRedisUrl(url);
  await new Promise<void>((resolve, reject) => {
    let last = 'no answer';
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      redis.off('error', onError);
      outcome();
    };
    const onReady = () => settle(resolve);
    const onError = (error: Error) => {
      last = messageOf(error);
      if (/^ERR DB index/.test(last)) {
        settle(() =>
          reject(
            badInput(
              `Cannot use Redis at ${shown}: ${last}; wanted a database that it has, in the path of the URL`,
            ),
          ),
        );
      }
      if (/^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password)/.test(last)) {
        settle(() =>
          reject(
            badInput(
              `Cannot log in to Redis at ${shown}: ${last.split(/[,;.]/)[0]}; wanted the user and password it was set up with, in the URL`,
            ),
          ),
        );
      }
    };
    const timer = setTimeout(() => {
      settle(() =>
        reject(
          badInput(
            `Cannot reach Redis at ${shown}: ${last} for ${deadlineMs / 1000} s; wanted a running redis-server, see "stampede doctor"`,
          ),
        ),
      );
    }, deadlineMs);
    redis.on('ready', onReady);
    redis.on('error', onError);
  });
}

/** Whether the same Redis answers who gives neither user nor password. One try; no answer means no. */
export async function answersStrangers(url: string, deadlineMs: number): Promise<boolean> {
  const { username: _user, password: _password, ...address } = parseRedisUrl(url).options;
  const options: RedisOptions & { replyMapping: 'legacy' } = {
    ...address,
    replyMapping: 'legacy',
    lazyConnect: true,
    connectTimeout: deadlineMs,
    retryStrategy: () => null,
  };
  const redis = new Redis(options);
  // To be refused is what is hoped for.
  redis.on('error', () => undefined);
  try {
    await withDeadline(
      redis.connect().then(() => redis.ping()),
      deadlineMs,
      'Cannot look who is let in',
    );
    return true;
  } catch {
    return false;
  } finally {
    await closeRedis(redis);
  }
}

/** The other side did not answer in time. What was asked may still happen. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * The same promise, but it ends.
 *
 * @param action what was tried, e.g. "Cannot send an order to the agent "a1"".
 * @throws {DeadlineError} after `milliseconds`.
 */
export async function withDeadline<Value>(
  promise: Promise<Value>,
  milliseconds: number,
  action: string,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new DeadlineError(`${action}: no answer from Redis within ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
    // The loser may still fail, when nobody listens any more.
    promise.catch(() => undefined);
  }
}

/**
 * The same promise; but when nothing has come for `milliseconds`, the connection is made again, and what was asked is
 * asked again on the new one. For calls that wait as long as it takes, over a network that may swallow a connection.
 */
export async function withRevival<Value>(
  redis: Redis,
  milliseconds: number,
  promise: Promise<Value>,
): Promise<Value> {
  const timer = setInterval(() => {
    if (redis.status === 'ready') redis.disconnect(true);
  }, milliseconds);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

/** Closes after what was sent has been answered, or after 500 ms; never rejects. */
export async function closeRedis(redis: Redis): Promise<void> {
  if (redis.status === 'ready') {
    await withDeadline(redis.quit(), 500, 'Cannot close the connection to Redis').catch(() => undefined);
  }
  redis.disconnect();
}
