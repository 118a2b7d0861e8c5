/**
 * Every variant against the baseline: in each cell, on each metric, paired by block. Pure: the same trials give the same
 * comparison, whenever and wherever it is made. docs/method.md explains each step.
 *
 *   trials ─► pairs by block ─► ratios ─► interval (bootstrap) ─► Holm over the family ─► verdict, or how many more blocks
 *
 * It refuses to claim on fewer than ten blocks, and to call a bound a figure.
 */

import { forecastMore } from '../../measurement/forecast.ts';
import {
  defaultResamples,
  type LocationInterval,
  location,
  locationInterval,
  trimmed,
} from '../../measurement/location.ts';
import { seededRandom } from '../../measurement/random.ts';
import { holm, median } from '../../measurement/statistics.ts';
import {
  type Comparison,
  type ComparisonRow,
  comparisonSchemaName,
} from '../../protocol/comparison-record.ts';
import {
  baselineOf,
  headlineMetricOf,
  type MetricName,
  metricNames,
  type Scenario,
} from '../../protocol/scenario.ts';
import type { TrialRecord } from '../../protocol/trial-record.ts';
import { answerOf } from './answer.ts';
import { metrics } from './metrics.ts';
import {
  type Bias,
  biasOf,
  type Conditions,
  conditionsKey,
  conditionsOf,
  limitOf,
  type PairedValue,
  pairByBlock,
  pairValues,
} from './pairs.ts';
import { judgeThresholds } from './thresholds.ts';
import { type Decision, decide, leastBlocks, zoneOf } from './verdict.ts';

/** Under this many pairs there is a ratio, but no interval. */
export const leastPairs = 5;

export interface JudgeInput {
  readonly run: string;
  readonly scenario: Scenario;
  readonly trials: readonly TrialRecord[];
  /** Of the blocks, for each interval; without it, as many as a report's figures take. */
  readonly resamples?: number;
}

export function judge({ run, scenario, trials, resamples = defaultResamples }: JudgeInput): Comparison {
  const baseline = baselineOf(scenario);
  const measured = metricNames.filter((metric) =>
    trials.some((trial) => metrics[metric].valueOf(trial) !== null),
  );
  const drafts = groupByConditions(trials).flatMap((group) =>
    scenario.factors.variant
      .filter((variant) => variant !== baseline)
      .flatMap((variant) =>
        measured.map((metric) => draftRow({ scenario, metric, variant, baseline, resamples, ...group })),
      ),
  );
  const headline = headlineMetricOf(scenario);
  const families = [
    drafts.filter(({ input }) => input.metric === headline),
    drafts.filter(({ input }) => input.metric !== headline),
  ].map((family) => correct(family, scenario));
  const corrections = new Map(families.flatMap((family) => [...family]));
  const rows = drafts.map((draft) => finishRow(draft, scenario, corrections.get(draft) ?? uncorrected));
  return {
    schema: comparisonSchemaName,
    run,
    baseline,
    answer: answerOf({ scenario, rows, trials }),
    rows,
    thresholds: judgeThresholds(scenario, trials),
    // What is modelled is no judgement: who writes the reports adds it.
    model: [],
  };
}

interface Correction {
  readonly standsCorrected: boolean;
  /** Comparisons in the family. */
  readonly comparisons: number;
}

const uncorrected: Correction = { standsCorrected: false, comparisons: 1 };

/**
 * Holm over a family of rows. There are two: the metric the scenario asks about, and all others. The question was put
 * before the run, so figures beside it must not make it harder to answer.
 */
function correct(drafts: readonly Draft[], scenario: Scenario): Map<Draft, Correction> {
  const family = drafts.filter(({ interval, values }) => interval !== null && values.length >= leastBlocks);
  const stands = holm(
    family.map(({ interval }) => interval?.pValue ?? 1),
    1 - scenario.confidence,
  );
  return new Map(
    family.map((draft, index) => [draft, { standsCorrected: stands[index], comparisons: family.length }]),
  );
}

interface Group {
  readonly conditions: Conditions;
  readonly trials: readonly TrialRecord[];
}

/** In an order of their own, whatever order the trials ran in. */
function groupByConditions(trials: readonly TrialRecord[]): Group[] {
  const groups = new Map<string, { conditions: Conditions; trials: TrialRecord[] }>();
  for (const trial of trials) {
    const conditions = conditionsOf(trial.cell);
    const key = conditionsKey(conditions);
    const group = groups.get(key) ?? { conditions, trials: [] };
    group.trials.push(trial);
    groups.set(key, group);
  }
  return [...groups.values()].sort((left, right) => compareConditions(left.conditions, right.conditions));
}

