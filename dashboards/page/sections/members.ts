/** Who takes part: the server, and the agents with the headroom of their cores and how far their clocks can be trusted. */

import { duration, percent, scaled } from '../../../coordinator/report/figures.ts';
import type { MemberLine } from '../../../protocol/live-page.ts';
import { coreColumns } from '../charts/core-columns.ts';
import { shareMark } from '../charts/row-marks.ts';
import { element, type Tree } from '../tree.ts';
import type { Section } from '../view.ts';

/** With less its figures are bounds: docs/method.md, "What limited a trial". */
const leastHeadroom = 0.2;
const mostListed = 64;

export const members: Section = {
  id: 'members',
  shows: (key) => ['run', 'members', 'ended'].includes(key),
  draw: ({ documents, widthOf }) => {
    const lines = documents.get('members') ?? [];
    if (documents.get('run')?.told === 'finished')
      return [element('p', { class: 'quiet' }, 'Only told while a run is under way.')];
    if (lines.length === 0) return [element('p', { class: 'quiet' }, 'Nobody has come yet.')];
    const live = lines.filter(({ role, last }) => role === 'agent' && last !== null && last.cores.length > 0);
    return [
      table(lines),
      ...live.slice(0, 8).map(({ name, last }) =>
        element(
          'div',
          { class: 'now-cores' },
          element('p', { class: 'quiet' }, `${name}, last second`),
          coreColumns(
            `${name}, last second`,
            (last?.cores ?? []).map((core) => ({ ...core, core: String(core.core) })),
            widthOf('members'),
          ),
        ),
      ),
    ];
  },
};

function table(lines: readonly MemberLine[]): Tree {
  const caption = 'Members, and the last second each told of';
  const hidden = lines.length - mostListed;
  const rows = [...lines].sort((one, other) => urgency(one) - urgency(other)).slice(0, mostListed);
  const header = ['Member', 'Cores', 'Connections/s', 'Failed', 'Headroom', 'Clock'];
  return element(
    'div',
    { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': caption },
    element(
      'table',
      {},
      element('caption', {}, hidden > 0 ? `${caption}; ${hidden} more, all with more headroom` : caption),
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          ...header.map((text, column) =>
            element('th', { scope: 'col', class: column > 0 && column < 4 ? 'number' : null }, text),
          ),
        ),
      ),
      element('tbody', {}, ...rows.map(row)),
    ),
  );
}

/** The server first, then who has the least to spare. */
function urgency({ role, last }: MemberLine): number {
  return role === 'server' ? -1 : (last?.headroom ?? 1);
}

function row({ role, name, host, cores, last, clock }: MemberLine): Tree {
  const count = (value: number | null | undefined): string => (value == null ? '–' : scaled(value));
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, name, element('span', { class: 'quiet' }, ` ${role} on ${host}`)),
    element('td', { class: 'number' }, String(cores)),
    element('td', { class: 'number' }, count(last?.connections)),
    element('td', { class: 'number' }, role === 'server' ? '–' : count(last?.failed)),
    element('td', {}, ...headroom(last?.headroom ?? null)),
    element('td', { class: 'clock' }, clockWords(clock)),
  );
}

function headroom(share: number | null): (Tree | string)[] {
  if (share === null) return ['–'];
  const isLow = share < leastHeadroom;
  return [
    shareMark(share, leastHeadroom, isLow),
    element('span', { class: isLow ? 'broken' : null }, ` ${percent(share)}${isLow ? ' ▼ too little' : ''}`),
  ];
}

/** "+12.0 µs ± 85 µs". */
function clockWords({ offsetMicroseconds, boundMicroseconds }: MemberLine['clock']): string {
  const sign = offsetMicroseconds < 0 ? '−' : '+';
  return `${sign}${duration(Math.abs(offsetMicroseconds) / 1e6)} ± ${duration(boundMicroseconds / 1e6)}`;
}
