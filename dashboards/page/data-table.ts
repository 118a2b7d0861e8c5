/**
 * A table as every section has it: a caption, a header, a row that is headed by its first cell. On a phone its rows
 * become cards, each cell with its column's name; roles are said aloud, because that layout would take them away.
 */

import { type Attributes, type Child, element, type Tree } from './tree.ts';

export interface TableColumn {
  readonly title: string | readonly Child[];
  /** number: to the right · drawn: of the figures beside it, so nobody is told it who does not see it. */
  readonly kind?: 'number' | 'drawn' | 'words';
}

export type CellContent = Child | readonly Child[] | { readonly className: string; readonly text: string };

export interface TableRow {
  readonly cells: readonly CellContent[];
  readonly attributes?: Attributes;
}

export interface DataTable {
  readonly caption: string;
  readonly columns: readonly TableColumn[];
  /** With a heading for each group, or without. */
  readonly groups: readonly { readonly title?: string; readonly rows: readonly TableRow[] }[];
  readonly className?: string;
}

export function dataTable({ caption, columns, groups, className = '' }: DataTable): Tree {
  return element(
    'div',
    { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': caption },
    element(
      'table',
      { class: `cards ${className}`.trim(), role: 'table' },
      element('caption', {}, caption),
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...columns.map(headCell))),
      ...groups.map(({ title, rows }) =>
        element(
          'tbody',
          { role: 'rowgroup' },
          ...(title === undefined ? [] : [groupRow(title, columns.length)]),
          ...rows.map(({ cells, attributes = {} }) =>
            element(
              'tr',
              { role: 'row', ...attributes },
              ...cells.map((cell, place) => bodyCell(cell, columns[place], place === 0)),
            ),
          ),
        ),
      ),
    ),
  );
}

function headCell({ title, kind }: TableColumn): Tree {
  const children = typeof title === 'string' ? [title] : title;
  return kind === 'drawn'
    ? element('td', { class: kind, 'aria-hidden': 'true' }, ...children)
    : element('th', { scope: 'col', role: 'columnheader', class: kind ?? null }, ...children);
}

function groupRow(title: string, columns: number): Tree {
  return element(
    'tr',
    { role: 'row', class: 'group' },
    element('th', { scope: 'rowgroup', role: 'rowheader', colspan: columns }, title),
  );
}

function bodyCell(cell: CellContent, { title, kind }: TableColumn, heads: boolean): Tree {
  const isStyled = typeof cell === 'object' && 'className' in cell;
  const children: readonly Child[] = isStyled
    ? [cell.text]
    : typeof cell === 'string' || 'tag' in cell
      ? [cell]
      : cell;
  if (heads) return element('th', { scope: 'row', role: 'rowheader' }, ...children);
  if (kind === 'drawn') return element('td', { class: kind, 'aria-hidden': 'true' }, ...children);
  const label = typeof title === 'string' ? title : null;
  // A figure with its sign and its unit stays in one piece, also where a card's line ends.
  const shown = kind === 'number' ? [element('span', { class: 'figure' }, ...children)] : children;
  return element(
    'td',
    { role: 'cell', class: isStyled ? cell.className : (kind ?? null), 'data-label': label },
    ...shown,
  );
}
