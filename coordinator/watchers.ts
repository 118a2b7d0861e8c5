/**
 * Those who watch a run while it works: the live page and the exporter. Each is told the same things in the same order,
 * as they happen; a watcher can neither slow a run down nor end it: what one throws is a warning, and it is told no more.
 *
 *   opened ─► (members ─ messages, control ─ committed | lost, void)… ─► judged… ─► ended
 */

import type { Comparison } from '../protocol/comparison-record.ts';
import { messageOf } from '../protocol/failure.ts';
import type { AttemptId, Member, MemberMessage } from '../protocol/messages.ts';
import type { RunFolder } from '../protocol/run-folder.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { TrialRecord } from '../protocol/trial-record.ts';
import type { TrialHistograms } from './histogram-file.ts';
import type { Plan } from './plan/plan.ts';
import type { Progress, RunState } from './run-options.ts';

export type RunEvent =
  | {
      readonly kind: 'opened';
      readonly run: string;
      readonly folder: RunFolder;
      readonly scenario: Scenario;
      readonly plan: Plan;
      /** Trials that an earlier incarnation of the run has committed. */
      readonly committed: readonly TrialRecord[];
    }
  /** What a person at the terminal is told too. */
  | { readonly kind: 'progress'; readonly progress: Progress }
  /** An attempt begins, with these members. */
  | { readonly kind: 'members'; readonly attempt: AttemptId; readonly members: readonly Member[] }
  /** A message of the attempt under way that passed the screening: reports come once a second from everybody. */
  | { readonly kind: 'message'; readonly message: MemberMessage }
  | { readonly kind: 'committed'; readonly record: TrialRecord; readonly histograms: TrialHistograms }
  | { readonly kind: 'void'; readonly attempt: AttemptId; readonly reason: string }
  /** A member of the attempt under way is gone; the attempt is void. */
  | { readonly kind: 'lost'; readonly member: Member; readonly reason: string }
  /** Of the control plane, once a second while trials run; null: Redis did not answer in time. */
  | {
      readonly kind: 'control';
      readonly redisRoundTripSeconds: number | null;
      /** Age of the newest entry of the report stream when it was read: the greatest since last told; null: none was. */
      readonly reportLagSeconds: number | null;
      /** Orders that BullMQ found stalled, since the run was opened. */
      readonly stalledJobs: number;
    }
  /** Of the trials committed so far; `isFinal` when there are no more to come. */
  | { readonly kind: 'judged'; readonly comparison: Comparison; readonly isFinal: boolean }
  | { readonly kind: 'ended'; readonly state: RunState; readonly reason: string | null };

export interface RunWatcher {
  /** In the middle of a run: return soon, keep what is to be done for later. */
  see(event: RunEvent): void;
}

export class Watchers {
  readonly #watchers: Set<RunWatcher>;
  readonly #warn: (text: string) => void;

  constructor(watchers: readonly RunWatcher[], warn: (text: string) => void) {
    this.#watchers = new Set(watchers);
    this.#warn = warn;
  }

  get isAnyone(): boolean {
    return this.#watchers.size > 0;
  }

  tell(event: RunEvent): void {
    for (const watcher of this.#watchers) {
      try {
        watcher.see(event);
      } catch (error) {
        this.#watchers.delete(watcher);
        this.#warn(`A watcher of the run failed and is told no more: ${messageOf(error)}`);
      }
    }
  }
}
