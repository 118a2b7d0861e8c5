/**
 * Cells as labels. Dashboards choose by variant and cores; what else a scenario varies stands in `conditions`, so that
 * figures of different cells are never added up. What it does not vary stands nowhere: it is the same everywhere.
 */

import type { cellLabels, LabelValues } from '../../exporter/labels.ts';
import { type Cell, factorNames } from '../../protocol/cell.ts';

export type CellLabels = Readonly<Pick<LabelValues, (typeof cellLabels)[number]>>;

/** Of a run with these cells. */
export function cellLabeller(cells: readonly Cell[]): (cell: Cell) => CellLabels {
  const varied = factorNames
    .filter((factor) => factor !== 'variant' && factor !== 'cores')
    .filter((factor) => new Set(cells.map((cell) => cell[factor])).size > 1);
  return (cell) => ({
    variant: cell.variant,
    cores: String(cell.cores),
    conditions: varied.map((factor) => `${factor}=${cell[factor] ?? 'none'}`).join(' '),
  });
}
