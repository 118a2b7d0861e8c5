/**
 * From k6's samples to what every engine counts. k6 tells of a connection when it has ended: until then the running
 * counters do not know it. Its starts are evenly spaced and never late by its own account, so a connection was due when it
 * started.
 */

import { ConnectionTimes } from '../../connection-times.ts';
import type { LoadControl } from '../../load-control.ts';
import { Tally } from '../../tally.ts';
import type { Sample } from './sample-line.ts';

export interface SampleTallyOptions {
  readonly control: LoadControl;
  readonly kind: 'closed' | 'open';
  readonly startMs: number;
  readonly measureFromMs: number;
  readonly measureUntilMs: number;
  /** A time of k6's, in milliseconds since 1970, on the scale of performance.now(). */
  readonly toThreadMs: (wallMs: number) => number;
}

/** The one connection that is counted at a time. */
const slot = 0;

export class SampleTally {
  readonly tally: Tally;
  readonly #times = new ConnectionTimes(1);
  readonly #toThreadMs: (wallMs: number) => number;
  readonly #dueMs = new Float64Array(1);
  #samples = 0;
  #dropped = 0;
  #lookedMs: number;

  constructor({ toThreadMs, startMs, ...options }: SampleTallyOptions) {
    this.tally = new Tally({ ...options, times: this.#times });
    this.#toThreadMs = toThreadMs;
    this.#lookedMs = startMs;
  }

  /** So far. */
  get samples(): number {
    return this.#samples;
  }

  add({ startWallMs, connectNs, firstByteNs, totalNs, failedBy }: Sample): void {
    const { intendedMs, connectedMs, firstByteMs, endedMs } = this.#times;
    const startMs = this.#toThreadMs(startWallMs);
    this.#samples++;
    intendedMs[slot] = startMs;
    connectedMs[slot] = connectNs < 0 ? -1 : startMs + connectNs / 1e6;
    firstByteMs[slot] = firstByteNs < 0 ? -1 : startMs + firstByteNs / 1e6;
    endedMs[slot] = startMs + totalNs / 1e6;
    this.tally.started(slot);
    if (failedBy === null) this.tally.completed(slot);
    else this.tally.failed(slot, failedBy);
  }

  /** Starts dropped since the beginning, as k6 counts them `atMs`: what is new fell due since it was asked last. */
  dropped(count: number, atMs: number): void {
    this.#dueMs[0] = this.#lookedMs;
    for (; this.#dropped < count; this.#dropped++) this.tally.missed(this.#dueMs);
    this.#lookedMs = atMs;
  }
}