function compareConditions(left: Conditions, right: Conditions): number {
  for (const key of ['cores', 'messages', 'requestBytes', 'responseBytes', 'concurrency', 'rate'] as const) {
    const difference = (left[key] ?? 0) - (right[key] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.close < right.close ? -1 : left.close > right.close ? 1 : 0;
}

interface RowInput extends Group {
  readonly scenario: Scenario;
  readonly metric: MetricName;
  readonly variant: string;
  readonly baseline: string;
  readonly resamples: number;
}

/** A row that waits for the correction over all rows. */
interface Draft {
  readonly input: RowInput;
  readonly values: readonly PairedValue[];
  readonly notes: readonly string[];
  /** Of the logarithms of the ratios. */
  readonly logRatios: readonly number[];
  readonly interval: LocationInterval | null;
}

function draftRow(input: RowInput): Draft {
  const { scenario, metric, variant, baseline, resamples, conditions, trials } = input;
  const of = (name: string) => trials.filter((trial) => trial.cell.variant === name);
  const { values, notes } = pairValues(pairByBlock(of(variant), of(baseline)), metrics[metric], metric);
  const logRatios = values.map(({ value, baselineValue }) => Math.log(value / baselineValue));
  // Its own stream a row: a row more or less elsewhere moves no other row's interval.
  const random = seededRandom(scenario.seed, `judge ${metric} ${variant} ${conditionsKey(conditions)}`);
  const interval =
    values.length < leastPairs
      ? null
      : locationInterval(logRatios, { confidence: scenario.confidence, random, resamples });
  return { input, values, notes, logRatios, interval };
}

function finishRow(
  { input, values, notes, logRatios, interval }: Draft,
  scenario: Scenario,
  correction: Correction,
): ComparisonRow {
  const metric = metrics[input.metric];
  const ofVariant = values.map(({ pair }) => pair.variant);
  const ofBaseline = values.map(({ pair }) => pair.baseline);
  const tolerated = Math.floor(values.length * trimmed);
  const variantBias = biasOf(ofVariant, metric, tolerated);
  const baselineBias = biasOf(ofBaseline, metric, tolerated);
  const center = location(logRatios)?.estimate ?? logRatios[0] ?? null;
  const bounded = interval !== null && Number.isFinite(interval.low) && Number.isFinite(interval.high);
  const decision = bounded
    ? decide({
        low: Math.exp(interval.low),
        high: Math.exp(interval.high),
        better: metric.better,
        smallestDifference: scenario.smallestDifference,
        blocks: values.length,
        ...correction,
        variantBias,
        baselineBias,
      })
    : tooFew(values.length);
  return {
    metric: input.metric,
    cell: input.conditions,
    variant: input.variant,
    baselineMedian: median(values.map(({ baselineValue }) => baselineValue)),
    median: median(values.map(({ value }) => value)),
    ratio: center === null ? null : Math.exp(center),
    low: bounded ? Math.exp(interval.low) : null,
    high: bounded ? Math.exp(interval.high) : null,
    confidence: scenario.confidence,
    blocks: values.length,
    verdict: decision.verdict,
    limitedBy: limitOf(ofVariant, metric, tolerated),
    baselineLimitedBy: limitOf(ofBaseline, metric, tolerated),
    moreBlocks:
      decision.verdict === 'inconclusive'
        ? moreBlocks(values.length, interval, scenario, correction, [variantBias, baselineBias])
        : null,
    notes: [...decision.notes, ...biasNotes(decision, variantBias, baselineBias), ...notes],
  };
}

/** When nothing was measured, the reasons for that are the notes. */
function tooFew(blocks: number): Decision {
  const note = `${blocks} ${blocks === 1 ? 'block was' : 'blocks were'} measured; an interval takes ${leastPairs}, and at least ${leastBlocks} are wanted for a claim`;
  return { verdict: 'inconclusive', notes: blocks === 0 ? [] : [note], withheldFor: 'blocks' };
}

/** Null when more of the same would not help: a bound stays a bound however often it is measured. */
function moreBlocks(
  blocks: number,
  interval: LocationInterval | null,
  scenario: Scenario,
  { comparisons }: Correction,
  biases: readonly Bias[],
): number | null {
  if (blocks > 0 && biases.some(({ understated, overstated }) => understated || overstated)) return null;
  // Without a spread there is nothing to forecast from.
  if (interval === null) return null;
  return (
    forecastMore({
      size: blocks,
      estimate: interval.estimate,
      standardError: interval.standardError,
      confidence: scenario.confidence,
      correctedConfidence: 1 - (1 - scenario.confidence) / comparisons,
      zone: Math.log(zoneOf(scenario.smallestDifference).high),
      leastSize: leastBlocks,
    }) ?? null
  );
}

/** What is said already as the obstacle to a claim is not said again. */
function biasNotes(decision: Decision, variant: Bias, baseline: Bias): string[] {
  if (decision.withheldFor === 'bias') return [];
  const sides = [
    ['variant', variant],
    ['baseline', baseline],
  ] as const;
  return sides.flatMap(([side, { understated, overstated }]) => [
    ...(understated ? [`the ${side}'s figure is a bound: the generator or the network was the limit`] : []),
    ...(overstated ? [`the ${side}'s latency is a lower bound: over 1 % of the starts were missed`] : []),
  ]);
}
