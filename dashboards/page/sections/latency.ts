/** Latencies by percentile, of the histograms of all committed trials merged; a span from the median to the far tail. */

import { duration } from '../../../coordinator/report/figures.ts';
import { latencyTitles } from '../../../coordinator/report/words.ts';
import type { LatencySummary, RunOutline } from '../../../protocol/live-page.ts';
import type { LatencyName } from '../../../protocol/trial-record.ts';
import { logAxis } from '../charts/axis.ts';
import { spanMark } from '../charts/row-marks.ts';
import { dataTable, type TableRow } from '../data-table.ts';
import { element, type Tree } from '../tree.ts';
import { chosenCells, type Section, variantColour } from '../view.ts';

const order: readonly LatencyName[] = ['total', 'firstByte', 'connect', 'accept'];
const percentiles = ['p50', 'p90', 'p99', 'p999'] as const;
const titles: Readonly<Record<(typeof percentiles)[number], string>> = {
  p50: 'p50',
  p90: 'p90',
  p99: 'p99',
  p999: 'p99.9',
};
const markWidth = 170;
const markMargin = 7;
/** A logarithm wants something over 0; a histogram knows nothing under it. */
const shortest = 1e-9;

interface Row {
  readonly name: LatencyName;
  readonly variant: string;
  readonly summary: LatencySummary;
}

export const latency: Section = {
  id: 'latency',
  shows: (key) => key === 'run' || key.startsWith('cells/'),
  draw: ({ documents, conditions }) => {
    const run = documents.get('run');
    if (run === undefined) return [];
    const cells = chosenCells(run, conditions);
    if (cells.every(({ place }) => place >= run.followedCells))
      return [
        element(
          'p',
          { class: 'quiet' },
          `Only the first ${run.followedCells} cells are followed here; the report has them all.`,
        ),
      ];
    const rows = order.flatMap((name) =>
      cells.flatMap(({ place, variant }): Row[] => {
        const summary = documents.at('cells', place)?.latencies[name] ?? null;
        return summary === null || summary.count === 0 ? [] : [{ name, variant, summary }];
      }),
    );
    if (rows.length === 0)
      return [element('p', { class: 'quiet' }, 'Nothing yet: told when a trial is done.')];
    return [table(run, rows)];
  },
};

function table(run: RunOutline, rows: readonly Row[]): Tree {
  const values = rows.flatMap(({ summary }) => [summary.p50, summary.p999]).filter((value) => value !== null);
  const axis = logAxis(
    Math.max(shortest, Math.min(...values)),
    Math.max(...values),
    markWidth - 2 * markMargin,
  );
  const at = (seconds: number): number => markMargin + axis.at(Math.max(shortest, seconds));
  const grid = axis.ticks.map(at);
  const ends = [axis.ticks[0], axis.ticks[axis.ticks.length - 1]];
  return dataTable({
    caption: 'Latency by percentile, all blocks merged; lower is better',
    className: 'latency',
    columns: [
      { title: 'Variant' },
      ...percentiles.map((name) => ({ title: titles[name], kind: 'number' as const })),
      {
        title: ends.map((tick) => element('span', {}, duration(tick).replace(/\.0+ /, ' '))),
        kind: 'drawn',
      },
    ],
    groups: order.flatMap((name) => {
      const own = rows.filter((row) => row.name === name);
      return own.length === 0
        ? []
        : [{ title: latencyTitles[name], rows: own.map((row) => line(run, row, at, grid)) }];
    }),
  });
}

function line(
  run: RunOutline,
  { name, variant, summary }: Row,
  at: (seconds: number) => number,
  grid: readonly number[],
): TableRow {
  const known = percentiles.map((percentile) => summary[percentile]);
  return {
    attributes: { 'data-latency': `${variant} ${name}` },
    cells: [
      variant,
      ...known.map((seconds) => (seconds === null ? '–' : duration(seconds))),
      spanMark({
        width: markWidth,
        colour: variantColour(run, variant),
        places: known.filter((seconds) => seconds !== null).map(at),
        grid,
      }),
    ],
  };
}
