/** What the cores did: of every variant the server's, mean over its committed trials, and those that made its load. */

import { percent, plural, scaled } from '../../../coordinator/report/figures.ts';
import type { CellFigures, CoreBar } from '../../../protocol/live-page.ts';
import { coreColumns, modes } from '../charts/core-columns.ts';
import { dataTable, type TableRow } from '../data-table.ts';
import { element, type Tree } from '../tree.ts';
import { chosenCells, type Section } from '../view.ts';

export const cores: Section = {
  id: 'cores',
  shows: (key) => key === 'run' || key.startsWith('cells/'),
  draw: ({ documents, conditions, widthOf }) => {
    const run = documents.get('run');
    if (run === undefined) return [];
    const known = chosenCells(run, conditions).flatMap(({ place, variant }) => {
      const figures = documents.at('cells', place);
      return figures === undefined || figures.serverCores.length + figures.loadCores.length === 0
        ? []
        : [{ variant, figures }];
    });
    if (known.length === 0)
      return [element('p', { class: 'quiet' }, 'Nothing yet: told when a trial is done.')];
    const width = widthOf('cores');
    return [
      legend(),
      element(
        'div',
        { class: 'columns-of' },
        ...known.map(({ variant, figures }) => group(variant, figures, width)),
      ),
      element('details', {}, element('summary', {}, 'As a table'), table(known)),
    ];
  },
};

function legend(): Tree {
  return element(
    'ul',
    { class: 'legend' },
    ...[...modes, 'idle'].map((mode) =>
      element(
        'li',
        {},
        element(
          'svg',
          { width: 12, height: 12, viewBox: '0 0 12 12', 'aria-hidden': 'true' },
          element('rect', { class: mode, width: 12, height: 12 }),
        ),
        ` ${mode}`,
      ),
    ),
  );
}

function group(variant: string, { serverCores, loadCores, blocks }: CellFigures, width: number): Tree {
  const part = (what: string, bars: readonly CoreBar[]): Tree[] =>
    bars.length === 0
      ? []
      : [
          element(
            'div',
            {},
            element('p', { class: 'quiet' }, `${what}, ${percent(busyOf(bars))} busy`),
            coreColumns(`${variant}, ${what}`, bars, width),
          ),
        ];
  return element(
    'figure',
    {},
    element('figcaption', {}, element('strong', {}, variant), `mean of ${plural(blocks, 'trial')}`),
    element('div', { class: 'side-by-side' }, ...part('server', serverCores), ...part('load', loadCores)),
  );
}

/** All cores together. */
function busyOf(bars: readonly CoreBar[]): number {
  return 1 - bars.reduce((sum, { idle }) => sum + idle, 0) / bars.length;
}

function table(known: readonly { readonly variant: string; readonly figures: CellFigures }[]): Tree {
  const row = (what: string, bar: CoreBar): TableRow => ({
    cells: [
      what,
      ...[...modes, 'idle' as const].map((mode) => percent(bar[mode], 1)),
      bar.acceptsPerSecond === null ? '–' : scaled(bar.acceptsPerSecond),
    ],
  });
  return dataTable({
    caption: 'Share of the measured time by mode, mean over trials',
    columns: [
      { title: 'Core' },
      ...[...modes, 'idle', 'accepts/s'].map((title) => ({ title, kind: 'number' as const })),
    ],
    groups: [
      {
        rows: known.flatMap(({ variant, figures }) => [
          ...figures.serverCores.map((bar) => row(`${variant}, core ${bar.core}`, bar)),
          ...figures.loadCores.map((bar) => row(`${variant}, load, core ${bar.core}`, bar)),
        ]),
      },
    ],
  });
}
