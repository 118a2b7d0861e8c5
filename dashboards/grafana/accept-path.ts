/** *Accept path*: where a connection waits on its way to the application, and where it is dropped. */

import type { HistogramName } from '../../exporter/metrics.ts';
import { bucketsOfCells, cellLegend, increaseOfCells, ofCells, quantileOfCells } from './queries.ts';
import type { Panel, Specification } from './specification.ts';

const phases: readonly (readonly [title: string, name: HistogramName, meaning: string])[] = [
  [
    'Accept wait',
    'stampede_accept_latency_seconds',
    "From the handshake's last ACK to accept by the application.",
  ],
  ['Connect', 'stampede_connect_latency_seconds', 'From the intended start to the handshake being done.'],
  [
    'First byte',
    'stampede_first_byte_latency_seconds',
    'From the intended start to the first byte of the response.',
  ],
  ['Total', 'stampede_total_latency_seconds', 'From the intended start to the end of the connection.'],
];

export const acceptPath: Specification = {
  uid: 'stampede-accept-path',
  title: 'Stampede: Accept path',
  question: 'Where does a connection wait on its way to the application, and where is it dropped?',
  rows: [
    {
      title: 'Latencies as heat maps',
      panels: phases.map(
        ([title, name, meaning]): Panel => ({
          kind: 'bucketHeat',
          title,
          description: `${meaning} Every connection of the chosen variants' trials, as they are committed.`,
          width: 12,
          height: 9,
          unit: 's',
          queries: [{ expression: bucketsOfCells(name), legend: '{{le}}' }],
        }),
      ),
    },
    {
      title: 'Percentiles by variant, all trials so far',
      panels: phases.map(
        ([title, name, meaning]): Panel => ({
          kind: 'lines',
          title: `${title}, p50 and p99`,
          description: `${meaning} Of the merged histograms of every trial since the coordinator was started.`,
          width: 12,
          height: 8,
          unit: 's',
          queries: [
            { expression: quantileOfCells(name, 0.5), legend: `p50 ${cellLegend}` },
            { expression: quantileOfCells(name, 0.99), legend: `p99 ${cellLegend}` },
          ],
        }),
      ),
    },
    {
      title: 'Queues',
      panels: [
        {
          kind: 'lines',
          title: 'Depth of the accept queue',
          description:
            'Connections established and not yet taken by the application. Of user-level servers: the kernel does not tell its own.',
          width: 12,
          height: 8,
          unit: 'none',
          queries: [
            { expression: ofCells('stampede_accept_queue_mean_connections'), legend: `mean ${cellLegend}` },
            { expression: ofCells('stampede_accept_queue_most_connections'), legend: `most ${cellLegend}` },
          ],
        },
        {
          kind: 'lines',
          title: 'Overflows and drops',
          description:
            'Handshakes that found the accept queue full, and those that were dropped for whatever reason, as trials are committed.',
          width: 12,
          height: 8,
          unit: 'none',
          queries: [
            {
              expression: increaseOfCells('stampede_listen_overflows_total'),
              legend: `overflows ${cellLegend}`,
            },
            { expression: increaseOfCells('stampede_listen_drops_total'), legend: `drops ${cellLegend}` },
          ],
        },
      ],
    },
  ],
};
