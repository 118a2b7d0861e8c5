/**
 * Orders to a member, as jobs of its own BullMQ queue: taken one at a time, measured, parsed, and fenced by epoch before
 * anything is done.
 *
 * A job is active for as long as its attempt lasts, and is never done twice: not when its lock expires, not when the
 * process that had it died. Doing it again is the coordinator's decision, with a new epoch.
 */

import { UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { z } from 'zod';
import { messageOf } from '../protocol/failure.ts';
import { queueName, queuePrefix } from '../protocol/keys.ts';
import { type AttemptId, attemptIdSchema, maxOrderBytes } from '../protocol/messages.ts';
import { withDeadline } from './connection.ts';
import type { EpochFence } from './epoch-fence.ts';

/** Over twice the longest that an event loop was ever seen blocked. BullMQ renews after half of it. */
const lockMs = 60_000;

export interface OrderSettings<Order extends AttemptId> {
  readonly redis: Redis;
  readonly role: 'agent' | 'server';
  readonly member: string;
  readonly schema: z.ZodType<Order>;
  readonly fence: EpochFence;
  /** Settles when the attempt is over. What it throws ends up as the reason why the job failed. */
  readonly carryOut: (order: Order) => Promise<void>;
  /** `attempt` is null when not even that could be read. */
  readonly onRefused: (reason: string, attempt: AttemptId | null) => Promise<void>;
}

export interface OrderQueue {
  /** Takes no order any more; waits for none. Never rejects. */
  close(): Promise<void>;
}

/** Begins to take orders. `redis` has to be a `blocking` connection; its closing is the caller's. */
export function takeOrders<Order extends AttemptId>(settings: OrderSettings<Order>): OrderQueue {
  const worker = new Worker(
    queueName(settings.role, settings.member),
    async ({ data }: { readonly data: unknown }) => {
      const order = await admit(data, settings);
      await settings.carryOut(order);
      return 'done';
    },
    {
      connection: settings.redis,
      prefix: queuePrefix,
      concurrency: 1,
      lockDuration: lockMs,
      maxStalledCount: 0,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 100 },
    },
  );
  // Connections that are lost are told of by their owner; a lock that is lost is of an attempt that is over anyway.
  worker.on('error', () => undefined);
  return {
    close: async () => {
      await withDeadline(worker.close(true), 1_000, 'Cannot stop taking orders').catch(() => undefined);
    },
  };
}

async function admit<Order extends AttemptId>(data: unknown, settings: OrderSettings<Order>): Promise<Order> {
  try {
    const order = parseOrder(data, settings.schema);
    const newest = settings.fence.newest(order.run);
    if (order.epoch <= newest) {
      throw new OrderRefused(
        `Cannot take an order of epoch ${order.epoch}: ${order.epoch === newest ? 'it was taken before' : `epoch ${newest} of run ${order.run} has begun`}; wanted a newer one`,
      );
    }
    settings.fence.see(order.run, order.epoch);
    return order;
  } catch (error) {
    await settings.onRefused(messageOf(error), attemptOf(data)).catch(() => undefined);
    throw new UnrecoverableError(messageOf(error));
  }
}

/** Why an order is not carried out. */
export class OrderRefused extends Error {
  override readonly name = 'OrderRefused';
}

/** @throws {OrderRefused} when it is too large, or is not an order. */
export function parseOrder<Order>(data: unknown, schema: z.ZodType<Order>): Order {
  const bytes = Buffer.byteLength(JSON.stringify(data) ?? '');
  if (bytes > maxOrderBytes) {
    throw new OrderRefused(`Cannot take an order: it has ${bytes} bytes; wanted at most ${maxOrderBytes}`);
  }
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new OrderRefused(`Cannot take an order: ${issues.join('; ').slice(0, 1_000)}`);
}

function attemptOf(data: unknown): AttemptId | null {
  if (data === null || typeof data !== 'object') return null;
  const { run, trial, attempt, epoch } = data as Record<string, unknown>;
  const parsed = attemptIdSchema.safeParse({ run, trial, attempt, epoch });
  return parsed.success ? parsed.data : null;
}
