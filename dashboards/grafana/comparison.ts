/** *Comparison*: which variant is better, by how much, and how sure that is. */

import { byCell, cellLegend, chosenRun, last, metric, ofCells, quantileOfCells } from './queries.ts';
import type { Specification } from './specification.ts';

const chosenRows = `${chosenRun}, metric=~"$metric", variant=~"$variant", cores=~"$cores"`;
const byRow = `run, metric, ${byCell}`;
const rowLegend = '{{metric}} · {{variant}} · {{cores}} cores {{conditions}}';

export const comparison: Specification = {
  uid: 'stampede-comparison',
  title: 'Stampede: Comparison',
  question: 'Which variant is better, by how much, and how sure is that?',
  chooseMetric: true,
  rows: [
    {
      title: 'The run',
      panels: [
        {
          kind: 'figures',
          title: 'State',
          description: 'What the run is, or what it came to.',
          width: 5,
          height: 5,
          unit: 'none',
          show: 'names',
          queries: [
            {
              expression: `max by (run, state) (${last('stampede_run_state', chosenRun)}) == 1`,
              legend: '{{state}}',
            },
          ],
        },
        {
          kind: 'figures',
          title: 'Trials',
          description:
            'Committed trials of those planned; attempts that came to nothing are made again, a few times, and then given up.',
          width: 11,
          height: 5,
          unit: 'none',
          show: 'values',
          queries: [
            { expression: `sum(${metric('stampede_run_committed_trials', chosenRun)})`, legend: 'committed' },
            { expression: `sum(${metric('stampede_run_planned_trials', chosenRun)})`, legend: 'planned' },
            {
              expression: `sum(${metric('stampede_run_void_attempts_total', chosenRun)})`,
              legend: 'void attempts',
            },
            { expression: `sum(${metric('stampede_run_given_up_trials', chosenRun)})`, legend: 'given up' },
            {
              expression: `sum(${metric('stampede_run_remaining_seconds', chosenRun)})`,
              legend: 'left',
              unit: 's',
            },
          ],
        },
        {
          kind: 'table',
          title: 'Runs',
          description: 'The runs within the time of this dashboard.',
          width: 8,
          height: 5,
          unit: 'none',
          columns: { run: 'run', scenario: 'scenario', lab: 'lab', baseline: 'baseline' },
          values: [null],
          queries: [
            {
              expression: `max by (run, scenario, lab, baseline) (${last('stampede_run_info', chosenRun)})`,
            },
          ],
        },
      ],
    },
    {
      title: 'Verdicts',
      panels: [
        {
          kind: 'table',
          title: 'Against the baseline',
          description:
            'Variant over baseline, with the bounds of its confidence interval. Better and worse are claims; equivalent is one too: surely within the smallest difference that matters. Inconclusive means that nobody can tell yet.',
          width: 24,
          height: 10,
          unit: 'none',
          columns: {
            run: 'run',
            metric: 'metric',
            variant: 'variant',
            cores: 'cores',
            conditions: 'conditions',
            verdict: 'verdict',
          },
          values: ['ratio', 'low', 'high', 'blocks', null],
          queries: [
            { expression: `max by (${byRow}) (${last('stampede_comparison_ratio', chosenRows)})` },
            { expression: `max by (${byRow}) (${last('stampede_comparison_low_ratio', chosenRows)})` },
            { expression: `max by (${byRow}) (${last('stampede_comparison_high_ratio', chosenRows)})` },
            { expression: `max by (${byRow}) (${last('stampede_comparison_blocks', chosenRows)})` },
            {
              expression: `max by (${byRow}, verdict) (${last('stampede_comparison_verdict', chosenRows)}) == 1`,
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Ratio to the baseline',
          description:
            'How the estimate settles as blocks come in: the ratio, and the bounds of its interval. 1 is no difference.',
          width: 24,
          height: 9,
          unit: 'none',
          queries: [
            { expression: metric('stampede_comparison_ratio', chosenRows), legend: rowLegend },
            { expression: metric('stampede_comparison_low_ratio', chosenRows), legend: `${rowLegend} low` },
            { expression: metric('stampede_comparison_high_ratio', chosenRows), legend: `${rowLegend} high` },
          ],
        },
      ],
    },
    {
      title: 'Variants side by side',
      panels: [
        {
          kind: 'lines',
          title: 'Connections a second',
          description:
            'Of the last trial of each cell. A bound, not a figure, where the generator had no headroom.',
          width: 12,
          height: 8,
          unit: 'cps',
          queries: [{ expression: ofCells('stampede_trial_connections_per_second'), legend: cellLegend }],
        },
        {
          kind: 'lines',
          title: 'Server CPU per connection',
          description:
            "Busy time of the server's cores, softirq included, over the connections completed meanwhile.",
          width: 12,
          height: 8,
          unit: 's',
          queries: [
            { expression: ofCells('stampede_server_cpu_seconds_per_connection'), legend: cellLegend },
          ],
        },
        {
          kind: 'lines',
          title: 'Total latency, all trials so far',
          description:
            'Percentiles of the merged histograms of every trial since the coordinator was started, never an average of percentiles.',
          width: 12,
          height: 8,
          unit: 's',
          queries: [
            {
              expression: quantileOfCells('stampede_total_latency_seconds', 0.5),
              legend: `p50 ${cellLegend}`,
            },
            {
              expression: quantileOfCells('stampede_total_latency_seconds', 0.99),
              legend: `p99 ${cellLegend}`,
            },
          ],
        },
        {
          kind: 'states',
          title: 'What is measured',
          description: 'The cell whose trial is under way: what the other panels show at that time is of it.',
          width: 12,
          height: 8,
          queries: [{ expression: `${ofCells('stampede_cell_under_way')} > 0`, legend: cellLegend }],
        },
      ],
    },
  ],
};
