/**
 * Two runs side by side: where both have the same cell and variant, did the figures move, and do the verdicts agree?
 *
 * Blocks of two runs have nothing in common, so nothing is paired and the interval is wider for it; and what differs
 * between the runs besides the clock is listed, not judged. Pure.
 */

import { differenceInterval, trimmed } from '../../measurement/location.ts';
import { seededRandom } from '../../measurement/random.ts';
import { holm, median } from '../../measurement/statistics.ts';
import type { Comparison, ComparisonRow, Verdict } from '../../protocol/comparison-record.ts';
import { type MetricName, metricNames, type Scenario } from '../../protocol/scenario.ts';
import type { LimitedBy, TrialRecord } from '../../protocol/trial-record.ts';
import { leastPairs } from './judge.ts';
import { metrics } from './metrics.ts';
import { type Bias, biasOf, type Conditions, conditionsKey, conditionsOf, limitOf } from './pairs.ts';
import { obstacleTo, zoneOf } from './verdict.ts';

export const runsComparisonSchemaName = 'stampede.runs-comparison/1';

export interface JudgedRun {
  readonly scenario: Scenario;
  readonly trials: readonly TrialRecord[];
  readonly comparison: Comparison;
}

/** How one figure of one variant moved from the first run to the second. */
export interface Movement {
  readonly metric: MetricName;
  readonly cell: Conditions;
  readonly variant: string;
  readonly firstMedian: number;
  readonly secondMedian: number;
  /** Of the trials of each run: what makes its figure a bound. */
  readonly firstLimitedBy: LimitedBy;
  readonly secondLimitedBy: LimitedBy;
  /** Second over first; null with too few blocks. */
  readonly ratio: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly moved: 'better' | 'worse' | 'same' | 'unclear';
}

/** One row of comparison.json that both runs have. */
export interface VerdictPair {
  readonly metric: MetricName;
  readonly cell: Conditions;
  readonly variant: string;
  readonly first: Verdict;
  readonly second: Verdict;
  /** `contradicts`: both claim, and not the same. An inconclusive run contradicts nobody. */
  readonly agreement: 'agrees' | 'open' | 'contradicts';
}

export interface RunsComparison {
  readonly schema: typeof runsComparisonSchemaName;
  readonly first: string;
  readonly second: string;
  readonly confidence: number;
  readonly verdicts: readonly VerdictPair[];
  readonly movements: readonly Movement[];
}

export function compareRuns(first: JudgedRun, second: JudgedRun): RunsComparison {
  const { confidence } = first.scenario;
  const drafts = sharedCells(first.trials, second.trials).flatMap((shared) =>
    metricNames.flatMap((metric) => draftMovement(shared, metric, first.scenario) ?? []),
  );
  const stands = holm(
    drafts.map(({ pValue }) => pValue),
    1 - confidence,
  );
  return {
    schema: runsComparisonSchemaName,
    first: first.comparison.run,
    second: second.comparison.run,
    confidence,
    verdicts: pairVerdicts(first.comparison.rows, second.comparison.rows),
    movements: drafts.map((draft, index) => ({
      ...draft.movement,
      moved: moved(draft, stands[index], first.scenario.smallestDifference),
    })),
  };
}

interface SharedCell {
  readonly cell: Conditions;
  readonly variant: string;
  readonly first: readonly TrialRecord[];
  readonly second: readonly TrialRecord[];
}

function sharedCells(first: readonly TrialRecord[], second: readonly TrialRecord[]): SharedCell[] {
  const keyOf = ({ cell }: TrialRecord) => `${cell.variant} ${conditionsKey(conditionsOf(cell))}`;
  const trusted = (trials: readonly TrialRecord[]) =>
    trials.filter(({ limitedBy }) => limitedBy !== 'control');
  const others = groupBy(trusted(second), keyOf);
  return [...groupBy(trusted(first), keyOf)].flatMap(([key, own]) => {
    const theirs = others.get(key);
    if (theirs === undefined) return [];
    const { cell } = own[0];
    return [{ cell: conditionsOf(cell), variant: cell.variant, first: own, second: theirs }];
  });
}

interface Draft {
  readonly movement: Omit<Movement, 'moved'>;
  readonly pValue: number;
  readonly firstBias: Bias;
  readonly secondBias: Bias;
}

function draftMovement(
  { cell, variant, first, second }: SharedCell,
  metric: MetricName,
  { confidence, seed }: Scenario,
): Draft | null {
  const values = (trials: readonly TrialRecord[]) =>
    trials.flatMap((trial) => metrics[metric].valueOf(trial) ?? []).filter((value) => value > 0);
  const [ofFirst, ofSecond] = [values(first), values(second)];
  const [firstMedian, secondMedian] = [median(ofFirst), median(ofSecond)];
  if (firstMedian === null || secondMedian === null) return null;
  const random = seededRandom(seed, `compare ${metric} ${variant} ${conditionsKey(cell)}`);
  const enough = Math.min(ofFirst.length, ofSecond.length) >= leastPairs;
  const interval = enough
    ? differenceInterval(ofSecond.map(Math.log), ofFirst.map(Math.log), { confidence, random })
    : null;
  const exp = (value: number | undefined) =>
    value === undefined || !Number.isFinite(value) ? null : Math.exp(value);
  const side = (trials: readonly TrialRecord[]) => {
    const tolerated = Math.floor(trials.length * trimmed);
    const judged = metrics[metric];
    return { bias: biasOf(trials, judged, tolerated), limit: limitOf(trials, judged, tolerated) };
  };
  const [sideOfFirst, sideOfSecond] = [side(first), side(second)];
  return {
    pValue: interval?.pValue ?? 1,
    firstBias: sideOfFirst.bias,
    secondBias: sideOfSecond.bias,
    movement: {
      metric,
      cell,
      variant,
      firstMedian,
      secondMedian,
      firstLimitedBy: sideOfFirst.limit,
      secondLimitedBy: sideOfSecond.limit,
      ratio: exp(interval?.estimate),
      low: exp(interval?.low),
      high: exp(interval?.high),
    },
  };
}

/** Of two bounds nothing is known, and of one only what it leaves no doubt about. */
function moved(
  { movement, firstBias, secondBias }: Draft,
  stands: boolean,
  smallestDifference: number,
): Movement['moved'] {
  const { metric, low, high } = movement;
  if (low === null || high === null) return 'unclear';
  const isKnown = (claim: Verdict) =>
    obstacleTo(claim, { variantBias: secondBias, baselineBias: firstBias }) === null;
  const zone = zoneOf(smallestDifference);
  if (low >= zone.low && high <= zone.high) return isKnown('equivalent') ? 'same' : 'unclear';
  if (!stands || (low <= 1 && high >= 1)) return 'unclear';
  const claim = low > 1 === (metrics[metric].better === 'higher') ? 'better' : 'worse';
  return isKnown(claim) ? claim : 'unclear';
}

function pairVerdicts(first: readonly ComparisonRow[], second: readonly ComparisonRow[]): VerdictPair[] {
  const keyOf = (row: ComparisonRow) => `${row.metric} ${row.variant} ${conditionsKey(row.cell)}`;
  const others = new Map(second.map((row) => [keyOf(row), row]));
  return first.flatMap((row) => {
    const other = others.get(keyOf(row));
    if (other === undefined) return [];
    const open = row.verdict === 'inconclusive' || other.verdict === 'inconclusive';
    const agreement = row.verdict === other.verdict ? 'agrees' : open ? 'open' : 'contradicts';
    const { metric, cell, variant } = row;
    return [{ metric, cell, variant, first: row.verdict, second: other.verdict, agreement }];
  });
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
