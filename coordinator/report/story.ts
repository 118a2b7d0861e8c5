/**
 * What a report tells, whatever form it is written in: the run, its comparison, what was lost and what was not
 * measured. Pure; the forms (`markdown.ts`, `html/`) only arrange it.
 */

import { LatencyHistogram } from '../../measurement/histogram.ts';
import type { Comparison } from '../../protocol/comparison-record.ts';
import {
  failureCauses,
  type LatencyName,
  latencyNames,
  type TrialRecord,
} from '../../protocol/trial-record.ts';
import { type Conditions, conditionsKey, conditionsOf } from '../judge/pairs.ts';
import { percent, plural } from './figures.ts';
import type { RunReading } from './read-run.ts';
import { causeWords, limitWords } from './words.ts';

/** One variant under one set of conditions, over all blocks. */
export interface VariantStory {
  readonly variant: string;
  readonly trials: readonly TrialRecord[];
  /** Merged over the blocks; null where no trial measured it. */
  readonly latencies: Readonly<Record<LatencyName, LatencyHistogram | null>>;
}

export interface ConditionsStory {
  readonly conditions: Conditions;
  readonly variants: readonly VariantStory[];
}

export interface Unmeasured {
  readonly variant: string;
  /** Path of the field in a trial's record. */
  readonly field: string;
  readonly reason: string;
  readonly trials: number;
}

export interface Story {
  readonly reading: RunReading;
  readonly comparison: Comparison;
  readonly conditions: readonly ConditionsStory[];
  readonly coverage: readonly string[];
  readonly unmeasured: readonly Unmeasured[];
  /** Of the trials, by what limited them: "7 of 20 trials: the load generator". */
  readonly limits: readonly string[];
}

export function tellStory(reading: RunReading, comparison: Comparison): Story {
  return {
    reading,
    comparison,
    conditions: byConditions(reading),
    coverage: coverageOf(reading),
    unmeasured: unmeasuredOf(reading.trials),
    limits: limitsOf(reading.trials),
  };
}

function byConditions({ trials, histograms, scenario }: RunReading): ConditionsStory[] {
  const groups = new Map<string, { conditions: Conditions; trials: TrialRecord[] }>();
  for (const trial of trials) {
    const conditions = conditionsOf(trial.cell);
    const key = conditionsKey(conditions);
    const group = groups.get(key) ?? { conditions, trials: [] };
    group.trials.push(trial);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({
    conditions: group.conditions,
    variants: scenario.factors.variant.flatMap((variant) => {
      const own = group.trials.filter((trial) => trial.cell.variant === variant);
      if (own.length === 0) return [];
      const merged = (name: LatencyName): LatencyHistogram | null => {
        const found = own.flatMap(({ trial }) => histograms.get(trial)?.[name] ?? []);
        if (found.length === 0) return null;
        const all = new LatencyHistogram();
        for (const histogram of found) all.merge(histogram);
        return all.count === 0 ? null : all;
      };
      const latencies = {
        connect: merged('connect'),
        accept: merged('accept'),
        firstByte: merged('firstByte'),
        total: merged('total'),
      };
      return [{ variant, trials: own, latencies }];
    }),
  }));
}

/** Everything that was planned, tried or sent and is not in the figures. */
function coverageOf({ trials, attempts, run, problems }: RunReading): string[] {
  const planned = run.planned ?? null;
  const lines = [
    planned === null
      ? `${plural(trials.length, 'trial')} committed; how many were planned was not recorded`
      : `${plural(trials.length, 'trial')} of ${planned.toLocaleString('en-US')} planned were committed (${percent(planned === 0 ? 1 : trials.length / planned)})`,
  ];
  if (run.reason) lines.push(`the run ended ${run.state}: ${run.reason}`);
  const givenUp = Object.entries(run.givenUp);
  for (const [trial, reason] of givenUp.slice(0, 20)) lines.push(`${trial} was given up: ${reason}`);
  if (givenUp.length > 20) lines.push(`${givenUp.length - 20} more trials were given up`);
  lines.push(
    attempts.length === 0
      ? 'no attempt failed or was interrupted'
      : `${plural(attempts.length, 'attempt')} failed or ${attempts.length === 1 ? 'was' : 'were'} interrupted, and ${attempts.length === 1 ? 'is' : 'are'} in no figure`,
  );
  if ((run.incarnation ?? 1) > 1) lines.push(`the run was started ${run.incarnation} times on this folder`);
  lines.push(messagesLine(run.coverage));
  const withLoss = trials.filter(({ notes }) =>
    Object.values(notes).some((note) => note.includes('reports were lost')),
  );
  if (withLoss.length > 0)
    lines.push(`${plural(withLoss.length, 'trial')} lost one-second reports; results do not rest on them`);
  lines.push(...failureLines(trials));
  const disagreeing = trials.filter(({ notes }) => notes.connections?.startsWith('the server accepted'));
  lines.push(
    disagreeing.length === 0
      ? auditLine(trials)
      : `in ${plural(disagreeing.length, 'trial')} the server's count of connections and the agents' differ by over 0.1 %`,
  );
  return [...lines, ...problems];
}

