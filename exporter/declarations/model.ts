/** Metrics of what the simulator says of a run's variants on more cores. Never of a measurement; there once a run is judged. */

import { cellLabels } from '../labels.ts';
import type { Declarations } from './declaration.ts';

const by = ['coordinator'] as const;

export const modelDeclarations = {
  stampede_model_connections_per_second: {
    kind: 'gauge',
    unit: 'connections per second',
    help: 'Modelled, not measured: what the variant would complete on so many cores, none of them ever idle.',
    labels: cellLabels,
    by,
  },
  stampede_model_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: 'Modelled, not measured: connections/s of the variant over those of the baseline on as many cores.',
    labels: cellLabels,
    by,
  },
  stampede_model_cache_misses_per_connection: {
    kind: 'gauge',
    unit: 'misses per connection',
    help: 'Modelled, not measured: cache lines of an object that a connection fetches from beyond its core.',
    labels: [...cellLabels, 'object'],
    by,
  },
  stampede_model_lock_wait_cycles_per_connection: {
    kind: 'gauge',
    unit: 'cycles per connection',
    help: 'Modelled, not measured: cycles that cores spin for the lock of an object, a connection.',
    labels: [...cellLabels, 'object'],
    by,
  },
} as const satisfies Declarations;
