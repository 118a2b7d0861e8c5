/** The runs in the folders beside this one, with their reports. */

import type { PastRun } from '../../../protocol/live-page.ts';
import { dataTable, type TableRow } from '../data-table.ts';
import { type Child, element } from '../tree.ts';
import type { Section } from '../view.ts';

export const pastRuns: Section = {
  id: 'past-runs',
  shows: () => false,
  draw: ({ pastRuns: runs }) =>
    runs.length === 0
      ? [element('p', { class: 'quiet' }, 'There are none beside this one.')]
      : [
          dataTable({
            caption: 'Runs in folders beside this one, the newest first',
            columns: [
              { title: 'Run' },
              { title: 'Scenario' },
              { title: 'Started (UTC)' },
              { title: 'Trials', kind: 'number' },
              { title: 'State' },
              { title: 'Report' },
            ],
            groups: [{ rows: runs.map(row) }],
          }),
        ],
};

function row({ folder, name, startedAt, committed, planned, state, hasReport, isThis }: PastRun): TableRow {
  const isUnderWay = isThis && state === 'running';
  return {
    cells: [
      [folder, ...(isThis ? [element('span', { class: 'quiet' }, ' this run')] : [])],
      name,
      startedAt?.slice(0, 16).replace('T', ' ') ?? '–',
      isUnderWay || committed === null || planned === null ? '–' : `${committed} of ${planned}`,
      state,
      report(folder, hasReport),
    ],
  };
}

function report(folder: string, isThere: boolean): Child {
  if (!isThere) return element('span', { class: 'quiet' }, 'none yet');
  const href = `runs/${encodeURIComponent(folder)}/report.html`;
  return element('a', { href, 'aria-label': `Report of ${folder}` }, 'report');
}
