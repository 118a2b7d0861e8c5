/** Metrics of a run as a whole: what it is, how far it is, what it says. They carry its name. */

import { cellLabels } from '../labels.ts';
import type { Declarations } from './declaration.ts';

const by = ['coordinator'] as const;
const comparisonLabels = ['run', 'metric', ...cellLabels] as const;

export const runDeclarations = {
  stampede_run_info: {
    kind: 'gauge',
    unit: 'info',
    help: 'The run that this coordinator works on; join with it on instance and job to choose a run.',
    labels: ['run', 'scenario', 'lab', 'baseline'],
    by,
  },
  stampede_run_state: {
    kind: 'gauge',
    unit: 'state',
    help: 'What the run is, or what it came to.',
    labels: ['run', 'state'],
    by,
  },
  stampede_run_planned_trials: {
    kind: 'gauge',
    unit: 'trials',
    help: 'Trials that the plan has.',
    labels: ['run'],
    by,
  },
  stampede_run_committed_trials: {
    kind: 'gauge',
    unit: 'trials',
    help: 'Trials in the ledger, those of earlier incarnations of the run included.',
    labels: ['run'],
    by,
  },
  stampede_run_given_up_trials: {
    kind: 'gauge',
    unit: 'trials',
    help: 'Trials that were given up by this incarnation of the run.',
    labels: ['run'],
    by,
  },
  stampede_run_void_attempts_total: {
    kind: 'counter',
    unit: 'attempts',
    help: 'Attempts at trials that came to nothing and were made again, or given up.',
    labels: ['run'],
    by,
  },
  stampede_run_remaining_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'How long the rest of the trials will probably take.',
    labels: ['run'],
    by,
  },
  stampede_run_wanted_agents: {
    kind: 'gauge',
    unit: 'members',
    help: 'Agents that the scenario wants.',
    labels: ['run'],
    by,
  },
  stampede_comparison_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: 'Variant over baseline on one metric, estimated from the blocks so far.',
    labels: comparisonLabels,
    by,
  },
  stampede_comparison_low_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: 'Lower bound of the confidence interval of stampede_comparison_ratio; absent under five blocks.',
    labels: comparisonLabels,
    by,
  },
  stampede_comparison_high_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: 'Upper bound of the confidence interval of stampede_comparison_ratio; absent under five blocks.',
    labels: comparisonLabels,
    by,
  },
  stampede_comparison_blocks: {
    kind: 'gauge',
    unit: 'blocks',
    help: 'Blocks in which both the variant and the baseline were measured.',
    labels: comparisonLabels,
    by,
  },
  stampede_comparison_verdict: {
    kind: 'gauge',
    unit: 'state',
    help: 'What the comparison says.',
    labels: [...comparisonLabels, 'verdict'],
    by,
  },
} as const satisfies Declarations;
