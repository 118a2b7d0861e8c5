/** The runs in the folders beside this one, with their reports. */

import type { PastRun } from '../../../protocol/live-page.ts';
import { element, type Tree } from '../tree.ts';
import type { Section } from '../view.ts';

export const pastRuns: Section = {
  id: 'past-runs',
  shows: () => false,
  draw: ({ pastRuns: runs }) =>
    runs.length === 0 ? [element('p', { class: 'quiet' }, 'There are none beside this one.')] : [table(runs)],
};

function table(runs: readonly PastRun[]): Tree {
  const caption = 'Runs in folders beside this one, the newest first';
  return element(
    'div',
    { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': caption },
    element(
      'table',
      {},
      element('caption', {}, caption),
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          ...['Run', 'Scenario', 'Started (UTC)', 'Trials', 'State', 'Report'].map((text) =>
            element('th', { scope: 'col', class: text === 'Trials' ? 'number' : null }, text),
          ),
        ),
      ),
      element('tbody', {}, ...runs.map(row)),
    ),
  );
}

function row({ folder, name, startedAt, committed, planned, state, hasReport, isThis }: PastRun): Tree {
  const trials = committed === null || planned === null ? '–' : `${committed} of ${planned}`;
  return element(
    'tr',
    {},
    element(
      'th',
      { scope: 'row' },
      folder,
      ...(isThis ? [element('span', { class: 'quiet' }, ' this run')] : []),
    ),
    element('td', {}, name),
    element('td', {}, startedAt?.slice(0, 16).replace('T', ' ') ?? '–'),
    element('td', { class: 'number' }, isThis && state === 'running' ? '–' : trials),
    element('td', {}, state),
    element(
      'td',
      {},
      hasReport
        ? element(
            'a',
            { href: `runs/${encodeURIComponent(folder)}/report.html`, 'aria-label': `Report of ${folder}` },
            'report',
          )
        : element('span', { class: 'quiet' }, 'none yet'),
    ),
  );
}
