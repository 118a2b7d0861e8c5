/**
 * Reads a run folder, whole or interrupted. Trials and scenario are needed and must be right; what only illustrates
 * (attempts, environment, histograms) may be missing or damaged, and then that is said. It changes nothing.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput, messageOf } from '../../protocol/failure.ts';
import type { RunFolder } from '../../protocol/run-folder.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import { parseScenario } from '../../protocol/scenario-file.ts';
import { type TrialRecord, trialRecordSchema } from '../../protocol/trial-record.ts';
import { type Latencies, parseTrialHistograms } from '../histogram-file.ts';

/** What is shown of run.json; whatever else it holds is its writer's. */
const runSummarySchema = z.object({
  run: z.string(),
  createdAt: z.string().nullish(),
  startedAt: z.string().nullish(),
  endedAt: z.string().nullish(),
  incarnation: z.number().nullish(),
  state: z.string(),
  reason: z.string().nullish(),
  planned: z.number().nullish(),
  committed: z.number().nullish(),
  givenUp: z.record(z.string(), z.string()).catch({}),
  coverage: z
    .object({
      messages: z.number(),
      lost: z.number(),
      refused: z.record(z.string(), z.number()),
      quarantined: z.array(z.string()),
    })
    .nullable()
    .catch(null),
});
export type RunSummary = Readonly<z.infer<typeof runSummarySchema>>;

const attemptSchema = z.object({
  trial: z.string(),
  attempt: z.number(),
  reason: z.string(),
  startedAt: z.string().nullish(),
  endedAt: z.string().nullish(),
  samples: z.array(z.unknown()).catch([]),
});
export type FailedAttempt = Readonly<z.infer<typeof attemptSchema>>;

export interface RunReading {
  readonly folder: RunFolder;
  readonly scenario: Scenario;
  readonly trials: readonly TrialRecord[];
  readonly attempts: readonly FailedAttempt[];
  readonly run: RunSummary;
  /** As it was recorded; null when it was not. */
  readonly environment: unknown;
  /** By trial; without those whose file is missing or damaged. */
  readonly histograms: ReadonlyMap<string, Latencies>;
  /** What could not be read, as sentences. */
  readonly problems: readonly string[];
}

/** @throws {Failure} (bad input) when the folder is not a run, or a committed trial is damaged. */
export async function readRun(folder: RunFolder): Promise<RunReading> {
  const problems: string[] = [];
  const scenarioText = await textOf(folder.scenario);
  if (scenarioText === null)
    throw badInput(
      `Cannot report on "${folder.path}": it has no scenario.yaml; wanted the folder of a run. Name the folder that "stampede run" wrote.`,
    );
  const scenario = parseScenario(scenarioText, folder.scenario);
  const trials = parseTrials(folder, (await textOf(folder.trials)) ?? '', problems);
  return {
    folder,
    scenario,
    trials,
    attempts: parseAttempts((await textOf(folder.attempts)) ?? '', problems),
    run: await readSummary(folder, scenario, trials.length, problems),
    environment: await readJson(folder.environment, problems),
    histograms: await readHistograms(folder, trials, problems),
    problems,
  };
}

/** The committed trials alone. @throws {Failure} (bad input) when one is damaged. */
export async function readTrials(folder: RunFolder): Promise<readonly TrialRecord[]> {
  return parseTrials(folder, (await textOf(folder.trials)) ?? '', []);
}

function parseTrials(folder: RunFolder, text: string, problems: string[]): TrialRecord[] {
  const lines = text.split('\n');
  // Whole lines end in a newline: what follows the last one was torn by a crash and never committed.
  if (lines.pop() !== '') problems.push('the last line of trials.jsonl is torn; its trial was not committed');
  const seen = new Set<string>();
  return lines.map((line, index) => {
    const where = `Cannot read "${folder.trials}", line ${index + 1}`;
    try {
      const trial = trialRecordSchema.parse(JSON.parse(line));
      if (seen.has(trial.trial)) throw new Error(`trial ${trial.trial} stands twice`);
      seen.add(trial.trial);
      return trial;
    } catch (error) {
      const what = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
      throw badInput(
        `${where}: ${what}; wanted a committed trial, each once. Restore the file from a copy, or run again.`,
      );
    }
  });
}

function parseAttempts(text: string, problems: string[]): FailedAttempt[] {
  let damaged = 0;
  const attempts = text.split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      return [attemptSchema.parse(JSON.parse(line))];
    } catch {
      damaged++;
      return [];
    }
  });
  if (damaged > 0) problems.push(`${damaged} lines of attempts.jsonl could not be read`);
  return attempts;
}

async function readSummary(
  folder: RunFolder,
  scenario: Scenario,
  committed: number,
  problems: string[],
): Promise<RunSummary> {
  const parsed = runSummarySchema.safeParse(await readJson(folder.run, problems));
  if (parsed.success) return parsed.data;
  problems.push('run.json is missing or damaged: how the run ended is not known');
  return { run: scenario.name, state: 'unknown', committed, givenUp: {}, coverage: null };
}

async function readHistograms(
  folder: RunFolder,
  trials: readonly TrialRecord[],
  problems: string[],
): Promise<Map<string, Latencies>> {
  const histograms = new Map<string, Latencies>();
  let missing = 0;
  for (const { trial } of trials) {
    try {
      const text = await readFile(join(folder.histograms, `${trial}.json`), 'utf8');
      histograms.set(trial, parseTrialHistograms(JSON.parse(text)));
    } catch {
      missing++;
    }
  }
  if (missing > 0)
    problems.push(
      `the histograms of ${missing} trials are missing or damaged: latency curves are drawn without them`,
    );
  return histograms;
}

async function readJson(path: string, problems: string[]): Promise<unknown> {
  const text = await textOf(path);
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    problems.push(`${path} is not JSON: ${messageOf(error)}`);
    return null;
  }
}

/** Null when there is no such file. */
async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw badInput(
      `Cannot read "${path}": ${messageOf(error)}; wanted the folder of a run. See that it can be read.`,
    );
  }
}
