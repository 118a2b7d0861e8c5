/** *Cores*: what each core did, and how evenly connections came to them. */

import { type CpuMode, cpuModes } from '../../exporter/labels.ts';
import { byCell, cellLegend, ofCells, rate, rateOfCells } from './queries.ts';
import type { Panel, Specification } from './specification.ts';

const meanings: Readonly<Record<CpuMode, string>> = {
  user: 'The program itself: in a user-level stack, its TCP as well.',
  system: 'The kernel, called by the program.',
  softirq: 'The network in the kernel, billed to whoever happened to run there.',
  idle: 'Nothing to do. A server core under 5 % idle has no more to give.',
};

export const cores: Specification = {
  uid: 'stampede-cores',
  title: 'Stampede: Cores',
  question: 'What does each core do with its time, and do connections reach the cores evenly?',
  rows: [
    {
      title: 'Server cores of $variant',
      perVariant: true,
      panels: cpuModes.map(
        (mode): Panel => ({
          kind: 'ratioHeat',
          title: `${mode}, by core`,
          description: `Part of its time that each server core spent, in the last trial. ${meanings[mode]}`,
          width: 6,
          height: 8,
          queries: [
            {
              expression: `max by (core) (${ofCells('stampede_server_core_time_ratio', `mode="${mode}"`)})`,
              legend: 'core {{core}}',
            },
          ],
        }),
      ),
    },
    {
      title: 'Accepts',
      panels: [
        {
          kind: 'lines',
          title: 'Accepts by core',
          description: 'Connections that each core accepted in measured intervals, as trials are committed.',
          width: 12,
          height: 8,
          unit: 'cps',
          stacked: true,
          queries: [
            {
              expression: `sum by (${byCell}, core) (${rateOfCells('stampede_accepted_connections_total')})`,
              legend: `core {{core}} · ${cellLegend}`,
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Accept fairness',
          description: "Jain's index over the accepts of each core: 1 is even, 1/cores is all on one.",
          width: 6,
          height: 8,
          unit: 'none',
          max: 1,
          queries: [{ expression: ofCells('stampede_accept_fairness_ratio'), legend: cellLegend }],
        },
        {
          kind: 'lines',
          title: 'Accept locality',
          description: 'Share of connections accepted on the core that had processed their packets.',
          width: 6,
          height: 8,
          unit: 'percentunit',
          max: 1,
          queries: [{ expression: ofCells('stampede_accept_locality_ratio'), legend: cellLegend }],
        },
      ],
    },
    {
      title: 'Live, as the members of a cluster say themselves',
      panels: [
        {
          kind: 'lines',
          title: 'Cores of agents and servers',
          description:
            'All that runs on the cores of members started with --metrics, between trials too. Of a local run: none.',
          width: 24,
          height: 8,
          unit: 'percentunit',
          max: 1,
          queries: [
            {
              expression: rate('stampede_member_core_seconds_total', 'mode!="idle"'),
              legend: '{{instance}} · core {{core}} · {{mode}}',
            },
          ],
        },
      ],
    },
  ],
};
