/** The row of *Generators* on the control plane: Redis, the report stream, the queues, and the exporters themselves. */

import { last, metric, quantile } from './queries.ts';
import type { Row } from './specification.ts';

export const controlPlaneRow: Row = {
  title: 'Control plane',
  panels: [
    {
      kind: 'lines',
      title: 'Redis, there and back',
      description: 'A PING, once a second while trials run.',
      width: 8,
      height: 8,
      unit: 's',
      queries: [
        { expression: quantile('stampede_redis_round_trip_seconds', 0.5), legend: 'p50' },
        { expression: quantile('stampede_redis_round_trip_seconds', 0.99), legend: 'p99' },
      ],
    },
    {
      kind: 'lines',
      title: 'Lag of the report stream',
      description:
        'How old the newest report was when it was read. It is asked for every 0.1 s while nobody waits for it.',
      width: 8,
      height: 8,
      unit: 's',
      limit: { value: 2, trouble: 'above' },
      queries: [{ expression: metric('stampede_report_lag_seconds'), legend: 'lag' }],
    },
    {
      kind: 'figures',
      title: 'Well?',
      description: 'Whether Redis answered last, orders that stalled, values that were refused as too many.',
      width: 8,
      height: 8,
      unit: 'none',
      show: 'values',
      queries: [
        { expression: `min(${metric('stampede_redis_up')})`, legend: 'Redis answers' },
        { expression: `sum(${metric('stampede_stalled_jobs_total')})`, legend: 'stalled orders' },
        {
          expression: `sum(${metric('stampede_exporter_refused_series_total')})`,
          legend: 'refused values',
        },
      ],
    },
    {
      kind: 'table',
      title: 'Programs',
      description: 'What runs where: all of a cluster should be of one version.',
      width: 24,
      height: 6,
      unit: 'none',
      columns: { job: 'job', instance: 'address', version: 'version' },
      values: [null],
      queries: [{ expression: `max by (job, instance, version) (${last('stampede_build_info')})` }],
    },
  ],
};
