/**
 * A coordinator that a test plays by hand: it holds the lease of a run, gives orders, says start, finish or abort, and
 * hears what members say. Over a real Redis; it judges nothing.
 */

import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { closeRedis, connectRedis, untilReady } from '../../control/connection.ts';
import { entryField } from '../../control/control-stream.ts';
import {
  controlStream,
  coordinatorKey,
  leaseMs,
  memberKey,
  queueName,
  queuePrefix,
  reportStream,
} from '../../protocol/keys.ts';
import {
  type Member,
  type MemberMessage,
  memberMessageSchema,
  memberSchema,
  type ServerOrder,
  type ShareOrder,
} from '../../protocol/messages.ts';
import { until } from './role-process.ts';

type Kind = MemberMessage['kind'];

export class ScriptedCoordinator {
  readonly run: string;
  readonly heard: MemberMessage[] = [];
  /** Arrival of each message on this test's clock. */
  readonly heardAtMs: number[] = [];
  readonly #redis: Redis;
  readonly #queueConnection: Redis;
  readonly #queues: Queue[] = [];
  #lastId = '0-0';
  #renewal: NodeJS.Timeout | null = null;

  private constructor(run: string, url: string) {
    this.run = run;
    this.#redis = connectRedis(url, { name: 'test-coordinator' });
    this.#queueConnection = connectRedis(url, { name: 'test-orders', blocking: true });
  }

  static async open(url: string, run: string): Promise<ScriptedCoordinator> {
    const coordinator = new ScriptedCoordinator(run, url);
    await untilReady(coordinator.#redis, url);
    await coordinator.holdLease('1:test');
    return coordinator;
  }

  /** Takes the run's lease, and renews it every second. */
  async holdLease(token: string): Promise<void> {
    this.dropLease();
    const renew = () => this.#redis.set(coordinatorKey(this.run), token, 'PX', leaseMs);
    await renew();
    this.#renewal = setInterval(() => void renew().catch(() => undefined), 1_000);
  }

  /** As a coordinator that was killed: the lease runs out by itself. */
  dropLease(): void {
    if (this.#renewal !== null) clearInterval(this.#renewal);
    this.#renewal = null;
  }

  async order(role: 'agent' | 'server', member: string, order: ServerOrder | ShareOrder): Promise<void> {
    await this.orderRaw(role, member, order);
  }

  /** Anything at all, as the data of a job. */
  async orderRaw(role: 'agent' | 'server', member: string, data: unknown): Promise<void> {
    const queue = new Queue(queueName(role, member), {
      connection: this.#queueConnection,
      prefix: queuePrefix,
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
    });
    queue.on('error', () => undefined);
    this.#queues.push(queue);
    await queue.add('order', data);
  }

  async say(message: object): Promise<void> {
    await this.#redis.xadd(controlStream(this.run), '*', entryField, JSON.stringify(message));
  }

  /** As a Redis without persistence that was started again. */
  async forgetEverything(): Promise<void> {
    await this.#redis.flushall();
  }

  /** Control time, in microseconds. */
  async now(): Promise<number> {
    const [seconds, microseconds] = await this.#redis.time();
    return Number(seconds) * 1e6 + Number(microseconds);
  }

  async member(role: 'agent' | 'server', name: string): Promise<Member | null> {
    const text = await this.#redis.get(memberKey(role, name));
    return text === null ? null : memberSchema.parse(JSON.parse(text));
  }

  async untilMember(role: 'agent' | 'server', name: string, deadlineMs = 10_000): Promise<Member> {
    let member: Member | null = null;
    await until(
      async () => {
        member = await this.member(role, name).catch(() => null);
        return member !== null;
      },
      deadlineMs,
      () => `no ${role} "${name}"`,
    );
    return member as unknown as Member;
  }

  /** The first message of this kind (and epoch), once it has come. */
  async hear<K extends Kind>(
    kind: K,
    { epoch, sender, deadlineMs = 10_000 }: { epoch?: number; sender?: string; deadlineMs?: number } = {},
  ): Promise<Extract<MemberMessage, { kind: K }>> {
    const find = () =>
      this.heard.find(
        (message) =>
          message.kind === kind &&
          (epoch === undefined || message.epoch === epoch) &&
          (sender === undefined || message.sender === sender),
      );
    await until(
      async () => {
        await this.#listen().catch(() => undefined);
        return find() !== undefined;
      },
      deadlineMs,
      () => `no "${kind}"; heard ${JSON.stringify(this.heard).slice(-1_500)}`,
    );
    return find() as Extract<MemberMessage, { kind: K }>;
  }

  async listen(): Promise<readonly MemberMessage[]> {
    await this.#listen();
    return this.heard;
  }

  async close(): Promise<void> {
    this.dropLease();
    for (const queue of this.#queues) await queue.close();
    await Promise.all([closeRedis(this.#queueConnection), closeRedis(this.#redis)]);
  }

  async #listen(): Promise<void> {
    const streams = (await this.#redis.xread(
      'COUNT',
      1_000,
      'STREAMS',
      reportStream(this.run),
      this.#lastId,
    )) as [string, [string, string[]][]][] | null;
    for (const [id, fields] of streams?.[0]?.[1] ?? []) {
      this.#lastId = id;
      this.heard.push(memberMessageSchema.parse(JSON.parse(fields[1] as string)));
      this.heardAtMs.push(performance.now());
    }
  }
}

/** A closed loop of 8 connections for a second, against a single-queue echo server on loopback. */
export function aShareOrder(
  run: string,
  epoch: number,
  port: number,
  changes: Partial<ShareOrder> = {},
): ShareOrder {
  return {
    ...anAttempt(run, epoch),
    index: 0,
    count: 1,
    cell: aCell(),
    application: 'echo',
    target: { addresses: ['127.0.0.1'], port },
    sourceAddresses: [],
    seed: 1,
    connectSeconds: 1,
    responseSeconds: 1,
    ...changes,
  };
}

export function aServerOrder(run: string, epoch: number, changes: Partial<ServerOrder> = {}): ServerOrder {
  return {
    ...anAttempt(run, epoch),
    cell: aCell(),
    application: 'echo',
    cores: [0],
    addresses: ['127.0.0.1'],
    port: 0,
    readySeconds: 5,
    ...changes,
  };
}

export function anAttemptId(run: string, epoch: number) {
  return { run, trial: 'trial-1', attempt: 1, epoch };
}

function anAttempt(run: string, epoch: number) {
  return { ...anAttemptId(run, epoch), warmUpSeconds: 1, measuredSeconds: 2 };
}

function aCell(): ShareOrder['cell'] {
  return {
    variant: 'single-queue',
    cores: 1,
    engine: 'socket',
    messages: 1,
    requestBytes: 64,
    responseBytes: 64,
    close: 'client-rst',
    concurrency: 8,
    rate: null,
  };
}
