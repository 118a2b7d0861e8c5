/**
 * A run folder told as a live page is told a run: what was tried, what was committed, how it was judged block by block,
 * how it ended. The folder is read once; a run that is still under way elsewhere is shown as it was then.
 */

import { z } from 'zod';
import type { RunFolder } from '../../protocol/run-folder.ts';
import { interimResamples } from '../interim-judge.ts';
import { judge } from '../judge/judge.ts';
import { modelRows } from '../model/modelled.ts';
import { namedCells, orderTrials, type PlannedCell } from '../plan/plan.ts';
import { type RunReading, readRun } from '../report/read-run.ts';
import { type PlanOutline, RunModel } from './run-model.ts';

/** Of longer runs, so many of the judgements after a block are made: opening one must not take long. */
const mostInterim = 20;

/** @throws {Failure} exit status 2: it is not a run, or a committed trial is damaged. */
export async function modelOfFolder(folder: RunFolder): Promise<RunModel> {
  const reading = await readRun(folder);
  const { run, scenario, trials, attempts, histograms } = reading;
  let nowMs = Date.parse(run.createdAt ?? trials[0]?.startedAt ?? run.startedAt ?? '') || 0;
  const model = new RunModel('finished', () => nowMs);
  model.opened({ run: run.run, folder, scenario, plan: outlineOf(reading), committed: [] });
  for (const { trial, attempt, reason, endedAt } of attempts) {
    nowMs = Date.parse(endedAt ?? '') || nowMs;
    model.voided(trial, attempt, reason);
  }
  const blocks = [...new Set(trials.map(({ block }) => block))].sort((one, other) => one - other);
  const judgedAfter = spread(blocks.slice(0, -1), mostInterim);
  for (const block of blocks) {
    for (const trial of trials)
      if (trial.block === block) model.committed(trial, histograms.get(trial.trial) ?? null);
    if (!judgedAfter.has(block)) continue;
    const upTo = trials.filter((trial) => trial.block <= block);
    model.judged(judge({ run: run.run, scenario, trials: upTo, resamples: interimResamples }), false);
  }
  nowMs = Date.parse(run.endedAt ?? '') || nowMs;
  for (const [trial, reason] of Object.entries(run.givenUp)) model.givenUp(trial, reason);
  for (const text of reading.problems) model.see({ kind: 'progress', progress: { kind: 'warning', text } });
  if (trials.length > 0) {
    const modelled = modelRows({ scenario, trials, environment: reading.environment });
    model.judged({ ...judge({ run: run.run, scenario, trials }), model: modelled }, true);
  }
  model.ended(run.state, run.reason ?? null);
  return model;
}

/**
 * The plan as it must have been. What the machine of the run left out is not written down: variants that nothing was
 * ever heard of, when fewer trials were planned than the scenario has.
 */
function outlineOf({ scenario, trials, attempts, run, environment }: RunReading): PlanOutline {
  const all = namedCells(scenario).map((named): PlannedCell => ({ ...named, serverCores: [], ports: null }));
  const heardOf = new Set(
    [
      ...trials.map(({ trial }) => trial),
      ...attempts.map(({ trial }) => trial),
      ...Object.keys(run.givenUp),
    ].map((trial) => trial.split('-')[1]),
  );
  const variants = new Set(all.filter(({ id }) => heardOf.has(id)).map(({ cell }) => cell.variant));
  const isWhole = run.planned == null || run.planned >= all.length * scenario.blocks;
  const cells = isWhole ? all : all.filter(({ cell }) => variants.has(cell.variant));
  return { lab: labOf(environment), cells, trials: orderTrials(scenario, cells, all.length) };
}

const environmentSchema = z.object({ lab: z.object({ kind: z.string().max(40) }) });

function labOf(environment: unknown): string {
  const parsed = environmentSchema.safeParse(environment);
  return parsed.success ? parsed.data.lab.kind : 'not recorded';
}

/** At most `most` of them, evenly: the first and the last are among them. */
function spread(blocks: readonly number[], most: number): ReadonlySet<number> {
  if (blocks.length <= most) return new Set(blocks);
  return new Set(
    Array.from(
      { length: most },
      (_, index) => blocks[Math.round((index * (blocks.length - 1)) / (most - 1))],
    ),
  );
}
