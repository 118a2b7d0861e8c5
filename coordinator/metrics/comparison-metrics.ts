/** A comparison as metrics: one label set a row, and a 1 for its verdict among the four. */

import type { GaugeName } from '../../exporter/metrics.ts';
import type { MetricRegistry } from '../../exporter/registry.ts';
import type { Cell } from '../../protocol/cell.ts';
import { type Comparison, verdicts } from '../../protocol/comparison-record.ts';
import type { CellLabels } from './cell-labels.ts';

const names = [
  'stampede_comparison_ratio',
  'stampede_comparison_low_ratio',
  'stampede_comparison_high_ratio',
  'stampede_comparison_blocks',
  'stampede_comparison_verdict',
] as const satisfies readonly GaugeName[];

/** In the place of the last one: it is of more trials. */
export function setComparison(
  registry: MetricRegistry,
  { run, rows }: Comparison,
  labelsOf: (cell: Cell) => CellLabels,
): void {
  for (const name of names) registry.clear(name);
  for (const { metric, variant, cell, ratio, low, high, blocks, verdict } of rows) {
    const labels = { run, metric, ...labelsOf({ ...cell, variant }) };
    registry.set('stampede_comparison_ratio', labels, ratio);
    registry.set('stampede_comparison_low_ratio', labels, low);
    registry.set('stampede_comparison_high_ratio', labels, high);
    registry.set('stampede_comparison_blocks', labels, blocks);
    for (const each of verdicts)
      registry.set('stampede_comparison_verdict', { ...labels, verdict: each }, each === verdict);
  }
}
