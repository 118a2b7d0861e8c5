/**
 * The runs in the folders beside one: which there are, how they ended, and their reports. Only names that were listed
 * can be asked for, and only files that lie in such a folder themselves are given away: no links to elsewhere.
 */

import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { PastRun } from '../../protocol/live-page.ts';
import { runFolder } from '../../protocol/run-folder.ts';

/** Looked at, by name from the end: names of run folders begin alike and end in a time. */
const mostFolders = 200;
const mostListed = 50;
const mostRecordBytes = 1_048_576;
const mostReportBytes = 64 * 1_048_576;
/** A page that is loaded again and again must not keep the disk busy. */
const freshMs = 2_000;

const recordSchema = z.object({
  run: z.string(),
  scenario: z.object({ name: z.string() }),
  state: z.string(),
  startedAt: z.string().nullable().catch(null),
  committed: z.number().nullable().catch(null),
  planned: z.number().nullable().catch(null),
});

export class PastRuns {
  readonly #own: string;
  readonly #parent: string;
  #listed: Promise<readonly PastRun[]> = Promise.resolve([]);
  #listedAtMs = Number.NEGATIVE_INFINITY;

  /** @param own path of the run folder that is watched. */
  constructor(own: string) {
    this.#own = basename(own);
    this.#parent = dirname(own);
  }

  /** The newest first. */
  list(): Promise<readonly PastRun[]> {
    if (performance.now() - this.#listedAtMs > freshMs) {
      this.#listedAtMs = performance.now();
      this.#listed = this.#look();
    }
    return this.#listed;
  }

  /** Null: there is no such run, or it has no report. */
  async report(folder: string): Promise<string | null> {
    const isListed = (await this.list()).some((run) => run.folder === folder && run.hasReport);
    if (!isListed) return null;
    return await readPlainFile(runFolder(join(this.#parent, folder)).reportHtml, mostReportBytes);
  }

  async #look(): Promise<readonly PastRun[]> {
    const entries = await readdir(this.#parent, { withFileTypes: true }).catch(() => []);
    const names = entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort()
      .slice(-mostFolders);
    const runs: PastRun[] = [];
    for (const name of names) {
      const run = await this.#read(name);
      if (run !== null) runs.push(run);
    }
    return runs
      .sort((one, other) => ((one.startedAt ?? '') < (other.startedAt ?? '') ? 1 : -1))
      .slice(0, mostListed);
  }

  async #read(name: string): Promise<PastRun | null> {
    const folder = runFolder(join(this.#parent, name));
    const text = await readPlainFile(folder.run, mostRecordBytes);
    if (text === null) return null;
    try {
      const record = recordSchema.parse(JSON.parse(text));
      return {
        folder: name,
        name: record.scenario.name,
        state: record.state,
        startedAt: record.startedAt,
        committed: record.committed,
        planned: record.planned,
        hasReport: (await sizeOf(folder.reportHtml)) !== null,
        isThis: name === this.#own,
      };
    } catch {
      return null;
    }
  }
}

async function readPlainFile(path: string, mostBytes: number): Promise<string | null> {
  const bytes = await sizeOf(path);
  if (bytes === null || bytes > mostBytes) return null;
  return await readFile(path, 'utf8').catch(() => null);
}

/** Null: it is not there, or is no plain file. */
async function sizeOf(path: string): Promise<number | null> {
  const status = await lstat(path).catch(() => null);
  return status?.isFile() === true ? status.size : null;
}