/** Connections that are in no latency: a line a variant that had any, by cause. */
function failureLines(trials: readonly TrialRecord[]): string[] {
  return [...new Set(trials.map(({ cell }) => cell.variant))].flatMap((variant) => {
    const own = trials.filter(({ cell }) => cell.variant === variant).map(({ connections }) => connections);
    const sum = (of: (counts: TrialRecord['connections']) => number): number =>
      own.reduce((total, counts) => total + of(counts), 0);
    const said = failureCauses.flatMap((cause) => {
      const count = sum(({ failed }) => failed[cause]);
      return count === 0 ? [] : [`${count.toLocaleString('en-US')} ${causeWords[cause]}`];
    });
    const missed = sum((counts) => counts.missed);
    if (missed > 0) said.push(`${missed.toLocaleString('en-US')} more were due when no slot was free`);
    if (said.length === 0) return [];
    const attempted = sum((counts) => counts.attempted).toLocaleString('en-US');
    return [`of ${attempted} connections to ${variant}, ${said.join(', ')}`];
  });
}

function messagesLine(coverage: RunReading['run']['coverage']): string {
  if (coverage === null) return 'how many messages were lost between the members was not recorded';
  const refused = Object.entries(coverage.refused).filter(([, count]) => count > 0);
  const said = [
    `${plural(coverage.messages, 'message')} from agents and servers, ${coverage.lost} lost on the way`,
    ...refused.map(([reason, count]) => `${count} refused (${reason})`),
    ...(coverage.quarantined.length === 0 ? [] : [`quarantined: ${coverage.quarantined.join(', ')}`]),
  ];
  return said.join(', ');
}

function auditLine(trials: readonly TrialRecord[]): string {
  const unaudited = trials.filter(({ notes }) => notes.connections?.startsWith('not audited')).length;
  const audited = trials.length - unaudited;
  return `the server's count of connections and the agents' agree within 0.1 % in all ${plural(audited, 'trial')} where both are known${unaudited === 0 ? '' : `; ${unaudited} could not be audited`}`;
}

/** What is null in the records, with the reasons given there. */
function unmeasuredOf(trials: readonly TrialRecord[]): Unmeasured[] {
  const found = new Map<string, { variant: string; field: string; reason: string; trials: number }>();
  for (const trial of trials)
    for (const field of nullFields(trial)) {
      const reason = trial.notes[field] ?? 'no reason was recorded';
      const key = `${trial.cell.variant}\u0000${field}\u0000${reason}`;
      const entry = found.get(key) ?? { variant: trial.cell.variant, field, reason, trials: 0 };
      entry.trials++;
      found.set(key, entry);
    }
  return [...found.values()].sort((left, right) =>
    left.field < right.field ? -1 : left.field > right.field ? 1 : 0,
  );
}

function nullFields({ server, generator, latencySeconds }: TrialRecord): string[] {
  const fields = [
    ...Object.entries(server).map(([name, value]) => [`server.${name}`, value] as const),
    ...Object.entries(generator).map(([name, value]) => [`generator.${name}`, value] as const),
    ...latencyNames.map((name) => [`latencySeconds.${name}`, latencySeconds[name]] as const),
  ];
  return fields.flatMap(([path, value]) => (value === null ? [path] : []));
}

function limitsOf(trials: readonly TrialRecord[]): string[] {
  return Object.entries(limitWords).flatMap(([limit, words]) => {
    const count = trials.filter(({ limitedBy }) => limitedBy === limit).length;
    return count === 0 ? [] : [`in ${count} of ${plural(trials.length, 'trial')}, ${words}`];
  });
}
