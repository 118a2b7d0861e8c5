/** Small pieces of HTML. What they are given as text they escape; what is named `html` is markup already. */

import { escapeMarkup } from '../markup.ts';

export interface Cell {
  readonly text: string;
  readonly className?: string;
  /** Heads its row. */
  readonly head?: boolean;
}

export interface TableParts {
  readonly caption: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly (Cell | string)[])[];
  readonly rowClasses?: readonly string[];
  /** `cards`: rows become cards on a phone, each figure with its column's name. */
  readonly className?: string;
}

/** Roles are said aloud because a phone's layout would take them away (display: grid ends a table for some readers). */
export function table({ caption, header, rows, rowClasses, className }: TableParts): string {
  const isNumber = (column: number) => {
    const cell = rows[0]?.[column];
    return typeof cell === 'object' && cell.className === 'number';
  };
  const head = header
    .map(
      (text, column) =>
        `<th scope="col" role="columnheader"${isNumber(column) ? ' class="number"' : ''}>${escapeMarkup(text)}</th>`,
    )
    .join('');
  const body = rows.map((cells, index) => {
    const rowClass = rowClasses?.[index];
    return `<tr role="row"${rowClass ? ` class="${rowClass}"` : ''}>${cells
      .map((cell, column) => tableCell(typeof cell === 'string' ? { text: cell } : cell, header[column]))
      .join('')}</tr>`;
  });
  return (
    `<div class="scroll" role="region" tabindex="0" aria-label="${escapeMarkup(caption)}">` +
    `<table role="table"${className ? ` class="${className}"` : ''}><caption>${escapeMarkup(caption)}</caption>` +
    `<thead role="rowgroup"><tr role="row">${head}</tr></thead><tbody role="rowgroup">${body.join('\n')}</tbody></table></div>`
  );
}

function tableCell({ text, className, head }: Cell, label: string): string {
  const classes = className ? ` class="${className}"` : '';
  return head
    ? `<th scope="row" role="rowheader"${classes}>${escapeMarkup(text)}</th>`
    : `<td role="cell"${classes} data-label="${escapeMarkup(label)}">${inOnePiece(escapeMarkup(text), className)}</td>`;
}

/** A figure with its sign and its unit, also where a card's line ends. */
function inOnePiece(html: string, className: string | undefined): string {
  return className === 'number' ? `<span class="figure">${html}</span>` : html;
}

export function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${escapeMarkup(item)}</li>`).join('\n')}</ul>`;
}

export function section(id: string, title: string, html: string): string {
  return `<section aria-labelledby="${id}"><h2 id="${id}">${escapeMarkup(title)}</h2>\n${html}\n</section>`;
}

export function figure(title: string, explains: string, html: string): string {
  return `<figure><figcaption><strong>${escapeMarkup(title)}</strong>${escapeMarkup(explains)}</figcaption>\n${html}\n</figure>`;
}

export function details(summary: string, html: string): string {
  return `<details><summary>${escapeMarkup(summary)}</summary>${html}</details>`;
}
