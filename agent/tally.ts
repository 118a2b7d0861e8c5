/**
 * What a load thread counts: everything in shared memory as it happens, and what belongs to the measured interval apart,
 * with its latencies. Recording one connection allocates nothing.
 *
 * A closed loop counts the connections that ended in the interval; an open loop those that were due in it, whenever they
 * end. What completed during the interval is counted apart, in both: a server that falls behind an open loop works its
 * backlog off later, and that is no part of what it did meanwhile.
 *
 * Latencies are of connections that completed, and of those that timed out, at the time they were given up: left out, the
 * slowest would make the others look fast.
 */

import { LatencyHistogram } from '../measurement/histogram.ts';
import type { LoadCounts } from '../protocol/messages.ts';
import { type FailedByCause, failureCauses } from '../protocol/trial-record.ts';
import type { ConnectionTimes } from './connection-times.ts';
import type { LoadControl } from './load-control.ts';

const timedOut = failureCauses.indexOf('timedOut');

export interface TallyOptions {
  readonly control: LoadControl;
  readonly kind: 'closed' | 'open';
  readonly times: ConnectionTimes;
  readonly measureFromMs: number;
  readonly measureUntilMs: number;
}

export class Tally {
  readonly connect = new LatencyHistogram();
  readonly firstByte = new LatencyHistogram();
  readonly total = new LatencyHistogram();

  readonly #control: LoadControl;
  readonly #times: ConnectionTimes;
  readonly #isOpen: boolean;
  readonly #fromMs: number;
  readonly #untilMs: number;
  readonly #failed = new Float64Array(failureCauses.length);
  #attempted = 0;
  #completed = 0;
  #completedMeanwhile = 0;
  #missed = 0;

  constructor(options: TallyOptions) {
    this.#control = options.control;
    this.#times = options.times;
    this.#isOpen = options.kind === 'open';
    this.#fromMs = options.measureFromMs;
    this.#untilMs = options.measureUntilMs;
  }

  /** A connection was started; its intended time is set. */
  started(slot: number): void {
    this.#control.countAttempted();
    if (this.#isOpen && this.#isInside(this.#times.intendedMs, slot)) this.#attempted++;
  }

  /** Open loop: a start fell due at `dueMs[0]` when no slot was free. */
  missed(dueMs: Float64Array): void {
    this.#control.countMissed();
    if (this.#isInside(dueMs, 0)) this.#missed++;
  }

  /** All four times are set. */
  completed(slot: number): void {
    this.#control.countCompleted();
    if (this.#isInside(this.#times.endedMs, slot)) this.#completedMeanwhile++;
    if (!this.#isCounted(slot)) return;
    this.#completed++;
    const { intendedMs, connectedMs, firstByteMs, endedMs } = this.#times;
    const intended = intendedMs[slot];
    this.connect.record((connectedMs[slot] - intended) * 1e6);
    this.firstByte.record((firstByteMs[slot] - intended) * 1e6);
    this.total.record((endedMs[slot] - intended) * 1e6);
  }

  /** `cause`: its place in `failureCauses`. */
  failed(slot: number, cause: number): void {
    this.#control.countFailed(cause);
    if (!this.#isCounted(slot)) return;
    this.#failed[cause]++;
    if (cause !== timedOut) return;
    // A phase that was not reached took at least until the end.
    const { intendedMs, connectedMs, firstByteMs, endedMs } = this.#times;
    const intended = intendedMs[slot];
    const ended = endedMs[slot];
    this.connect.record(((connectedMs[slot] < 0 ? ended : connectedMs[slot]) - intended) * 1e6);
    this.firstByte.record(((firstByteMs[slot] < 0 ? ended : firstByteMs[slot]) - intended) * 1e6);
    this.total.record((ended - intended) * 1e6);
  }

  /** Connections that completed during the measured interval, whenever they were due. */
  get completedMeanwhile(): number {
    return this.#completedMeanwhile;
  }

  /** Of the measured interval. */
  counts(): LoadCounts {
    const failed = Object.fromEntries(
      failureCauses.map((cause, index) => [cause, this.#failed[index]]),
    ) as FailedByCause;
    const ended = this.#completed + this.#failed.reduce((sum, count) => sum + count, 0);
    return {
      attempted: this.#isOpen ? this.#attempted : ended,
      completed: this.#completed,
      failed,
      missed: this.#missed,
    };
  }

  #isCounted(slot: number): boolean {
    return this.#isInside(this.#isOpen ? this.#times.intendedMs : this.#times.endedMs, slot);
  }

  #isInside(timesMs: Float64Array, index: number): boolean {
    return timesMs[index] >= this.#fromMs && timesMs[index] < this.#untilMs;
  }
}
