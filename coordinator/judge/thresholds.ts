/**
 * The scenario's thresholds: does the median over blocks hold in every cell? What was not measured was not shown to
 * hold, so it counts as broken.
 */

import { median } from '../../measurement/statistics.ts';
import type { Comparison } from '../../protocol/comparison-record.ts';
import type { Scenario, Threshold } from '../../protocol/scenario.ts';
import type { TrialRecord } from '../../protocol/trial-record.ts';
import { metrics } from './metrics.ts';
import { conditionsKey, conditionsOf } from './pairs.ts';

type JudgedThreshold = Comparison['thresholds'][number];

export function judgeThresholds(scenario: Scenario, trials: readonly TrialRecord[]): JudgedThreshold[] {
  return scenario.thresholds.flatMap((threshold) =>
    (threshold.variant === undefined ? scenario.factors.variant : [threshold.variant]).map((variant) =>
      judgeThreshold(
        threshold,
        variant,
        trials.filter((trial) => trial.cell.variant === variant),
      ),
    ),
  );
}

function judgeThreshold(
  { metric, min, max }: Threshold,
  variant: string,
  trials: readonly TrialRecord[],
): JudgedThreshold {
  const medians = cellMedians(metric, trials);
  const [least, most] = [Math.min(...medians), Math.max(...medians)];
  const underMin = min !== undefined && least < min;
  const overMax = max !== undefined && most > max;
  // The worst cell: the one that breaks it, else the one nearest to a bound.
  const value = underMin || (min !== undefined && !overMax) ? least : most;
  const measured = medians.length > 0;
  return {
    metric,
    variant,
    min: min ?? null,
    max: max ?? null,
    value: measured ? value : null,
    holds: measured && !underMin && !overMax,
  };
}

function cellMedians(metric: Threshold['metric'], trials: readonly TrialRecord[]): number[] {
  const byCell = new Map<string, number[]>();
  for (const trial of trials) {
    const value = metrics[metric].valueOf(trial);
    if (value === null || trial.limitedBy === 'control') continue;
    const key = conditionsKey(conditionsOf(trial.cell));
    byCell.set(key, [...(byCell.get(key) ?? []), value]);
  }
  return [...byCell.values()].flatMap((values) => median(values) ?? []);
}
