/**
 * Start here: a member of the cluster, whichever its role. It joins under a lease, takes orders one at a time, and for each
 * has the role carry out the attempt, until it is told to stop.
 *
 *   join (lease thread) ─► order ─► serve the run's lease, listen to its control stream ─► carryOut ─► next order
 *                                         │ lost, abort, newer epoch, SIGTERM
 *                                         └─► attempt.signal aborts: carryOut ends within seconds
 *
 * What goes wrong in an attempt is said to the coordinator and ends the attempt, never the process.
 */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import type { z } from 'zod';
import { messageOf } from '../protocol/failure.ts';
import type { AttemptId, Member } from '../protocol/messages.ts';
import { Attempt, AttemptEnded, type Stage } from './attempt.ts';
import { closeRedis, connectRedis } from './connection.ts';
import { readControl } from './control-stream.ts';
import { EpochFence } from './epoch-fence.ts';
import { Lease, type LeaseEvents } from './lease.ts';
import { takeOrders } from './orders.ts';
import { Reporter } from './report.ts';

/** What a role has to log with; pino's shape. */
export interface MemberLog {
  info(details: object, text: string): void;
  warn(details: object, text: string): void;
  error(details: object, text: string): void;
}

/** Who watches a member from within its process: its exporter. */
export interface MemberWatcher {
  /** The lease was renewed just now. */
  renewed(): void;
  /** Where it is in its attempt; `idle`: it has none. */
  at(stage: Stage | 'idle'): void;
  /** How its part of an attempt went. */
  ended(outcome: 'done' | 'failed'): void;
}

export interface MemberSettings<Order extends AttemptId> {
  readonly redisUrl: string;
  readonly member: Omit<Member, 'instance' | 'host' | 'pid' | 'clock'>;
  readonly orderSchema: z.ZodType<Order>;
  /** Carries out one attempt. What it throws is said as `failed`; an `AttemptFailed` names stage and finality. */
  readonly carryOut: (attempt: Attempt<Order>) => Promise<void>;
  /** Ends the attempt under way and the member, within a few seconds. */
  readonly signal: AbortSignal;
  readonly log: MemberLog;
  readonly watcher?: MemberWatcher | undefined;
}

/** Why an attempt failed here, and whether trying again could help. */
export class AttemptFailed extends Error {
  override readonly name = 'AttemptFailed';
  readonly stage: Stage;
  readonly final: boolean;

  constructor(reason: string, { stage, final }: { readonly stage: Stage; readonly final: boolean }) {
    super(reason);
    this.stage = stage;
    this.final = final;
  }
}

/** What is said last has to get out, but not at any price. */
const flushMs = 2_000;
/** A role that does not end its attempt in this time is left behind when the process ends. */
const windDownMs = 4_000;

/**
 * Settles when the signal was aborted and everything is closed.
 *
 * @throws {Failure} (exit status 2) when it cannot join; an Error when it may not stay a member.
 */
export async function runMember<Order extends AttemptId>(settings: MemberSettings<Order>): Promise<void> {
  const { redisUrl, member, log, signal, watcher } = settings;
  let onEnded: (error: Error) => void = () => undefined;
  const ended = new Promise<never>((_, reject) => {
    onEnded = reject;
  });
  ended.catch(() => undefined);
  const events: LeaseEvents = {
    onEnded,
    onRenewed: () => watcher?.renewed(),
    onTrouble: (trouble) =>
      trouble === null ? log.info({}, 'Redis is back') : log.warn({ trouble }, 'Redis is away'),
  };
  const lease = await Lease.join(
    redisUrl,
    { ...member, instance: randomBytes(8).toString('hex'), host: hostname(), pid: process.pid },
    events,
  );
  log.info({ member: member.name, clock: lease.clock }, `joined as ${member.role}`);

  const duty = new Duty(settings, lease);
  try {
    await Promise.race([ended, untilAborted(signal)]);
  } finally {
    // The lease is given back whatever becomes of the rest: nobody is to wait for it to run out.
    await duty.close().finally(() => lease.close());
    log.info({ member: member.name }, 'left');
  }
}

