/**
 * Trials side by side: the same cell but for the variant, in the same block. What has no partner, or no value, is left
 * out and said.
 */

import { median } from '../../measurement/statistics.ts';
import type { Cell } from '../../protocol/cell.ts';
import type { LimitedBy, TrialRecord } from '../../protocol/trial-record.ts';
import { keptItsRate, missedShare, mostRateError } from './limited-by.ts';
import type { Metric } from './metrics.ts';

/** A cell without its variant: what two variants have in common. */
export type Conditions = Omit<Cell, 'variant'>;

export function conditionsOf({ variant: _, ...conditions }: Cell): Conditions {
  return conditions;
}

export function conditionsKey(conditions: Conditions): string {
  const { cores, engine, messages, requestBytes, responseBytes, close, concurrency, rate } = conditions;
  return [cores, engine, messages, requestBytes, responseBytes, close, concurrency, rate].join(' ');
}

export interface Pair {
  readonly block: number;
  readonly variant: TrialRecord;
  readonly baseline: TrialRecord;
}

/** A figure of one pair: both values positive. */
export interface PairedValue {
  readonly pair: Pair;
  readonly value: number;
  readonly baselineValue: number;
}

export interface PairedValues {
  readonly values: readonly PairedValue[];
  /** Why blocks are missing, as sentences. */
  readonly notes: readonly string[];
}

export function pairByBlock(variant: readonly TrialRecord[], baseline: readonly TrialRecord[]): Pair[] {
  const ofBaseline = new Map(baseline.map((trial) => [trial.block, trial]));
  return variant
    .flatMap((trial) => {
      const partner = ofBaseline.get(trial.block);
      return partner === undefined ? [] : [{ block: trial.block, variant: trial, baseline: partner }];
    })
    .sort((left, right) => left.block - right.block);
}

export function pairValues(pairs: readonly Pair[], metric: Metric, path: string): PairedValues {
  const values: PairedValue[] = [];
  const dropped = new Map<string, number[]>();
  const drop = (reason: string, block: number) =>
    dropped.set(reason, [...(dropped.get(reason) ?? []), block]);
  for (const pair of pairs) {
    const [own, ofBaseline] = [metric.valueOf(pair.variant), metric.valueOf(pair.baseline)];
    const limits = [pair.variant.limitedBy, pair.baseline.limitedBy];
    if (limits.includes('control')) drop('the two sides counted differently', pair.block);
    else if (own === null || ofBaseline === null)
      drop(`not measured: ${reasonFor(own === null ? pair.variant : pair.baseline, path)}`, pair.block);
    else if (own <= 0 || ofBaseline <= 0) drop('a figure was zero, so there is no ratio', pair.block);
    else values.push({ pair, value: own, baselineValue: ofBaseline });
  }
  const notes = [...dropped].map(([reason, blocks]) => `${blockList(blocks)} left out: ${reason}`);
  return { values, notes };
}

/** The record's reason for a null: of the field itself, or of the nearest field above it. */
export function reasonFor(record: TrialRecord, path: string): string {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const reason = record.notes[at];
    if (reason !== undefined) return reason;
  }
  return 'no reason was recorded';
}

function blockList(blocks: readonly number[]): string {
  if (blocks.length > 5) return `${blocks.length} blocks`;
  return `${blocks.length === 1 ? 'block' : 'blocks'} ${blocks.join(', ')}`;
}

/** Which way the figures of one side may stray from the truth about that server. */
export interface Bias {
  /** The truth may be better than the figure: the generator or the network held it back. */
  readonly understated: boolean;
  /** The truth may be worse: the starts that would have waited longest were missed. */
  readonly overstated: boolean;
}

/** `tolerated`: that many blocks of one kind are too few to matter (the trimmed mean leaves out as many). */
export function biasOf(trials: readonly TrialRecord[], metric: Metric, tolerated: number): Bias {
  if (metric.kind === 'share') return { understated: false, overstated: false };
  const missed = trials.filter((trial) => missedShare(trial.connections) > mostRateError).length;
  const held = trials.filter((trial) => isHeldBack(trial, metric)).length;
  return {
    understated: held > tolerated,
    overstated: metric.kind === 'latency' && missed > tolerated,
  };
}

/** A rate that was asked for and reached is no bound, whoever had nothing left: more was not asked for. */
function isHeldBack(trial: TrialRecord, { kind }: Metric): boolean {
  if (trial.limitedBy !== 'generator' && trial.limitedBy !== 'network') return false;
  return kind !== 'capacity' || !keptItsRate(trial);
}

/**
 * What limited a figure of these trials: the generator or the network as soon as they bias it, else what limited most; at
 * a tie, what is more of a reservation. A rate that was reached was limited by what was asked for: `undetermined`.
 */
export function limitOf(trials: readonly TrialRecord[], metric: Metric, tolerated: number): LimitedBy {
  const asked = metric.kind === 'capacity' ? (trials[0]?.cell.rate ?? null) : null;
  // A lower bound above what was asked for would be none, whatever single trials were.
  const isReached =
    asked !== null && (median(trials.flatMap((trial) => metric.valueOf(trial) ?? [])) ?? 0) >= asked;
  const limits = trials.map((trial): LimitedBy => {
    const held = trial.limitedBy === 'generator' || trial.limitedBy === 'network';
    return held && (isReached || !isHeldBack(trial, metric)) ? 'undetermined' : trial.limitedBy;
  });
  const times = (limit: LimitedBy) => limits.filter((one) => one === limit).length;
  for (const limit of ['generator', 'network'] as const) if (times(limit) > tolerated) return limit;
  const reservations: readonly LimitedBy[] = ['control', 'undetermined', 'generator', 'network', 'server'];
  if (trials.length === 0) return 'undetermined';
  return reservations.reduce((most, limit) => (times(limit) > times(most) ? limit : most));
}
