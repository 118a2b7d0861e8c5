/**
 * `run.json`: what run a folder holds, how often it was started, and what it came to.
 *
 * The incarnation is raised and synced before anything else happens on the folder, so every epoch of this coordinator
 * is greater than any of an earlier one, whatever Redis remembers.
 */

import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { badInput, messageOf } from '../protocol/failure.ts';
import type { RunFolder } from '../protocol/run-folder.ts';
import type { Scenario } from '../protocol/scenario.ts';
import { writeFailure, writeWhole } from './durable-file.ts';
import { runStates } from './run-options.ts';

export const runSchemaName = 'stampede.run/1';
/** Attempts one incarnation can make before its epochs would meet the next one's. */
const epochsAnIncarnation = 1_000_000;

const runRecordSchema = z.object({
  schema: z.literal(runSchemaName),
  run: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  scenario: z.object({ name: z.string(), sha256: z.string() }),
  createdAt: z.iso.datetime(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  /** How many coordinators have worked on this folder, this one included. */
  incarnation: z.int().min(1),
  state: z.enum(['running', ...runStates]),
  reason: z.string().nullable(),
  planned: z.int().min(0).nullable(),
  committed: z.int().min(0),
  /** Trials that were given up, and why. */
  givenUp: z.record(z.string(), z.string()),
  /** What became of the members' messages: see `coverage.ts`; null until the run ends. */
  coverage: z.unknown(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** Reads the folder's run.json, or makes the folder and its first one; in both cases as a new incarnation, on disk. */
export async function openRun(
  folder: RunFolder,
  scenario: Scenario,
  scenarioText: string,
): Promise<RunRecord> {
  const now = new Date().toISOString();
  const sha256 = scenarioHash(scenario);
  const earlier = await readRun(folder);
  if (earlier !== null && earlier.scenario.sha256 !== sha256) {
    throw badInput(
      `Cannot resume the run in "${folder.path}": it is of another scenario (${earlier.scenario.name}, ` +
        `sha256 ${earlier.scenario.sha256.slice(0, 12)}), this one is ${scenario.name} (${sha256.slice(0, 12)}); wanted the same. ` +
        'Run the scenario.yaml of that folder, or use another --out.',
    );
  }
  const record: RunRecord =
    earlier === null
      ? {
          schema: runSchemaName,
          run: newRunName(scenario.name, now),
          scenario: { name: scenario.name, sha256 },
          createdAt: now,
          startedAt: now,
          endedAt: null,
          incarnation: 1,
          state: 'running',
          reason: null,
          planned: null,
          committed: 0,
          givenUp: {},
          coverage: null,
        }
      : {
          ...earlier,
          startedAt: now,
          endedAt: null,
          incarnation: earlier.incarnation + 1,
          state: 'running',
          reason: null,
          givenUp: {},
        };
  if (earlier === null || !existsSync(folder.scenario)) await writeWhole(folder.scenario, scenarioText);
  await saveRun(folder, record);
  return record;
}

/** Makes the folder when it is not there. @throws {Failure} when it holds something that is not a run. */
export async function prepareFolder(folder: RunFolder): Promise<void> {
  if ((await readRun(folder)) === null) await refuseForeign(folder);
  try {
    await mkdir(folder.histograms, { recursive: true });
  } catch (error) {
    throw writeFailure(folder.histograms, error);
  }
}

async function refuseForeign(folder: RunFolder): Promise<void> {
  const ours = new Set(['histograms', '.lock', 'scenario.yaml']);
  const foreign = (await namesIn(folder.path)).filter(
    (name) => !ours.has(name) && !/\.part$|^\.lock/.test(name),
  );
  if (foreign.length > 0) {
    throw badInput(
      `Cannot run in "${folder.path}": it holds "${foreign[0]}" and no run.json; wanted a new folder, or that of an ` +
        'interrupted run. Use another --out.',
    );
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw badInput(`Cannot run in "${path}": ${messageOf(error)}; wanted a folder. Use another --out.`);
  }
}

export async function saveRun(folder: RunFolder, record: RunRecord): Promise<void> {
  await writeWhole(folder.run, `${JSON.stringify(record, null, 2)}\n`);
}

/** Null when there is none. @throws {Failure} when there is one that cannot be read. */
export async function readRun(folder: RunFolder): Promise<RunRecord | null> {
  let text: string;
  try {
    text = await readFile(folder.run, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw badInput(`Cannot read "${folder.run}": ${messageOf(error)}; wanted the record of a run.`);
  }
  try {
    return runRecordSchema.parse(JSON.parse(text));
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    throw badInput(
      `Cannot resume the run in "${folder.path}": its run.json is damaged (${what}); wanted ${runSchemaName}. Use another --out.`,
    );
  }
}

/** Greater than that of any attempt before it, of any incarnation. `counter` counts this incarnation's attempts from 1. */
export function epochOf(incarnation: number, counter: number): number {
  if (counter >= epochsAnIncarnation) throw new RangeError(`${counter} attempts are more than epochs allow`);
  return incarnation * epochsAnIncarnation + counter;
}

/** Of what the scenario means: a changed comment or order of keys is still the same one. */
export function scenarioHash(scenario: Scenario): string {
  return createHash('sha256').update(canonical(scenario)).digest('hex');
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function newRunName(scenario: string, now: string): string {
  const stamp = now.replace(/[-:]/g, '').slice(0, 15);
  return `${scenario.slice(0, 36)}-${stamp}-${randomBytes(3).toString('hex')}`;
}
