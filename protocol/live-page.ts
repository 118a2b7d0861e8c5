/**
 * What the coordinator and a live page say to each other over a WebSocket. The page asks once; from then on it is told
 * what changed, by key, and holds at any time a copy of the documents below:
 *
 *   page                                   coordinator
 *     │ ── since(server, sequence) ───────► │  the last change it has seen; of another server: everything
 *     │ ◄── changes(documents, upTo) ────── │  until it has all, then at most four times a second
 *     │ ◄── alive ───────────────────────── │  when there was nothing to say for a while
 *
 * A document is replaced as a whole, and every change of one has a number of its own: a page that was cut off asks from
 * where it was, and lacks nothing afterwards.
 */

import { z } from 'zod';
import type { Cell } from './cell.ts';
import type { Comparison, ComparisonRow, Verdict } from './comparison-record.ts';
import type { Member } from './messages.ts';
import type { MetricName } from './scenario.ts';
import type { CoreTimes, FailedByCause, LatencyName, LimitedBy, TrialRecord } from './trial-record.ts';

/** More than any page sends; a longer message closes the connection. */
export const maxLiveRequestBytes = 65_536;

/** All that a page may say. */
export const liveRequestSchema = z.strictObject({
  kind: z.literal('since'),
  /** Whose numbers it counts in; null: it knows nothing yet. */
  server: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .nullable(),
  sequence: z.int().min(0),
});
export type LiveRequest = Readonly<z.infer<typeof liveRequestSchema>>;

export type LiveMessage =
  | {
      readonly kind: 'changes';
      readonly server: string;
      /** True: what the page held before is of another server, or of nobody. */
      readonly anew: boolean;
      readonly upTo: number;
      readonly documents: Partial<LiveDocuments>;
    }
  | { readonly kind: 'alive' };

/** By key. Those with a number come in as many parts as there is something to say. */
export interface LiveDocuments {
  readonly run: RunOutline;
  readonly progress: RunProgress;
  readonly members: readonly MemberLine[];
  readonly answer: Answer;
  /** What is modelled of more cores, a sentence a variant; there once the run is judged for good. */
  readonly modelled: readonly string[];
  readonly troubles: Troubles;
  readonly control: ControlHealth;
  readonly ended: RunEnd;
  /** A hundred trials each, in the order they run. */
  readonly [trials: `trials/${number}`]: readonly TrialLine[];
  /** Of one cell of the outline, over its committed trials. */
  readonly [cells: `cells/${number}`]: CellFigures;
  /** Some samples each, in the order of time. */
  readonly [rates: `rates/${number}`]: readonly RateSample[];
  /** Of one set of conditions of the outline. */
  readonly [verdicts: `verdicts/${number}`]: readonly VerdictLine[];
  readonly [course: `course/${number}`]: readonly CourseStep[];
}

/** What is known from the start and never changes. */
export interface RunOutline {
  readonly run: string;
  readonly name: string;
  readonly question: string | null;
  readonly folder: string;
  /** finished: told from a run folder, by `stampede view`. */
  readonly told: 'live' | 'finished';
  readonly lab: string;
  readonly variants: readonly string[];
  readonly baseline: string;
  readonly headline: MetricName;
  readonly blocks: number;
  readonly warmUpSeconds: number;
  readonly measuredSeconds: number;
  readonly smallestDifference: number;
  readonly confidence: number;
  readonly startedAt: string;
  readonly cells: readonly { readonly id: string; readonly cell: Cell; readonly conditions: number }[];
  /** The cells without their variants, each once. */
  readonly conditions: readonly Omit<Cell, 'variant'>[];
  /** Cells from this place on have trials and verdicts, but no figures of their own here. */
  readonly followedCells: number;
}

export interface RunProgress {
  /** A phase of the run, as the terminal names it. */
  readonly phase: string;
  readonly underWay: { readonly trial: string; readonly what: string; readonly attempt: number } | null;
  readonly done: number;
  readonly total: number;
  readonly secondsLeft: number | null;
  /** Over all agents, in the last second they told of. */
  readonly connectionsPerSecond: number | null;
}

export const trialStates = ['waiting', 'running', 'committed', 'given-up'] as const;

