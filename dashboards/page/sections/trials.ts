/**
 * The trials, done and to come: a row a cell, a column a block, in the order of the plan within. One of them can be
 * chosen, with the pointer or the arrow keys, and says what it came to. Very many blocks share columns.
 */

import { duration, percent, plural, scaled } from '../../../coordinator/report/figures.ts';
import { limitWords } from '../../../coordinator/report/words.ts';
import type { RunOutline, TrialLine } from '../../../protocol/live-page.ts';
import { type Child, element, type Tree } from '../tree.ts';
import { type Actions, cellWords, type Section, type View, variantColour } from '../view.ts';

const mostColumns = 24;
const mostRows = 48;

const stateWords: Readonly<Record<TrialLine['state'], string>> = {
  waiting: 'to come',
  running: 'under way',
  committed: 'done',
  'given-up': 'given up',
};

export const trials: Section = {
  id: 'trials',
  shows: (key) => key === 'run' || key.startsWith('trials/'),
  draw: (view, actions) => {
    const run = view.documents.get('run');
    const lines = view.documents.all('trials');
    if (run === undefined || lines.length === 0) return [element('p', { class: 'quiet' }, 'No plan yet.')];
    const isWide = run.blocks > mostColumns;
    return [
      isWide ? countedTable(run, lines) : grid(run, lines, view, actions),
      ...(isWide ? [] : [legend(), detail(run, lines, view)]),
    ];
  },
};

function byCell(lines: readonly TrialLine[]): Map<number, TrialLine[]> {
  const rows = new Map<number, TrialLine[]>();
  for (const line of lines) {
    const row = rows.get(line.cell) ?? [];
    row.push(line);
    rows.set(line.cell, row);
  }
  return rows;
}

function grid(run: RunOutline, lines: readonly TrialLine[], view: View, actions: Actions): Tree {
  const rows = [...byCell(lines)].sort(([one], [other]) => one - other);
  const shown = rows.slice(0, mostRows).map(([cell, row]) => ({
    cell,
    row: [...row].sort((one, other) => one.block - other.block),
  }));
  const chosen = chosenOf(lines, view);
  return element(
    'div',
    { class: 'scroll' },
    element(
      'table',
      {
        class: 'grid',
        role: 'grid',
        'aria-label': 'Trials by cell and block; arrow keys move',
        onkeydown: (event: KeyboardEvent) =>
          move(
            event,
            shown.map(({ row }) => row),
            chosen,
            actions,
          ),
      },
      element('thead', {}, headRow(run.blocks)),
      element(
        'tbody',
        {},
        ...shown.map(({ cell, row }) =>
          element(
            'tr',
            {},
            element('th', { scope: 'row' }, cellWords(run, cell)),
            ...row.map((line) => square(run, line, line.trial === chosen?.trial, actions)),
          ),
        ),
        ...hiddenRow(
          rows.slice(mostRows).flatMap(([, row]) => row),
          run.blocks,
        ),
      ),
    ),
  );
}

function headRow(blocks: number): Tree {
  return element(
    'tr',
    {},
    element('th', { scope: 'col' }, 'block'),
    ...Array.from({ length: blocks }, (_, index) =>
      element('th', { scope: 'col', class: 'block' }, String(index + 1)),
    ),
  );
}

function square(run: RunOutline, line: TrialLine, isChosen: boolean, { chooseTrial }: Actions): Tree {
  const marks = [line.state, ...(line.attempts > 1 ? ['again'] : []), ...(isChosen ? ['chosen'] : [])];
  return element(
    'td',
    {
      role: 'gridcell',
      class: marks.join(' '),
      tabindex: isChosen ? 0 : -1,
      'data-trial': line.trial,
      'aria-label': sayTrial(run, line),
      onclick: () => chooseTrial(line.trial),
    },
    element(
      'svg',
      { width: 16, height: 16, viewBox: '0 0 16 16', 'aria-hidden': 'true' },
      ...squareShape(run, line),
    ),
  );
}

/** Shapes that differ without their colours. */
function squareShape(run: RunOutline, { state, attempts, cell }: TrialLine): Tree[] {
  const colour = variantColour(run, run.cells[cell].cell.variant);
  const again =
    attempts > 1 && state !== 'waiting' ? [element('circle', { class: 'again', cx: 13, cy: 3, r: 2.5 })] : [];
  switch (state) {
    case 'waiting':
      return [element('rect', { class: 'waiting', x: 2.5, y: 2.5, width: 11, height: 11 })];
    case 'running':
      return [
        element('rect', {
          x: 2.5,
          y: 2.5,
          width: 11,
          height: 11,
          fill: 'none',
          stroke: colour,
          'stroke-width': 2,
        }),
        element('rect', { x: 6, y: 6, width: 4, height: 4, fill: colour }),
        ...again,
      ];
    case 'committed':
      return [element('rect', { x: 2, y: 2, width: 12, height: 12, fill: colour }), ...again];
    case 'given-up':
      return [element('path', { class: 'failed', d: 'M3 3l10 10M13 3l-10 10' })];
  }
}

