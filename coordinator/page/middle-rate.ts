/** What a variant came to, for a legend: the median over its trials, which is what the report's tables have. Pure. */

import { median } from '../../measurement/statistics.ts';
import type { TrialLine } from '../../protocol/live-page.ts';

/** Connections a second; null: no trial is done. */
export function middleRate(
  lines: readonly TrialLine[],
): { readonly rate: number; readonly trials: number } | null {
  const rates = lines.flatMap(({ committed }) =>
    committed === undefined || committed.limitedBy === 'control' ? [] : [committed.connectionsPerSecond],
  );
  const rate = median(rates);
  return rate === null ? null : { rate, trials: rates.length };
}
