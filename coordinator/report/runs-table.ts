/** Two runs side by side, for a terminal: first what contradicts, then what moved, then what differed around them. */

import type { RunsComparison } from '../judge/compare-runs.ts';
import { metrics } from '../judge/metrics.ts';
import type { EnvironmentDifference } from './environment.ts';
import { boundedFigure, conditionsText, difference, interval, percent, plural } from './figures.ts';

const mostDifferences = 40;

export function runsTable(
  comparison: RunsComparison,
  environments: readonly EnvironmentDifference[],
): string {
  return [
    `${comparison.first}\n${comparison.second}`,
    verdictLines(comparison),
    movementLines(comparison),
    environmentLines(environments),
  ].join('\n\n');
}

function verdictLines({ verdicts }: RunsComparison): string {
  const count = (agreement: string) => verdicts.filter((pair) => pair.agreement === agreement).length;
  const contradictions = verdicts.filter(({ agreement }) => agreement === 'contradicts');
  return [
    `verdicts: ${count('agrees')} of ${verdicts.length} agree, ${count('open')} are decided in one run only, ${contradictions.length} contradict each other`,
    ...contradictions.map(
      ({ variant, metric, cell, first, second }) =>
        `  ${variant}, ${metrics[metric].title}: ${first}, then ${second} (${conditionsText(cell)})`,
    ),
  ].join('\n');
}

function movementLines({ movements, confidence }: RunsComparison): string {
  const header = ['', 'first', 'second', `difference (${percent(confidence)} interval)`, ''];
  const lines = movements.map((movement) => [
    `${movement.variant}: ${metrics[movement.metric].title}`,
    boundedFigure(movement.metric, movement.firstMedian, movement.firstLimitedBy),
    boundedFigure(movement.metric, movement.secondMedian, movement.secondLimitedBy),
    movement.ratio === null ? '–' : `${difference(movement.ratio)} (${interval(movement)})`,
    movement.moved === 'unclear' ? '~' : movement.moved,
  ]);
  if (lines.length === 0) return 'no cell and variant is in both runs';
  const widths = header.map((_, column) =>
    Math.max(...[header, ...lines].map((line) => [...line[column]].length)),
  );
  const several = new Set(movements.map(({ cell }) => conditionsText(cell))).size > 1;
  let conditions = '';
  return [header, ...lines]
    .flatMap((line, index) => {
      const text = line
        .map((cell, column) => {
          const spaces = ' '.repeat(widths[column] - [...cell].length);
          return column === 1 || column === 2 ? spaces + cell : cell + spaces;
        })
        .join('  ')
        .trimEnd();
      const own = index === 0 ? conditions : conditionsText(movements[index - 1].cell);
      if (!several || own === conditions) return [text];
      conditions = own;
      return [own, text];
    })
    .join('\n');
}

function environmentLines(environments: readonly EnvironmentDifference[]): string {
  if (environments.length === 0) return 'environments: the same, as far as recorded';
  const shown = environments.slice(0, mostDifferences);
  const rest = environments.length - shown.length;
  return [
    `environments differ in ${plural(environments.length, 'setting')}, so what moved may not be the servers:`,
    ...shown.map(
      ({ path, first, second }) => `  ${path}: ${first ?? 'not there'} → ${second ?? 'not there'}`,
    ),
    ...(rest > 0 ? [`  and ${rest} more: see environment.json of both`] : []),
  ].join('\n');
}
