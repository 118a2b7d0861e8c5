/**
 * Who coordinates a run: a lease in Redis under the run's coordinator key, renewed every second. Members stop when it is
 * gone; a coordinator whose lease has passed to a later incarnation must not commit any more (the fence).
 *
 * The lease also tells that Redis forgot: when it is gone although it was renewed in time, orders and reports went with it.
 */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { DeadlineError, withDeadline } from '../control/connection.ts';
import { badInput, runIncomplete } from '../protocol/failure.ts';
import { coordinatorKey, leaseMs, leaseRenewalMs } from '../protocol/keys.ts';

const acquireScript = `
local held = redis.call('GET', KEYS[1])
local heldIncarnation = held and tonumber(string.match(held, '^(%d+):'))
if heldIncarnation and heldIncarnation >= tonumber(ARGV[2]) then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 'taken'`;

const renewScript = `
local held = redis.call('GET', KEYS[1])
if held == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 'kept' end
if held then return 'lost' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'regained'`;

const releaseScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

const callMs = 2_000;
/** Long enough for a Redis that is being started again. */
const fenceMs = 12_000;

export interface OwnershipEvents {
  /** Another coordinator has the run: this one must stop. */
  onLost(error: Error): void;
  /** The lease was gone: Redis lost its data, or was away for longer than the lease. */
  onForgotten(reason: string): void;
}

export class Ownership {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #token: string;
  readonly #incarnation: number;
  readonly #events: OwnershipEvents;
  #timer: NodeJS.Timeout | null = null;
  #renewing = false;

  private constructor(redis: Redis, run: string, incarnation: number, events: OwnershipEvents) {
    this.#redis = redis;
    this.#key = coordinatorKey(run);
    this.#incarnation = incarnation;
    this.#token = `${incarnation}:${randomBytes(8).toString('hex')}`;
    this.#events = events;
  }

  /** Takes the run over from any earlier incarnation. @throws {Failure} when a later (or the same) one has it. */
  static async acquire(
    redis: Redis,
    run: string,
    incarnation: number,
    events: OwnershipEvents,
  ): Promise<Ownership> {
    const ownership = new Ownership(redis, run, incarnation, events);
    const answer = await ownership.#call(acquireScript, [
      ownership.#token,
      String(incarnation),
      String(leaseMs),
    ]);
    if (answer !== 'taken') {
      throw badInput(
        `Cannot coordinate run ${run}: another coordinator has it (incarnation ${answer.split(':')[0]}, this is ${incarnation}); ` +
          'wanted one a run. Wait for it to end.',
      );
    }
    ownership.#timer = setInterval(() => void ownership.#renew(), leaseRenewalMs);
    return ownership;
  }

  /** Waits out a Redis that is away for a short time. @throws {Failure} when this coordinator does not own the run. */
  async fence(): Promise<void> {
    const deadline = Date.now() + fenceMs;
    for (;;) {
      try {
        const answer = await this.#call(renewScript, [this.#token, String(leaseMs)]);
        if (answer === 'lost') throw this.#lost();
        return;
      } catch (error) {
        if (Date.now() > deadline || (error instanceof Error && error.name === 'Failure')) throw error;
        await sleep(200);
      }
    }
  }

  async #renew(): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      const answer = await this.#call(renewScript, [this.#token, String(leaseMs)]);
      if (this.#timer === null) return;
      if (answer === 'lost') this.#events.onLost(this.#lost());
      if (answer === 'regained') {
        this.#events.onForgotten(
          'the lease of the coordinator was gone: Redis lost its data, or was away for too long',
        );
      }
    } catch (error) {
      // Away: its connection is made again. Silent: a network may have swallowed the connection, so make a new one.
      if (error instanceof DeadlineError && this.#redis.status === 'ready') this.#redis.disconnect(true);
    } finally {
      this.#renewing = false;
    }
  }

  async release(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#call(releaseScript, [this.#token]).catch(() => {});
  }

  #lost(): Error {
    return runIncomplete(
      `Incarnation ${this.#incarnation} of the coordinator lost the run to a later one: it commits nothing more`,
    );
  }

  async #call(script: string, values: readonly string[]): Promise<string> {
    return String(
      await withDeadline(
        this.#redis.eval(script, 1, this.#key, ...values),
        callMs,
        'Cannot renew the lease on the run',
      ),
    );
  }
}
