/**
 * From an interval to one of four words. The order matters: an interval inside the zone of what does not matter is
 * `equivalent` even when it excludes 1. Pure; all it knows of statistics is the interval it is given.
 */

import type { Verdict } from '../../protocol/comparison-record.ts';
import type { Bias } from './pairs.ts';

/** Fewer blocks support no claim: the interval's own coverage was not shown for them. */
export const leastBlocks = 10;

export interface Judged {
  readonly low: number;
  readonly high: number;
  readonly better: 'higher' | 'lower';
  readonly smallestDifference: number;
  readonly blocks: number;
  /** Whether the difference from 1 still stands when all comparisons of its family are counted. */
  readonly standsCorrected: boolean;
  readonly comparisons: number;
  readonly variantBias: Bias;
  readonly baselineBias: Bias;
}

export interface Decision {
  readonly verdict: Verdict;
  readonly notes: readonly string[];
  /** Why a claim that the interval would support is not made. */
  readonly withheldFor: 'blocks' | 'correction' | 'bias' | null;
}

/** Ratios between these two do not matter: symmetric in the logarithm, so swapping the variants changes nothing. */
export function zoneOf(smallestDifference: number): { readonly low: number; readonly high: number } {
  return { low: 1 - smallestDifference, high: 1 / (1 - smallestDifference) };
}

export function decide(judged: Judged): Decision {
  const { low, high, blocks } = judged;
  const zone = zoneOf(judged.smallestDifference);
  const excludesOne = low > 1 || high < 1;
  const claim: Verdict =
    low >= zone.low && high <= zone.high
      ? 'equivalent'
      : !excludesOne
        ? 'inconclusive'
        : low > 1 === (judged.better === 'higher')
          ? 'better'
          : 'worse';
  if (claim === 'inconclusive') return { verdict: claim, notes: [], withheldFor: null };
  if (blocks < leastBlocks)
    return withheld('blocks', `${blocks} blocks were measured; ${leastBlocks} are wanted for a claim`);
  if (claim !== 'equivalent' && !judged.standsCorrected)
    return withheld(
      'correction',
      `the interval by itself excludes 1, but not when all ${judged.comparisons} comparisons of its family are counted (Holm)`,
    );
  const obstacle = obstacleTo(claim, judged);
  return obstacle === null ? { verdict: claim, notes: [], withheldFor: null } : withheld('bias', obstacle);
}

function withheld(why: Decision['withheldFor'], note: string): Decision {
  return { verdict: 'inconclusive', notes: [note], withheldFor: why };
}

/**
 * A variant held back by its generator may be better than it looks, so it may be called better and nothing else; and so
 * round for the baseline, and for figures that flatter.
 */
export function obstacleTo(
  claim: Verdict,
  { variantBias, baselineBias }: Pick<Judged, 'variantBias' | 'baselineBias'>,
): string | null {
  const maybeBetter = variantBias.understated || baselineBias.overstated;
  const maybeWorse = variantBias.overstated || baselineBias.understated;
  if (claim !== 'better' && maybeBetter)
    return variantBias.understated
      ? `no "${claim}" is claimed: the variant's figure is a bound, what held it back was not the server`
      : `no "${claim}" is claimed: the baseline's figure flatters it, starts were missed`;
  if (claim !== 'worse' && maybeWorse)
    return baselineBias.understated
      ? `no "${claim}" is claimed: the baseline's figure is a bound, what held it back was not the server`
      : `no "${claim}" is claimed: the variant's figure flatters it, starts were missed`;
  return null;
}
