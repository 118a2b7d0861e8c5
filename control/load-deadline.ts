/**
 * Until when a lease lets load go on: one 64-bit word of shared memory, a time of CLOCK_MONOTONIC in nanoseconds.
 *
 * The lease thread writes it, load threads read it between batches. It is never moved once it has passed: a process that
 * was stopped and wakes up finds it in the past, whichever of its threads wakes first.
 */

import { leaseMs, loadStopMs } from '../protocol/keys.ts';

export class LoadDeadline {
  readonly #word: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#word = new BigInt64Array(memory);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  }

  get monotonicNs(): bigint {
    return Atomics.load(this.#word, 0);
  }

  set(monotonicNs: bigint): void {
    Atomics.store(this.#word, 0, monotonicNs);
  }

  hasPassed(nowNs: bigint): boolean {
    return nowNs >= this.monotonicNs;
  }
}

/**
 * The deadline that one renewal earns.
 *
 * @param askedNs when the renewal was sent: whatever held up its answer does not count in our favour.
 * @param coordinatorLeaseMs what is left of the coordinator's lease. Its age counts too, or load would go on for the
 *   sum of both leases after a coordinator's death. Null: it does not expire.
 */
export function deadlineAfter(askedNs: bigint, coordinatorLeaseMs: number | null): bigint {
  const grantedMs = Math.min(loadStopMs, (coordinatorLeaseMs ?? leaseMs) + loadStopMs - leaseMs);
  return askedNs + BigInt(Math.max(0, Math.floor(grantedMs))) * 1_000_000n;
}
