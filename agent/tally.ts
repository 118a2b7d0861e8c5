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

/** Latencies that wait to be recorded together. */
const waitingAtOnce = 256;

export class Tally {
  readonly #connect = new LatencyHistogram();
  readonly #firstByte = new LatencyHistogram();
  readonly #total = new LatencyHistogram();
  /**
   * In nanoseconds. Recorded from a loop of their own: called from the depths of a flood, `record` is not always inlined,
   * and then V8 boxes each latency that it is given.
   */
  readonly #connectNs = new Float64Array(waitingAtOnce);
  readonly #firstByteNs = new Float64Array(waitingAtOnce);
  readonly #totalNs = new Float64Array(waitingAtOnce);
  #waiting = 0;

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
    this.#record(slot);
  }

  /** `cause`: its place in `failureCauses`. */
  failed(slot: number, cause: number): void {
    this.#control.countFailed(cause);
    if (!this.#isCounted(slot)) return;
    this.#failed[cause]++;
    if (cause === timedOut) this.#record(slot);
  }

  get connect(): LatencyHistogram {
    this.#recordWaiting();
    return this.#connect;
  }

  get firstByte(): LatencyHistogram {
    this.#recordWaiting();
    return this.#firstByte;
  }

  get total(): LatencyHistogram {
    this.#recordWaiting();
    return this.#total;
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

  #record(slot: number): void {
    const { intendedMs, connectedMs, firstByteMs, endedMs } = this.#times;
    const at = this.#waiting++;
    const intended = intendedMs[slot];
    const ended = endedMs[slot];
    // A phase that was not reached took at least until the end.
    this.#connectNs[at] = ((connectedMs[slot] < 0 ? ended : connectedMs[slot]) - intended) * 1e6;
    this.#firstByteNs[at] = ((firstByteMs[slot] < 0 ? ended : firstByteMs[slot]) - intended) * 1e6;
    this.#totalNs[at] = (ended - intended) * 1e6;
    if (this.#waiting === waitingAtOnce) this.#recordWaiting();
  }

  #recordWaiting(): void {
    recordAll(this.#connect, this.#connectNs, this.#waiting);
    recordAll(this.#firstByte, this.#firstByteNs, this.#waiting);
    recordAll(this.#total, this.#totalNs, this.#waiting);
    this.#waiting = 0;
  }

  #isCounted(slot: number): boolean {
    return this.#isInside(this.#isOpen ? this.#times.intendedMs : this.#times.endedMs, slot);
  }

  #isInside(timesMs: Float64Array, index: number): boolean {
    return timesMs[index] >= this.#fromMs && timesMs[index] < this.#untilMs;
  }
}

function recordAll(histogram: LatencyHistogram, latenciesNs: Float64Array, count: number): void {
  for (let index = 0; index < count; index++) histogram.record(latenciesNs[index]);
}
