/**
 * What this comparison would look like on more cores: each variant's one-core cost calibrated on the run's own records, the
 * simulator for the rest. Pure: the same trials and environment give the same rows.
 *
 * Every row is marked as modelled, and says what it was calibrated on, or why there is nothing. It refuses to stand for a
 * measurement: what was measured on as many cores is beside it.
 */

import { median } from '../../measurement/statistics.ts';
import type { ModelRow } from '../../protocol/comparison-record.ts';
import { baselineOf, type Scenario } from '../../protocol/scenario.ts';
import type { TrialRecord } from '../../protocol/trial-record.ts';
import { type Calibrated, calibrate, predict } from '../../simulator/calibrate.ts';
import { SimulationInputError } from '../../simulator/input-error.ts';
import type { Machine } from '../../simulator/machine/machine.ts';
import { designOfVariant } from './design-of-variant.ts';
import { machineOfRun } from './machine-of-run.ts';

/** The core counts that every report speaks of. */
export const modelledCores = [8, 24, 48] as const;
/** Conversations of a scenario that are modelled; each takes about a second. */
const mostConversations = 3;

export interface ModelInput {
  readonly scenario: Scenario;
  readonly trials: readonly TrialRecord[];
  readonly environment: unknown;
  /** Besides those that were measured. */
  readonly cores?: readonly number[];
}

interface Conversation {
  readonly messages: number;
  readonly responseBytes: number;
}

export function modelRows({ scenario, trials, environment, cores = modelledCores }: ModelInput): ModelRow[] {
  const machine = machineOfRun(environment);
  const baseline = baselineOf(scenario);
  const variants = [baseline, ...scenario.factors.variant.filter((variant) => variant !== baseline)];
  return conversationsOf(trials)
    .slice(0, mostConversations)
    .flatMap((conversation) => {
      const own = trials.filter(({ cell }) => isOf(cell, conversation));
      const rows = variants.flatMap((variant) =>
        variantRows({ variant, trials: own, conversation, machine, wanted: cores }),
      );
      return rows.map((row) => withRatios(row, rows, baseline));
    });
}

function conversationsOf(trials: readonly TrialRecord[]): Conversation[] {
  const found = new Map<string, Conversation>();
  for (const { cell } of trials) {
    const { messages, responseBytes } = cell;
    found.set(`${messages} ${responseBytes}`, { messages, responseBytes });
  }
  return [...found.values()];
}

function isOf(cell: TrialRecord['cell'], { messages, responseBytes }: Conversation): boolean {
  return cell.messages === messages && cell.responseBytes === responseBytes;
}

interface VariantInput {
  readonly variant: string;
  readonly trials: readonly TrialRecord[];
  readonly conversation: Conversation;
  readonly machine: Machine;
  readonly wanted: readonly number[];
}

function variantRows(input: VariantInput): ModelRow[] {
  const { variant, conversation } = input;
  const own = input.trials.filter(({ cell }) => cell.variant === variant);
  const measuredCores = [...new Set(own.map(({ cell }) => cell.cores))];
  const cores = [...new Set([...measuredCores, ...input.wanted])].sort((one, other) => one - other);
  const design = designOfVariant(variant);
  const calibrated = calibratedOn(input, design, own);
  return cores.map((each) =>
    withResidual({
      modelled: true,
      variant,
      design,
      cores: each,
      ...conversation,
      ...(typeof calibrated === 'string' ? nothing(calibrated) : orReason(() => figures(calibrated, each))),
      ratio: null,
      measured: measuredOn(own, each),
    }),
  );
}

type Figures = Omit<
  ModelRow,
  'modelled' | 'variant' | 'design' | 'cores' | 'messages' | 'responseBytes' | 'ratio' | 'measured'
>;

function nothing(reason: string): Figures {
  return {
    connectionsPerSecond: null,
    low: null,
    high: null,
    missesPerConnection: null,
    lockWaitCyclesPerConnection: null,
    objects: [],
    calibratedOnCores: null,
    reason,
  };
}

function figures(calibrated: Calibrated, cores: number): Figures {
  const { cores: _, ...predicted } = predict(calibrated, cores);
  return {
    ...predicted,
    objects: [...predicted.objects],
    calibratedOnCores: calibrated.measured.cores,
    reason: null,
  };
}

/** On the fewest cores that were measured: there the model's own part is smallest. Or a sentence on why not. */
function calibratedOn(
  { variant, conversation, machine }: VariantInput,
  design: string | null,
  trials: readonly TrialRecord[],
): Calibrated | string {
  if (design === null) return `the simulator has no design that stands for ${variant}`;
  const usable = trials.filter(
    ({ server, limitedBy }) => (server.cpuMicrosecondsPerConnection ?? 0) > 0 && limitedBy !== 'control',
  );
  if (usable.length === 0)
    return trials.length === 0
      ? 'it was not measured with this conversation'
      : 'the time of the server’s cores a connection was not measured';
  const cores = Math.min(...usable.map(({ cell }) => cell.cores));
  const microseconds = median(
    usable
      .filter(({ cell }) => cell.cores === cores)
      .map(({ server }) => server.cpuMicrosecondsPerConnection as number),
  ) as number;
  return refusal(() =>
    calibrate(machine, {
      design,
      cores,
      coreSecondsPerConnection: microseconds / 1e6,
      transactions: conversation.messages,
      bytes: conversation.responseBytes,
    }),
  );
}

function orReason(make: () => Figures): Figures {
  const made = refusal(make);
  return typeof made === 'string' ? nothing(made) : made;
}

/** What the simulator refuses is a reason, in its words. */
function refusal<Value>(make: () => Value): Value | string {
  try {
    return make();
  } catch (error) {
    if (error instanceof SimulationInputError) return error.message;
    throw error;
  }
}

function measuredOn(trials: readonly TrialRecord[], cores: number): ModelRow['measured'] {
  const own = trials.filter(({ cell }) => cell.cores === cores);
  if (own.length === 0) return null;
  const misses = own.flatMap(({ server }) => server.cacheMissesPerConnection ?? []);
  return {
    connectionsPerSecond: median(own.map((trial) => trial.connectionsPerSecond)),
    ratio: null,
    missesPerConnection: misses.length === 0 ? null : median(misses),
    missesResidual: null,
    missesReason:
      misses.length > 0
        ? null
        : (own[0].notes['server.cacheMissesPerConnection'] ?? 'the run recorded no cache misses'),
  };
}

function withResidual(row: ModelRow): ModelRow {
  const { measured, missesPerConnection: modelled } = row;
  const misses = measured?.missesPerConnection ?? null;
  if (measured === null || misses === null || modelled === null) return row;
  return { ...row, measured: { ...measured, missesResidual: misses - modelled } };
}

function withRatios(row: ModelRow, rows: readonly ModelRow[], baseline: string): ModelRow {
  const of = rows.find(({ variant, cores }) => variant === baseline && cores === row.cores);
  const measured = row.measured && {
    ...row.measured,
    ratio: over(row.measured.connectionsPerSecond, of?.measured?.connectionsPerSecond ?? null),
  };
  return {
    ...row,
    measured,
    ratio: over(row.connectionsPerSecond, of?.connectionsPerSecond ?? null),
    reason:
      row.reason ??
      (of?.connectionsPerSecond == null ? 'the baseline could not be modelled: no ratio' : null),
  };
}

function over(value: number | null, of: number | null): number | null {
  return value === null || of === null || of === 0 ? null : value / of;
}
