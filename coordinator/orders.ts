/**
 * Orders to members: BullMQ jobs out, control messages on the run's stream.
 *
 * A job is tried once and carries the epoch in its id; the ledger, not BullMQ, decides what is done again. Every call has
 * a deadline, because `add` hangs for as long as Redis is away.
 */

import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { closeRedis, connectRedis, withDeadline } from '../control/connection.ts';
import {
  controlStream,
  controlStreamMaxEntries,
  queueName,
  queuePrefix,
  reportStream,
} from '../protocol/keys.ts';
import {
  type AttemptId,
  type ControlMessage,
  controlMessageSchema,
  maxOrderBytes,
  type ServerOrder,
  type ShareOrder,
  serverOrderSchema,
  shareOrderSchema,
} from '../protocol/messages.ts';
import { AttemptVoid } from './barrier.ts';

/** Redis may be started again meanwhile. */
const orderMs = 8_000;
const withdrawMs = 2_000;
const eventsKept = 1_000;
/** Of each queue, at a time: an attempt makes some ten. */
const eventsARead = 100;

type Role = 'agent' | 'server';

export class Orders {
  readonly #redis: Redis;
  readonly #run: string;
  readonly #queueConnection: Redis;
  readonly #ownQueues: boolean;
  readonly #queues = new Map<string, Queue>();
  /** Of each queue's event stream: the last that was read. */
  readonly #lastEvents = new Map<string, string>();
  #stalled = 0;

  /**
   * `redis` is for control messages; the queues get a connection of their own, as BullMQ wants it.
   * @param ownQueues the members are this run's alone: their queues go with it.
   */
  constructor(redis: Redis, redisUrl: string, { run, ownQueues }: { run: string; ownQueues: boolean }) {
    this.#redis = redis;
    this.#run = run;
    this.#ownQueues = ownQueues;
    this.#queueConnection = connectRedis(redisUrl, { name: 'stampede-orders', blocking: true });
  }

  async toServer(member: string, order: ServerOrder): Promise<void> {
    await this.#add('server', member, serverOrderSchema.parse(order));
  }

  async toAgent(member: string, order: ShareOrder): Promise<void> {
    await this.#add('agent', member, shareOrderSchema.parse(order));
  }

  async #add(role: Role, member: string, order: ServerOrder | ShareOrder): Promise<void> {
    const bytes = Buffer.byteLength(JSON.stringify(order));
    if (bytes > maxOrderBytes) {
      throw new AttemptVoid(
        `Cannot send the order to ${member}: it has ${bytes} bytes; wanted at most ${maxOrderBytes}: use fewer addresses`,
        role,
      );
    }
    const jobId = jobIdOf(order, member);
    await withDeadline(
      this.#queue(role, member).add('order', order, { jobId }),
      orderMs,
      `Cannot send the order to ${member}`,
    ).catch((error: Error) => {
      throw new AttemptVoid(error.message);
    });
  }

  /** Takes an order back that nobody has taken yet; one that is being carried out needs an `abort`. Never rejects. */
  async withdraw(role: Role, member: string, attempt: { readonly epoch: number }): Promise<void> {
    await withDeadline(
      this.#queue(role, member).remove(jobIdOf({ run: this.#run, epoch: attempt.epoch }, member)),
      withdrawMs,
      'Cannot withdraw an order',
    ).catch(() => {});
  }

  /** The attempt in which an earlier incarnation ended: whoever still works at it is to stop. Never rejects. */
  async endEarlier({ run, trial, attempt, epoch }: AttemptId): Promise<void> {
    const reason = 'its coordinator ended';
    await this.say({ kind: 'abort', run, trial, attempt, epoch, reason }, withdrawMs).catch(() => {});
  }

  /** @throws {AttemptVoid} when Redis did not take it in time. */
  async say(message: ControlMessage, deadlineMs = orderMs): Promise<void> {
    const text = JSON.stringify(controlMessageSchema.parse(message));
    await withDeadline(
      this.#redis.xadd(
        controlStream(this.#run),
        'MAXLEN',
        '~',
        controlStreamMaxEntries,
        '*',
        'message',
        text,
      ),
      deadlineMs,
      `Cannot say "${message.kind}"`,
    ).catch((error: Error) => {
      throw new AttemptVoid(error.message);
    });
  }

  /**
   * How many orders of this run BullMQ has found stalled so far. One read for all queues: BullMQ's own listener would
   * take a connection for each. @throws when Redis does not answer in time.
   */
  async countStalled(deadlineMs: number): Promise<number> {
    const streams = [...this.#queues.values()].map((queue) => queue.toKey('events'));
    if (streams.length === 0) return this.#stalled;
    const from = streams.map((stream) => this.#lastEvents.get(stream) ?? '0-0');
    const read = await withDeadline(
      this.#redis.xread('COUNT', eventsARead, 'STREAMS', ...streams, ...from),
      deadlineMs,
      'Cannot read the events of the queues',
    );
    for (const [stream, entries] of read ?? []) {
      this.#stalled += entries.filter(([, fields]) => isStalledOrder(fields, this.#run)).length;
      const [newest = '0-0'] = entries.at(-1) ?? [];
      this.#lastEvents.set(stream, newest);
    }
    return this.#stalled;
  }

  /** Leaves nothing of this run in Redis. Never rejects. */
  async close(): Promise<void> {
    const closing = [...this.#queues.values()].map(async (queue) => {
      if (this.#ownQueues) await queue.obliterate({ force: true }).catch(() => {});
      await queue.close();
    });
    const streams = this.#redis.del(controlStream(this.#run), reportStream(this.#run));
    await withDeadline(Promise.allSettled([...closing, streams]), 1_000, 'Cannot close the queues').catch(
      () => {},
    );
    await closeRedis(this.#queueConnection);
  }

  #queue(role: Role, member: string): Queue {
    const name = queueName(role, member);
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new Queue(name, {
        connection: this.#queueConnection,
        prefix: queuePrefix,
        defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
        streams: { events: { maxLen: eventsKept } },
      });
      // Said by the connection already; without a listener it would end the process.
      queue.on('error', () => {});
      this.#queues.set(name, queue);
    }
    return queue;
  }
}

/** Unique over incarnations and members; BullMQ refuses a colon in it, and a bare number. */
function jobIdOf({ run, epoch }: { readonly run: string; readonly epoch: number }, member: string): string {
  return `${run}-${epoch}-${member}`;
}

/** `fields`: names and values in turn, like "event", "stalled", "jobId", …; those of earlier runs stand there as well. */
function isStalledOrder(fields: readonly string[], run: string): boolean {
  const field = (name: string) => fields[fields.indexOf(name) + 1] ?? '';
  return field('event') === 'stalled' && field('jobId').startsWith(`${run}-`);
}
