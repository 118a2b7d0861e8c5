/**
 * What to say last, on a terminal, when the load generator was the limit of most trials: a reader who stops at the
 * verdicts should know, and know what to do. One line, or none. It judges nothing; `judge/` has done that.
 */

import type { TrialRecord } from '../../protocol/trial-record.ts';
import { metrics } from '../judge/metrics.ts';
import { biasOf } from '../judge/pairs.ts';
import { plural } from './figures.ts';

/** Null when the generator was the limit of half the trials or fewer. */
export function limitAdvice(trials: readonly TrialRecord[]): string | null {
  const limited = trials.filter(({ limitedBy }) => limitedBy === 'generator');
  if (limited.length * 2 <= trials.length) return null;
  const bounds = biasOf(limited, metrics.connectionsPerSecond, 0).understated
    ? 'rates (≥) and latencies (≤) are bounds'
    : 'latencies (≤) are bounds';
  const isOpen = limited.some(({ cell }) => cell.rate !== null);
  const less = isOpen ? 'a lower rate (--set rate=…)' : 'fewer server cores (--set cores=…)';
  return `The load generator was the limit in ${limited.length} of ${plural(trials.length, 'trial')}, so ${bounds}: make the load with more agents (agents.count) on more cores, or ask for ${less}.`;
}
