/** *Generators*: whether the load was what was asked for, and whether those who made it, and the control plane, are well. */

import { controlPlaneRow } from './control-plane-row.ts';
import { membersRow } from './members-row.ts';
import { cellLegend, increaseOfCells, ofCells, rateOfCells } from './queries.ts';
import type { Specification } from './specification.ts';

export const generators: Specification = {
  uid: 'stampede-generators',
  title: 'Stampede: Generators',
  question: 'Was the load what was asked for, or was the generator the limit?',
  rows: [
    {
      title: 'The load',
      panels: [
        {
          kind: 'lines',
          title: 'Headroom',
          description:
            'Idle part of the busiest load core. Under 20 % the figures of the trial are bounds: the server may have done more.',
          width: 8,
          height: 8,
          unit: 'percentunit',
          max: 1,
          limit: { value: 0.2, trouble: 'below' },
          queries: [{ expression: ofCells('stampede_generator_headroom_ratio'), legend: cellLegend }],
        },
        {
          kind: 'lines',
          title: 'Rate asked and achieved',
          description: 'Connections to start a second, and started. In a closed loop nothing is asked.',
          width: 8,
          height: 8,
          unit: 'cps',
          queries: [
            { expression: ofCells('stampede_trial_asked_starts_per_second'), legend: `asked ${cellLegend}` },
            {
              expression: ofCells('stampede_trial_achieved_starts_per_second'),
              legend: `achieved ${cellLegend}`,
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Reported every second',
          description: 'What the agents report as they go, warm-up and void attempts included.',
          width: 8,
          height: 8,
          unit: 'cps',
          queries: [
            {
              expression: `sum by (variant, outcome) (${rateOfCells('stampede_reported_connections_total')}) > 0`,
              legend: '{{outcome}} · {{variant}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Failures and missed starts',
          description:
            'Connections of committed trials that did not complete, by cause; missed: an open loop was late.',
          width: 8,
          height: 8,
          unit: 'none',
          queries: [
            {
              expression: `sum by (variant, outcome) (${increaseOfCells('stampede_connections_total', 'outcome!="completed"')})`,
              legend: '{{outcome}} · {{variant}}',
            },
          ],
        },
        {
          kind: 'figures',
          title: 'Trials by what held them back',
          description: 'Of generator, network or control, the figures are not claims about the server.',
          width: 8,
          height: 8,
          unit: 'none',
          show: 'values',
          queries: [
            {
              expression: `sum by (limited_by) (${ofCells('stampede_limited_trials_total')})`,
              legend: '{{limited_by}}',
            },
          ],
        },
        {
          kind: 'ratioHeat',
          title: 'Busy, by load core',
          description: 'All but idle, in the last trial.',
          width: 8,
          height: 8,
          queries: [
            {
              expression: `1 - min by (core) (${ofCells('stampede_generator_core_time_ratio', 'mode="idle"')})`,
              legend: 'core {{core}}',
            },
          ],
        },
        {
          kind: 'figures',
          title: 'Connections of committed trials',
          description: 'By what became of them, of all chosen variants together.',
          width: 24,
          height: 5,
          unit: 'none',
          show: 'values',
          queries: [
            {
              expression: `sum by (outcome) (${ofCells('stampede_connections_total')}) > 0`,
              legend: '{{outcome}}',
            },
          ],
        },
      ],
    },
    membersRow,
    controlPlaneRow,
  ],
};
