/** What `runScenario` is given, what it tells while it works, and what it comes to. */

import type { Comparison } from '../protocol/comparison-record.ts';
import type { RunFolder } from '../protocol/run-folder.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { RunWatcher } from './watchers.ts';

export interface RunOptions {
  readonly scenario: Scenario;
  /** What goes into the run folder as scenario.yaml: it must parse to `scenario`. */
  readonly scenarioText: string;
  /** A new folder, or that of an interrupted run of the same scenario, which is then completed. */
  readonly folder: RunFolder;
  /** `redis://`, `rediss://` or `redis+unix://`, user and password included; null: a private one, for this run only. */
  readonly redisUrl: string | null;
  /** The argv that starts stampede itself, for local members: e.g. `[process.execPath, '/…/stampede.js']`. */
  readonly memberCommand: readonly string[];
  /** Ends the run cleanly within 5 s: what was committed is kept. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** Who else watches: the live page, the exporter. */
  readonly watchers?: readonly RunWatcher[];
}

export const phases = ['opening', 'redis', 'lab', 'members', 'trials', 'judging', 'closing'] as const;
export type Phase = (typeof phases)[number];

export type Progress =
  | { readonly kind: 'phase'; readonly phase: Phase }
  | {
      readonly kind: 'trial';
      readonly trial: string;
      /** The cell, in a few words. */
      readonly what: string;
      readonly block: number;
      readonly attempt: number;
      readonly done: number;
      readonly total: number;
      readonly secondsLeft: number;
    }
  | {
      readonly kind: 'committed';
      readonly trial: string;
      readonly done: number;
      readonly total: number;
      readonly connectionsPerSecond: number;
      readonly secondsLeft: number;
    }
  /** Once a second while a trial is under way, over all agents; warm-up included. */
  | { readonly kind: 'rate'; readonly trial: string; readonly connectionsPerSecond: number }
  /** An attempt came to nothing and is made again. */
  | { readonly kind: 'retry'; readonly trial: string; readonly attempt: number; readonly reason: string }
  /** A trial was given up: the run goes on and ends degraded. */
  | { readonly kind: 'givenUp'; readonly trial: string; readonly reason: string }
  | { readonly kind: 'warning'; readonly text: string };

/** complete: every trial committed · degraded: some were given up · invalid: the run could not go on · aborted: it was told to stop. */
export const runStates = ['complete', 'degraded', 'invalid', 'aborted'] as const;
export type RunState = (typeof runStates)[number];

export interface RunOutcome {
  readonly state: RunState;
  /** Why it is not complete; null when it is. */
  readonly reason: string | null;
  /** Null when there was nothing to compare. */
  readonly comparison: Comparison | null;
  /** Trials in the ledger, earlier incarnations included. */
  readonly committed: number;
  readonly planned: number;
}
