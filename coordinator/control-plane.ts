/** The coordinator's side of Redis: a private server or a given one, the lease on the run, reports in, orders out. */

import type { Redis } from 'ioredis';
import { closeRedis, connectRedis, untilReady } from '../control/connection.ts';
import type { Closers } from './closing.ts';
import { Collector, type CollectorEvents } from './collect.ts';
import { Orders } from './orders.ts';
import { Ownership, type OwnershipEvents } from './ownership.ts';
import { checkRedis } from './redis/check.ts';
import { startPrivateRedis } from './redis/private.ts';

export interface ControlPlane {
  readonly redisUrl: string;
  readonly redis: Redis;
  readonly ownership: Ownership;
  readonly collector: Collector;
  readonly orders: Orders;
  /** Microseconds since 1970 on the control clock: Redis' own. */
  controlTime(): Promise<number>;
}

export interface ControlPlaneEvents extends CollectorEvents, OwnershipEvents {
  onWarning(text: string): void;
  /** `trouble` null: it is back. */
  onRedis(trouble: string | null): void;
}

export interface ControlPlaneWish {
  /** Null: a private one. */
  readonly redisUrl: string | null;
  /** Where a private one runs. */
  readonly cores: readonly number[];
  /** The members are this run's alone. */
  readonly ownQueues: boolean;
  readonly run: string;
  readonly incarnation: number;
}

/** @throws {Failure} when Redis is not there, not fit, or the run is another coordinator's. */
export async function openControlPlane(
  wish: ControlPlaneWish,
  events: ControlPlaneEvents,
  closers: Closers,
): Promise<ControlPlane> {
  const redisUrl = wish.redisUrl ?? (await privateRedisUrl(wish.cores, events, closers));
  const redis = connectRedis(redisUrl, { name: 'stampede-coordinator', onChange: events.onRedis });
  closers.add('the connection to Redis', () => closeRedis(redis));
  if (wish.redisUrl === null) await untilReady(redis, redisUrl);
  else for (const warning of await checkRedis(redis, redisUrl)) events.onWarning(warning);

  const ownership = await Ownership.acquire(redis, wish.run, wish.incarnation, events);
  closers.add('the lease on the run', () => ownership.release());
  const collector = new Collector(redis, wish.run, events);
  await collector.start();
  closers.add('the collector', () => collector.stop());
  const orders = new Orders(redis, redisUrl, wish);
  closers.add('the order queues', () => orders.close());
  return {
    redisUrl,
    redis,
    ownership,
    collector,
    orders,
    async controlTime() {
      const [seconds, microseconds] = await redis.time();
      return Number(seconds) * 1_000_000 + Number(microseconds);
    },
  };
}

async function privateRedisUrl(
  cores: readonly number[],
  events: ControlPlaneEvents,
  closers: Closers,
): Promise<string> {
  const server = await startPrivateRedis(
    {
      onRestart: (how) => events.onWarning(`the private Redis ${how}: it was started again on its data`),
      onLost: (error) => events.onLost(error),
    },
    cores,
  );
  closers.add('the private Redis', () => server.stop(), 6_000);
  return server.url;
}
