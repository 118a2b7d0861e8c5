/**
 * The judgement after a block, for those who watch: of what is committed so far, with fewer resamples than a report
 * takes. It is made between two trials, when nobody measures, only when somebody is told, and takes at most a hundredth of
 * the time: one that took long is not made again soon. Nothing is decided by it.
 */

import type { Scenario } from '../protocol/scenario.ts';
import type { TrialRecord } from '../protocol/trial-record.ts';
import { judge } from './judge/judge.ts';
import type { Watchers } from './watchers.ts';

/** The ends of a 95 % interval move by about 2 % of its width from seed to seed. */
export const interimResamples = 999;
const leastPauses = 99;

export class InterimJudge {
  readonly #run: string;
  readonly #scenario: Scenario;
  readonly #watchers: Watchers;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(parts: { readonly run: string; readonly scenario: Scenario; readonly watchers: Watchers }) {
    this.#run = parts.run;
    this.#scenario = parts.scenario;
    this.#watchers = parts.watchers;
  }

  /** No block is under way, and more are to come. */
  betweenBlocks(trials: readonly TrialRecord[]): void {
    const began = performance.now();
    if (!this.#watchers.isAnyone || trials.length === 0 || began < this.#notBeforeMs) return;
    const comparison = judge({
      run: this.#run,
      scenario: this.#scenario,
      trials,
      resamples: interimResamples,
    });
    const ended = performance.now();
    this.#notBeforeMs = ended + leastPauses * (ended - began);
    this.#watchers.tell({ kind: 'judged', comparison, isFinal: false });
  }
}
