/**
 * The shared words between a load thread and the thread that looks after it: the command, when to start, and counters.
 * Each word has one writer. Counters wrap at 2^32: days of load.
 *
 * A lease is apart, since another thread writes it: eight bytes, the nanosecond of CLOCK_MONOTONIC at which it ends.
 */

import type { LoadCounts } from '../protocol/messages.ts';
import { type FailedByCause, failureCauses } from '../protocol/trial-record.ts';

export const Command = { none: 0, start: 1, stop: 2 } as const;

const commandAt = 0;
const attemptedAt = 1;
const completedAt = 2;
const missedAt = 3;
const failedAt = 4;
const startAtByte = 64;
const bytes = startAtByte + 8;

export class LoadControl {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #startAt: BigInt64Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(bytes)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, startAtByte / 4);
    this.#startAt = new BigInt64Array(memory, startAtByte, 1);
  }

  /** Ignored once stopped. */
  start(startAtMonotonicNs: bigint): void {
    Atomics.store(this.#startAt, 0, startAtMonotonicNs);
    Atomics.compareExchange(this.#words, commandAt, Command.none, Command.start);
    Atomics.notify(this.#words, commandAt);
  }

  stop(): void {
    Atomics.store(this.#words, commandAt, Command.stop);
    Atomics.notify(this.#words, commandAt);
  }

  get command(): number {
    return Atomics.load(this.#words, commandAt);
  }

  get startAtMonotonicNs(): bigint {
    return Atomics.load(this.#startAt, 0);
  }

  /** Blocks the thread until the command is another than `command`, or `mostMs` have passed. */
  waitWhile(command: number, mostMs: number): void {
    Atomics.wait(this.#words, commandAt, command, mostMs);
  }

  countAttempted(): void {
    this.#words[attemptedAt]++;
  }

  countCompleted(): void {
    this.#words[completedAt]++;
  }

  countMissed(): void {
    this.#words[missedAt]++;
  }

  /** `cause`: its place in `failureCauses`. */
  countFailed(cause: number): void {
    this.#words[failedAt + cause]++;
  }

  counts(): LoadCounts {
    const at = (word: number): number => Atomics.load(this.#words, word) >>> 0;
    return {
      attempted: at(attemptedAt),
      completed: at(completedAt),
      missed: at(missedAt),
      failed: Object.fromEntries(
        failureCauses.map((cause, index) => [cause, at(failedAt + index)]),
      ) as FailedByCause,
    };
  }
}

/** Reads a lease without making a BigInt. */
export class Lease {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Nanoseconds of CLOCK_MONOTONIC, to the precision of a double (2 ns after 104 days of uptime). */
  endsAtNs(): number {
    let low: number;
    let high: number;
    do {
      high = Atomics.load(this.#words, 1);
      low = Atomics.load(this.#words, 0);
    } while (Atomics.load(this.#words, 1) !== high);
    return high * 2 ** 32 + (low >>> 0);
  }
}
