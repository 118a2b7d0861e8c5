/**
 * Every connection of a flood, as columns: one typed array a property, one index a slot, nothing allocated as
 * connections come and go. Times are milliseconds of performance.now().
 *
 *   free ──start──► connecting ──connected──► exchanging ──last answer──► (awaitingFin) ──► free
 *    ▲                  │ failed                  │ failed, timed out           │
 *    │                  ▼                         ▼                             ▼
 *    └──────────── resting (only after failing to connect) ◄──────────────────free
 *
 * `givenUp` is a connection that was cancelled and has not yet come back from the kernel.
 */

import { ConnectionTimes } from '../../connection-times.ts';

export const SlotState = {
  free: 0,
  connecting: 1,
  exchanging: 2,
  awaitingFin: 3,
  givenUp: 4,
  resting: 5,
} as const;

export class Slots {
  readonly count: number;
  readonly state: Uint8Array;
  readonly times: ConnectionTimes;
  /** When it is given up; of a resting slot, when it may start again. */
  readonly deadlineMs: Float64Array;
  /** Messages answered so far. */
  readonly answered: Uint8Array;
  /** How often in a row it failed to connect. */
  readonly refusals: Uint8Array;

  constructor(count: number) {
    this.count = count;
    this.state = new Uint8Array(count);
    this.times = new ConnectionTimes(count);
    this.deadlineMs = new Float64Array(count);
    this.answered = new Uint8Array(count);
    this.refusals = new Uint8Array(count);
  }
}
