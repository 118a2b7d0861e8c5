/** *Model against measured*: what the simulator says of this comparison on more cores, beside what was measured. */

import { byCell, chosenRun, last, lastOfModel } from './queries.ts';
import type { Specification } from './specification.ts';

const measuredRatio = last(
  'stampede_comparison_ratio',
  `${chosenRun}, metric="connectionsPerSecond", variant=~"$variant"`,
);
const columns = { variant: 'variant', cores: 'cores', conditions: 'conditions' };

export const model: Specification = {
  uid: 'stampede-model',
  title: 'Stampede: Model against measured',
  question:
    'What would this comparison look like on more cores, and where is the model’s ratio not the measured one?',
  rows: [
    {
      title: 'Connections a second',
      panels: [
        {
          kind: 'table',
          title: 'Modelled beside measured',
          description:
            'Simulated on so many cores, calibrated on this run; the ratios are to the baseline on as many cores. Measured: where the run had as many. There when the run has been judged.',
          width: 24,
          height: 9,
          unit: 'none',
          columns,
          values: ['modelled connections/s', 'modelled ratio', 'measured ratio'],
          queries: [
            { expression: `max by (${byCell}) (${lastOfModel('stampede_model_connections_per_second')})` },
            { expression: `max by (${byCell}) (${lastOfModel('stampede_model_ratio')})` },
            { expression: `max by (${byCell}) (${measuredRatio})` },
          ],
        },
      ],
    },
    {
      title: 'Where it comes from',
      panels: [
        {
          kind: 'table',
          title: 'Cache misses a connection',
          description:
            'Modelled: lines that a connection fetches from beyond the private caches of its core, by object.',
          width: 12,
          height: 12,
          unit: 'none',
          columns: { ...columns, object: 'object' },
          values: ['misses'],
          queries: [
            {
              expression: `max by (${byCell}, object) (${lastOfModel('stampede_model_cache_misses_per_connection')})`,
            },
          ],
        },
        {
          kind: 'table',
          title: 'Lock waits a connection',
          description: 'Modelled: cycles that cores spin for a lock, a connection, by lock.',
          width: 12,
          height: 12,
          unit: 'none',
          columns: { ...columns, object: 'lock' },
          values: ['cycles'],
          queries: [
            {
              expression: `max by (${byCell}, object) (${lastOfModel('stampede_model_lock_wait_cycles_per_connection')})`,
            },
          ],
        },
      ],
    },
  ],
};