/** Taking orders and carrying them out, one at a time. */
class Duty<Order extends AttemptId> {
  readonly #settings: MemberSettings<Order>;
  readonly #lease: Lease;
  readonly #fence = new EpochFence();
  readonly #reports: Redis;
  readonly #jobs: Redis;
  readonly #orders: { close(): Promise<void> };
  #current: { readonly attempt: Attempt<Order>; readonly done: Promise<void> } | null = null;
  #closing = false;

  constructor(settings: MemberSettings<Order>, lease: Lease) {
    this.#settings = settings;
    this.#lease = lease;
    const { redisUrl, member, orderSchema } = settings;
    this.#reports = connectRedis(redisUrl, { name: `stampede-reports-${member.name}`, blocking: true });
    this.#jobs = connectRedis(redisUrl, { name: `stampede-orders-${member.name}`, blocking: true });
    this.#orders = takeOrders({
      redis: this.#jobs,
      role: member.role,
      member: member.name,
      schema: orderSchema,
      fence: this.#fence,
      carryOut: (order) => this.#take(order),
      onRefused: (reason, attempt) => this.#refuse(reason, attempt),
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#current?.attempt.end(
      `${this.#settings.member.role} ${this.#settings.member.name} was told to stop`,
    );
    const windDown = new Promise<void>((resolve) => setTimeout(resolve, windDownMs).unref());
    await Promise.race([this.#current?.done, windDown]);
    await this.#orders.close();
    await Promise.all([closeRedis(this.#reports), closeRedis(this.#jobs)]);
  }

  async #take(order: Order): Promise<void> {
    if (this.#closing) throw new AttemptEnded('this member is about to stop');
    const { member, log, redisUrl } = this.#settings;
    const { run, trial, attempt: number, epoch } = order;
    const lease = await this.#lease.serve(run);
    const reporter = new Reporter(this.#reports, order, member.name);
    const attempt = new Attempt(order, reporter, lease.memory, () => this.#lease.clock);
    void lease.lost.then((reason) => attempt.end(reason));
    const control = readControl(redisUrl, run, member.name, (message) => {
      this.#fence.see(message.run, message.epoch);
      attempt.take(message);
    });
    log.info({ run, trial, attempt: number, epoch }, 'attempt taken up');
    const done = this.#carryOut(attempt).finally(() => {
      control.close();
      lease.release();
      reporter.close();
      this.#current = null;
      this.#settings.watcher?.at('idle');
    });
    this.#current = { attempt, done };
    if (this.#closing) attempt.end('this member is about to stop');
    await done;
  }

  async #carryOut(attempt: Attempt<Order>): Promise<void> {
    const { log, carryOut, watcher } = this.#settings;
    const { run, epoch } = attempt.order;
    try {
      watcher?.at('prepare');
      await carryOut(attempt);
      watcher?.ended('done');
      log.info({ run, epoch }, 'attempt done');
    } catch (error) {
      watcher?.ended('failed');
      const failed =
        error instanceof AttemptFailed
          ? error
          : new AttemptFailed(messageOf(error), { stage: 'prepare', final: false });
      log.warn({ run, epoch, stage: failed.stage, reason: failed.message }, 'attempt failed');
      if (attempt.isUnwanted) return;
      attempt.reporter.say({
        kind: 'failed',
        stage: failed.stage,
        reason: failed.message.slice(0, 2_000),
        final: failed.final,
      });
    }
    if (!(await attempt.reporter.flush(flushMs))) log.warn({ run, epoch }, 'not everything could be said');
    if (attempt.reporter.dropped > 0)
      log.warn({ epoch, dropped: attempt.reporter.dropped }, 'reports dropped');
  }

  async #refuse(reason: string, attempt: AttemptId | null): Promise<void> {
    const { log, member } = this.#settings;
    log.warn({ reason, attempt }, 'order refused');
    // Of an older epoch there is nobody to be told.
    if (attempt === null || attempt.epoch <= this.#fence.newest(attempt.run)) return;
    const reporter = new Reporter(this.#reports, attempt, member.name);
    reporter.say({ kind: 'failed', stage: 'prepare', reason: reason.slice(0, 2_000), final: true });
    await reporter.flush(flushMs);
    reporter.close();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