function hiddenRow(lines: readonly TrialLine[], blocks: number): Tree[] {
  if (lines.length === 0) return [];
  const done = lines.filter(({ state }) => state === 'committed').length;
  const words = `${plural(lines.length / Math.max(1, blocks), 'more cell')}: ${done} of ${plural(lines.length, 'trial')} done`;
  return [element('tr', {}, element('th', { scope: 'row', colspan: blocks + 1 }, words))];
}

/** So many blocks that a square each would be a carpet: counted, some blocks a column. */
function countedTable(run: RunOutline, lines: readonly TrialLine[]): Tree {
  const each = Math.ceil(run.blocks / 10);
  const columns = Array.from({ length: Math.ceil(run.blocks / each) }, (_, index) => ({
    from: 1 + index * each,
    to: Math.min(run.blocks, (index + 1) * each),
  }));
  const rows = [...byCell(lines)].sort(([one], [other]) => one - other);
  const counted = rows.slice(0, mostRows).map(([cell, row]) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, cellWords(run, cell)),
      ...columns.map(({ from, to }) => {
        const own = row.filter(({ block }) => block >= from && block <= to);
        const done = own.filter(({ state }) => state === 'committed').length;
        const lost = own.filter(({ state }) => state === 'given-up').length;
        const words = `${done}/${own.length}${lost > 0 ? ` ✗${lost}` : ''}`;
        return element('td', { class: done === own.length ? 'number full' : 'number' }, words);
      }),
    ),
  );
  return element(
    'div',
    { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': 'Trials by cell and block' },
    element(
      'table',
      { class: 'counted' },
      element('caption', {}, `Trials done, ${plural(each, 'block')} a column`),
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          element('th', { scope: 'col' }, 'block'),
          ...columns.map(({ from, to }) =>
            element('th', { scope: 'col', class: 'number' }, from === to ? String(from) : `${from}–${to}`),
          ),
        ),
      ),
      element(
        'tbody',
        {},
        ...counted,
        ...hiddenRow(
          rows.slice(mostRows).flatMap(([, row]) => row),
          run.blocks,
        ),
      ),
    ),
  );
}

function legend(): Tree {
  return element(
    'p',
    { class: 'quiet' },
    '□ to come · ▣ under way · ■ done, in its variant’s colour · ✕ given up · with a dot: more than one attempt',
  );
}

/** Without a choice of a person's: the one under way, or else the last that is done. */
function chosenOf(lines: readonly TrialLine[], { trial }: View): TrialLine | undefined {
  return (
    lines.find((line) => line.trial === trial) ??
    lines.find(({ state }) => state === 'running') ??
    lines.findLast(({ state }) => state === 'committed') ??
    lines[0]
  );
}

function detail(run: RunOutline, lines: readonly TrialLine[], view: View): Tree {
  const line = chosenOf(lines, view);
  const words: Child[] = line === undefined ? [] : [sayTrial(run, line)];
  return element('p', { class: 'detail' }, ...words);
}

export function sayTrial(run: RunOutline, line: TrialLine): string {
  const { trial, cell, state, attempts, committed, reason } = line;
  const head = `${trial}, ${cellWords(run, cell)}: `;
  const again = attempts > 1 ? `, attempt ${attempts}` : '';
  if (committed === undefined)
    return `${head}${stateWords[state]}${again}${reason === undefined ? '' : ` (${reason})`}`;
  const parts = [
    `${scaled(committed.connectionsPerSecond)} connections/s`,
    ...(committed.p50 === null || committed.p99 === null
      ? []
      : [`total latency p50 ${duration(committed.p50)}, p99 ${duration(committed.p99)}`]),
    ...(committed.failed > 0 ? [`${committed.failed.toLocaleString('en-US')} failed`] : []),
    ...(committed.missed > 0 ? [`${committed.missed.toLocaleString('en-US')} starts missed`] : []),
    ...(committed.headroom === null ? [] : [`load headroom ${percent(committed.headroom)}`]),
    limitWords[committed.limitedBy],
  ];
  return `${head}${parts.join(', ')}${again}`;
}

function move(
  event: KeyboardEvent,
  rows: readonly (readonly TrialLine[])[],
  chosen: TrialLine | undefined,
  { chooseTrial }: Actions,
): void {
  const y = rows.findIndex((row) => row.some(({ trial }) => trial === chosen?.trial));
  const x = rows[y]?.findIndex(({ trial }) => trial === chosen?.trial) ?? -1;
  const lastX = (rows[y]?.length ?? 1) - 1;
  const steps: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [x - 1, y],
    ArrowRight: [x + 1, y],
    ArrowUp: [x, y - 1],
    ArrowDown: [x, y + 1],
    Home: [0, y],
    End: [lastX, y],
  };
  const [toX, toY] = steps[event.key] ?? [-1, -1];
  const line = rows[toY]?.[toX];
  if (steps[event.key] === undefined) return;
  event.preventDefault();
  if (line === undefined) return;
  const table = event.currentTarget as HTMLElement;
  chooseTrial(line.trial);
  table.querySelector<HTMLElement>(`[data-trial="${CSS.escape(line.trial)}"]`)?.focus();
}
