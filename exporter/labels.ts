/**
 * The labels of all metrics: what each means, and which values it can have. Every value comes from a small fixed set, of
 * the program or of the scenario; a run's name, the one that is new every time, stands on few metrics only.
 */

import { type Verdict, verdicts } from '../protocol/comparison-record.ts';
import { type MetricName as JudgedMetric, metricNames as judgedMetrics } from '../protocol/scenario.ts';
import { type FailureCause, failureCauses, type LimitedBy, limitedBy } from '../protocol/trial-record.ts';

export const cpuModes = ['user', 'system', 'softirq', 'idle'] as const;
export type CpuMode = (typeof cpuModes)[number];

/** What can become of a connection; `missed`: an open loop could not start it in time. */
export const outcomes = ['completed', ...failureCauses, 'missed'] as const;
export type Outcome = 'completed' | FailureCause | 'missed';

export const runStates = ['running', 'complete', 'degraded', 'invalid', 'aborted'] as const;
export const stages = ['idle', 'prepare', 'warm-up', 'measure', 'finish'] as const;
export const roles = ['server', 'agent'] as const;
export const attemptOutcomes = ['done', 'failed'] as const;

export interface LabelValues {
  readonly run: string;
  readonly scenario: string;
  readonly lab: string;
  readonly baseline: string;
  readonly version: string;
  readonly state: (typeof runStates)[number];
  readonly variant: string;
  readonly cores: string;
  readonly conditions: string;
  readonly core: string;
  readonly mode: CpuMode;
  readonly outcome: Outcome;
  readonly limited_by: LimitedBy;
  readonly metric: JudgedMetric;
  readonly verdict: Verdict;
  readonly member: string;
  readonly role: (typeof roles)[number];
  readonly stage: (typeof stages)[number];
  readonly object: string;
  readonly attempt_outcome: (typeof attemptOutcomes)[number];
}
export type LabelName = keyof LabelValues;

export interface LabelMeaning {
  readonly meaning: string;
  /** All there are; or, in words, what bounds them. */
  readonly values: readonly string[] | string;
}

export const labelMeanings: Readonly<Record<LabelName, LabelMeaning>> = {
  run: { meaning: 'the run, as in run.json', values: 'one while a coordinator lives' },
  scenario: { meaning: 'name of the scenario', values: 'one a run' },
  lab: { meaning: 'where load and server meet', values: ['loopback', 'namespaces', 'cluster'] },
  baseline: { meaning: 'the variant that the others are compared with', values: 'one a run' },
  version: { meaning: 'of Stampede', values: 'one a process' },
  state: { meaning: 'what the run is, or came to: 1 for one of them', values: runStates },
  variant: { meaning: 'the server design', values: 'levels of the scenario, all of the catalogue' },
  cores: {
    meaning: 'how many cores the server has',
    values: 'levels of the scenario; of what is modelled 8, 24, 48 too',
  },
  conditions: {
    meaning: 'levels of the other factors that have several in this scenario, like `rate=5000`; mostly empty',
    values: 'levels of the scenario',
  },
  core: { meaning: 'which core, by its number', values: 'cores of the machine' },
  mode: { meaning: 'what a core did with its time', values: cpuModes },
  outcome: { meaning: 'what became of connections', values: outcomes },
  limited_by: { meaning: 'what held a trial back', values: limitedBy },
  metric: { meaning: 'the figure that is compared', values: judgedMetrics },
  verdict: { meaning: 'of a comparison: 1 for one of them', values: verdicts },
  member: { meaning: 'name of an agent or a server', values: 'members of the run' },
  role: { meaning: 'of a member', values: roles },
  stage: { meaning: 'where a member is in its attempt: 1 for one of them', values: stages },
  object: {
    meaning: 'what cache lines belong to, or a lock is of, in the simulator',
    values: 'objects and locks of the simulator, some twenty',
  },
  attempt_outcome: { meaning: 'how a member ended its part of an attempt', values: attemptOutcomes },
};

/** What most metrics of trials carry: the cell, as far as a dashboard tells cells apart. */
export const cellLabels = ['variant', 'cores', 'conditions'] as const satisfies readonly LabelName[];