export interface TrialLine {
  readonly trial: string;
  readonly block: number;
  /** Place of its cell in the outline. */
  readonly cell: number;
  readonly state: (typeof trialStates)[number];
  /** Attempts begun so far. */
  readonly attempts: number;
  /** Why it was given up. */
  readonly reason?: string;
  readonly committed?: {
    readonly connectionsPerSecond: number;
    readonly completed: number;
    readonly failed: number;
    readonly missed: number;
    /** Seconds, of the total latency. */
    readonly p50: number | null;
    readonly p99: number | null;
    readonly headroom: number | null;
    readonly limitedBy: LimitedBy;
  };
}

/** One second over all agents; or several of one cell, where the run is too long to keep each. */
export interface RateSample {
  /** Seconds since the run began. */
  readonly at: number;
  readonly cell: number;
  readonly seconds: number;
  readonly completed: number;
  readonly failed: number;
  readonly missed: number;
  /** void: of an attempt that came to nothing; trial: the whole of a trial that nobody told of second by second. */
  readonly phase: 'warm-up' | 'measured' | 'void' | 'trial';
}

export type LatencySummary = NonNullable<TrialRecord['latencySeconds'][LatencyName]>;

export interface CellFigures {
  readonly blocks: number;
  /** Merged over the blocks; null: in no block measured. */
  readonly latencies: Readonly<Record<LatencyName, LatencySummary | null>>;
  readonly serverCores: readonly CoreBar[];
  readonly loadCores: readonly CoreBar[];
  readonly attempted: number;
  readonly missed: number;
  readonly failed: FailedByCause;
  readonly limitedBy: Readonly<Record<LimitedBy, number>>;
}

/** Mean over blocks. */
export interface CoreBar extends Omit<CoreTimes, 'core'> {
  /** "3", or "mean of 96". */
  readonly core: string;
  readonly acceptsPerSecond: number | null;
}

export interface MemberLine extends Pick<Member, 'role' | 'name' | 'host' | 'clock'> {
  readonly cores: number;
  /** By how much the offset of its clock has changed since the process was first seen. */
  readonly clockMovedMicroseconds: number;
  /** What it said of the last second it told of; null: nothing yet. */
  readonly last: {
    /** Completed by an agent, accepted by a server; null: it does not count. */
    readonly connections: number | null;
    readonly failed: number;
    /** The idle share of its busiest load core. */
    readonly headroom: number | null;
    readonly cores: readonly CoreTimes[];
  } | null;
}

export interface Answer {
  readonly text: string;
  readonly isFinal: boolean;
  /** Blocks that have a committed trial. */
  readonly blocks: number;
  readonly thresholds: Comparison['thresholds'];
}

export type VerdictLine = Omit<ComparisonRow, 'cell'>;

/** How the verdict on the headline metric came about: what was known after each block. */
export interface CourseStep {
  readonly block: number;
  readonly variant: string;
  readonly ratio: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly verdict: Verdict;
}

export interface Troubles {
  readonly voidAttempts: number;
  readonly givenUp: number;
  /** The last ones, the oldest first. */
  readonly notices: readonly Notice[];
  /** Notices that were told and are not kept. */
  readonly left: number;
}

export interface Notice {
  /** Seconds since the run began. */
  readonly at: number;
  readonly kind: 'void' | 'given-up' | 'warning';
  readonly text: string;
}

export interface ControlHealth {
  readonly redisRoundTripSeconds: number | null;
  readonly reportLagSeconds: number | null;
  readonly stalledJobs: number;
}

export interface RunEnd {
  /** complete, degraded, invalid, aborted; of a folder whose run is not over: running. */
  readonly state: string;
  readonly reason: string | null;
  /** Whether there is a report to look at. */
  readonly isReported: boolean;
}

/** A run in a folder beside the one that is watched. */
export interface PastRun {
  readonly folder: string;
  readonly name: string;
  readonly state: string;
  readonly startedAt: string | null;
  readonly committed: number | null;
  readonly planned: number | null;
  readonly hasReport: boolean;
  /** The one that is watched. */
  readonly isThis: boolean;
}
