/** What is modelled of a run, as metrics: in the place of what was modelled before. */

import type { GaugeName } from '../../exporter/metrics.ts';
import type { MetricRegistry } from '../../exporter/registry.ts';
import type { Comparison, ModelRow } from '../../protocol/comparison-record.ts';
import type { CellLabels } from './cell-labels.ts';

const names = [
  'stampede_model_connections_per_second',
  'stampede_model_ratio',
  'stampede_model_cache_misses_per_connection',
  'stampede_model_lock_wait_cycles_per_connection',
] as const satisfies readonly GaugeName[];

/** What could not be modelled is absent, as what was not measured is. */
export function setModel(registry: MetricRegistry, { model }: Pick<Comparison, 'model'>): void {
  for (const name of names) registry.clear(name);
  const labelsOf = modelLabeller(model);
  for (const row of model) {
    const labels = labelsOf(row);
    registry.set('stampede_model_connections_per_second', labels, row.connectionsPerSecond);
    registry.set('stampede_model_ratio', labels, row.ratio);
    for (const { object, missesPerConnection, lockWaitCyclesPerConnection } of row.objects) {
      const own = { ...labels, object };
      registry.set('stampede_model_cache_misses_per_connection', own, missesPerConnection);
      registry.set('stampede_model_lock_wait_cycles_per_connection', own, lockWaitCyclesPerConnection);
    }
  }
}

/** As of cells: what differs between rows besides variant and cores is a condition. */
function modelLabeller(model: readonly ModelRow[]): (row: ModelRow) => CellLabels {
  const varied = (['messages', 'responseBytes'] as const).filter(
    (factor) => new Set(model.map((row) => row[factor])).size > 1,
  );
  return (row) => ({
    variant: row.variant,
    cores: String(row.cores),
    conditions: varied.map((factor) => `${factor}=${row[factor]}`).join(' '),
  });
}
