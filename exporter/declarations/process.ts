/** Metrics that every exporter serves, of itself. */

import { type Declarations, services } from './declaration.ts';

export const processDeclarations = {
  stampede_build_info: {
    kind: 'gauge',
    unit: 'info',
    help: 'The program that is running.',
    labels: ['version'],
    by: services,
  },
  stampede_exporter_refused_series_total: {
    kind: 'counter',
    unit: 'series',
    help: 'Values that were not exported because their metric has as many label sets as it may have.',
    labels: [],
    by: services,
  },
} as const satisfies Declarations;
