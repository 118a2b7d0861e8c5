/** The answer in one sentence, about the headline metric: what came out, how surely, and what kept it from coming out. */

import type { ComparisonRow, Verdict } from '../../protocol/comparison-record.ts';
import { baselineOf, headlineMetricOf, type Scenario } from '../../protocol/scenario.ts';
import type { TrialRecord } from '../../protocol/trial-record.ts';
import { metrics } from './metrics.ts';
import { leastBlocks } from './verdict.ts';

interface AnswerInput {
  readonly scenario: Scenario;
  readonly rows: readonly ComparisonRow[];
  readonly trials: readonly TrialRecord[];
}

const verdictOrder: readonly Verdict[] = ['better', 'equivalent', 'inconclusive', 'worse'];

export function answerOf({ scenario, rows, trials }: AnswerInput): string {
  const baseline = baselineOf(scenario);
  const others = scenario.factors.variant.filter((variant) => variant !== baseline);
  if (trials.length === 0) return 'No trial was completed, so there is no answer.';
  if (others.length === 0) return `Only ${baseline} was measured, so there is nothing to compare it with.`;
  const headline = headlineMetricOf(scenario);
  const clauses = others.map((variant) => {
    const own = rows.filter((row) => row.metric === headline && row.variant === variant);
    const cpu = rows.filter(
      (row) => row.metric === 'server.cpuMicrosecondsPerConnection' && row.variant === variant,
    );
    return withFallback(clause(own, variant, baseline, scenario), own, cpu, baseline, scenario);
  });
  const text = `${clauses.join('; ')}.`;
  // A variant's name is written as in the scenario, also where a sentence begins.
  return others.some((variant) => text.startsWith(variant))
    ? text
    : text.charAt(0).toUpperCase() + text.slice(1);
}

/** A generator at its limit leaves capacity open; what the server spent on each connection still answers something. */
function withFallback(
  text: string,
  own: readonly ComparisonRow[],
  cpu: readonly ComparisonRow[],
  baseline: string,
  scenario: Scenario,
): string {
  const [row, spent] = [own[0], cpu[0]];
  const bounded = row?.limitedBy === 'generator' || row?.baselineLimitedBy === 'generator';
  if (own.length !== 1 || row.verdict !== 'inconclusive' || !bounded) return text;
  if (row === spent || spent === undefined || spent.verdict === 'inconclusive') return text;
  return `${text}; yet ${clause(cpu, spent.variant, baseline, scenario)}`;
}

function clause(
  rows: readonly ComparisonRow[],
  variant: string,
  baseline: string,
  scenario: Scenario,
): string {
  const [row] = rows;
  if (row === undefined) return `${variant} and ${baseline} were not both measured`;
  return rows.length === 1 ? oneCell(row, baseline, scenario) : manyCells(rows, baseline);
}

function oneCell(row: ComparisonRow, baseline: string, scenario: Scenario): string {
  const { variant, ratio, low, high } = row;
  const { noun, verb } = metrics[row.metric];
  if (ratio === null)
    return `${variant} and ${baseline} cannot be compared on ${noun}: ${row.notes[0] ?? 'not measured'}`;
  const basis =
    low === null || high === null
      ? `${blocks(row.blocks)}, too few for an interval`
      : `${percent(row.confidence)} interval ${interval(low, high)}, ${blocks(row.blocks)}`;
  switch (row.verdict) {
    case 'better':
    case 'worse':
      return `${variant} ${verb} ${atLeast(row)}${difference(row)} ${noun} ${(row.ratio ?? 1) >= 2 ? 'of' : 'than'} ${baseline} (${basis}): ${row.verdict}`;
    case 'equivalent':
      return `${variant} and ${baseline} do not differ in ${noun} by ${percent(scenario.smallestDifference)} or more (${basis}): equivalent`;
    case 'inconclusive':
      return `whether ${variant} differs from ${baseline} in ${noun} is undecided (${basis}): ${whyUndecided(row)}`;
  }
}

function manyCells(rows: readonly ComparisonRow[], baseline: string): string {
  const [first] = rows;
  const { noun } = metrics[first.metric];
  const counts = verdictOrder.flatMap((verdict) => {
    const count = rows.filter((row) => row.verdict === verdict).length;
    return count === 0 ? [] : [{ verdict, count }];
  });
  const said =
    counts.length === 1
      ? `${counts[0].verdict} in all ${rows.length} cells`
      : `${counts.map(({ verdict, count }) => `${verdict} in ${count}`).join(', ')} of ${rows.length} cells`;
  const ratios = rows.flatMap(({ ratio }) => ratio ?? []);
  const range =
    ratios.length === 0
      ? 'no ratio was measured'
      : `ratios ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return `${first.variant} against ${baseline} on ${noun}: ${said} (${range})`;
}

function whyUndecided({ blocks, low, moreBlocks, notes }: ComparisonRow): string {
  if (low === null && blocks < leastBlocks) return `at least ${leastBlocks} blocks are wanted for a claim`;
  if (moreBlocks !== null)
    return `about ${moreBlocks} more ${moreBlocks === 1 ? 'block' : 'blocks'} would probably decide it`;
  return notes[0] ?? 'more blocks of this length would not decide it';
}

/** What is held back and still leads may lead by more. */
function atLeast({ metric, verdict, limitedBy, baselineLimitedBy }: ComparisonRow): string {
  const heldBack = verdict === 'better' ? limitedBy : baselineLimitedBy;
  const bound = metrics[metric].kind !== 'share' && (heldBack === 'generator' || heldBack === 'network');
  return bound ? 'at least ' : '';
}

/** "7.1 % less", always in the direction of the ratio. */
function difference({ ratio, metric }: ComparisonRow): string {
  const change = (ratio ?? 1) - 1;
  const { more, less } = metrics[metric];
  if (change >= 1) return `${(change + 1).toFixed(2)} times the`;
  return `${percent(Math.abs(change))} ${change > 0 ? more : less}`;
}

/** "5.2–9.0 %" when both ends lie on one side, "−2.1 % to +4.0 %" otherwise. */
function interval(low: number, high: number): string {
  const [from, to] = [low - 1, high - 1];
  if (to >= 1) return `${low.toFixed(2)}–${high.toFixed(2)} times`;
  if (from > 0) return `${bare(from)}–${percent(to)}`;
  if (to < 0) return `${bare(-to)}–${percent(-from)}`;
  return `${signed(from)} to ${signed(to)}`;
}

const bare = (share: number): string => (share * 100).toFixed(1);
const signed = (share: number): string => `${share < 0 ? '−' : '+'}${percent(Math.abs(share))}`;

function percent(share: number): string {
  const text = (share * 100).toFixed(1);
  return `${text.endsWith('.0') && share >= 0.01 ? text.slice(0, -2) : text} %`;
}

function blocks(count: number): string {
  return `${count} ${count === 1 ? 'block' : 'blocks'}`;
}
