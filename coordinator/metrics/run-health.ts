/**
 * Whether a run is well, for whoever restarts what is not: Redis answers, and jobs move. A connection that stands says
 * nothing; a message, a commit or a void attempt does.
 */

import type { Scenario } from '../../protocol/scenario.ts';
import type { RunEvent, RunWatcher } from '../watchers.ts';

/** Redis may be started again, and is asked once a second. */
const redisAwayMs = 10_000;
/** To gather the members of a cluster takes a minute, and nothing moves meanwhile. */
const gatherMs = 60_000;
const slackMs = 30_000;

export class RunHealth implements RunWatcher {
  readonly #nowMs: () => number;
  #isMeasuring = false;
  #movedMs: number;
  #stillMs = gatherMs + slackMs;
  #answeredMs: number | null = null;

  /** @param nowMs a clock that only goes on. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#movedMs = nowMs();
  }

  see(event: RunEvent): void {
    switch (event.kind) {
      case 'opened':
        this.#stillMs = longestStillMs(event.scenario);
        break;
      case 'progress':
        if (event.progress.kind === 'phase') this.#isMeasuring = event.progress.phase === 'trials';
        break;
      case 'control':
        if (event.redisRoundTripSeconds !== null) this.#answeredMs = this.#nowMs();
        return;
      case 'ended':
        this.#isMeasuring = false;
        break;
      default:
        break;
    }
    this.#movedMs = this.#nowMs();
  }

  /** Null: well. */
  trouble(): string | null {
    if (!this.#isMeasuring) return null;
    const silentMs = this.#nowMs() - (this.#answeredMs ?? this.#movedMs);
    if (silentMs > redisAwayMs) return `Redis has not answered for ${Math.round(silentMs / 1000)} s`;
    const stillMs = this.#nowMs() - this.#movedMs;
    return stillMs > this.#stillMs ? `no job has moved for ${Math.round(stillMs / 1000)} s` : null;
  }
}

/** The longest that nothing is heard of an attempt that goes well. */
function longestStillMs({ timeouts }: Scenario): number {
  const { serverReadySeconds, connectSeconds, responseSeconds } = timeouts;
  return gatherMs + Math.max(serverReadySeconds, connectSeconds + responseSeconds) * 1000 + slackMs;
}
