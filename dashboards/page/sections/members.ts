/** Who takes part: the server, and the agents with the headroom of their cores and how far their clocks can be trusted. */

import { leastLoadIdle } from '../../../coordinator/judge/limited-by.ts';
import { clockOffset, duration, percent, scaled } from '../../../coordinator/report/figures.ts';
import type { MemberLine } from '../../../protocol/live-page.ts';
import { coreColumns } from '../charts/core-columns.ts';
import { shareMark } from '../charts/row-marks.ts';
import { dataTable, type TableRow } from '../data-table.ts';
import { type Child, element, type Tree } from '../tree.ts';
import type { Section } from '../view.ts';

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
  const listed = [...lines].sort((one, other) => urgency(one) - urgency(other)).slice(0, mostListed);
  return dataTable({
    caption: hidden > 0 ? `${caption}; ${hidden} more, all with more headroom` : caption,
    columns: [
      { title: 'Member' },
      { title: 'Cores', kind: 'number' },
      { title: 'Connections/s', kind: 'number' },
      { title: 'Failed', kind: 'number' },
      { title: 'Headroom', kind: 'words' },
      { title: 'Clock', kind: 'words' },
    ],
    groups: [{ rows: listed.map(row) }],
  });
}

/** The server first, then who has the least to spare. */
function urgency({ role, last }: MemberLine): number {
  return role === 'server' ? -1 : (last?.headroom ?? 1);
}

function row(line: MemberLine): TableRow {
  const { role, name, host, cores, last, clock, clockMovedMicroseconds } = line;
  const count = (value: number | null | undefined): string => (value == null ? '–' : scaled(value));
  return {
    cells: [
      [name, element('span', { class: 'quiet under' }, ` ${role} on ${host}`)],
      String(cores),
      count(last?.connections),
      role === 'server' ? '–' : count(last?.failed),
      headroom(last?.headroom ?? null),
      clockWords(clock, clockMovedMicroseconds),
    ],
  };
}

function headroom(share: number | null): (Tree | string)[] {
  if (share === null) return ['–'];
  const isLow = share < leastLoadIdle;
  return [
    shareMark(share, leastLoadIdle, isLow),
    element('span', { class: isLow ? 'broken' : null }, ` ${percent(share)}${isLow ? ' ▼ too little' : ''}`),
  ];
}

/**
 * How far the offset of its clock is known, and whether it stays. The control clock counts since 1970, a member's since
 * its machine was started: then the offset itself is when that was.
 */
function clockWords({ offsetMicroseconds, boundMicroseconds }: MemberLine['clock'], moved: number): Child[] {
  const sign = moved < 0 ? '−' : '+';
  return [
    `± ${duration(boundMicroseconds / 1e6)}`,
    element(
      'span',
      { class: 'quiet under' },
      ` moved ${sign}${duration(Math.abs(moved) / 1e6)}; ${clockOffset(offsetMicroseconds)}`,
    ),
  ];
}
