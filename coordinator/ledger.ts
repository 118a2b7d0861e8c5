/**
 * The ledger: `trials.jsonl`, `histograms/` and `k6/`. A trial is committed once, by the coordinator that owns the run, for the
 * attempt that is under way; what else claims to be its result is refused here.
 *
 * Order of a commit: fence, histograms and what k6 said (whole, synced), line (whole, synced). So a line always has its
 * histograms, and a file without a line is of an attempt that did not count; the next attempt replaces it.
 */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput, messageOf } from '../protocol/failure.ts';
import type { RunFolder } from '../protocol/run-folder.ts';
import { type TrialRecord, trialRecordSchema } from '../protocol/trial-record.ts';
import { AppendFile, writeFailure, writeWhole } from './durable-file.ts';

/** Says no, by throwing, when an attempt may not commit: another coordinator owns the run, or a later attempt runs. */
export type Fence = () => Promise<void>;

/** The files of a trial, by folder. */
export interface BesideTheLine {
  readonly histograms: unknown;
  /** Null: no k6 took part. */
  readonly k6: unknown;
}

export class Ledger {
  readonly #folder: RunFolder;
  readonly #file: AppendFile;
  readonly #committed: Map<string, TrialRecord>;
  /** What was cut off at the end of the file; null when it was whole. */
  readonly repaired: string | null;

  private constructor(
    folder: RunFolder,
    file: AppendFile,
    committed: Map<string, TrialRecord>,
    repaired: string | null,
  ) {
    this.#folder = folder;
    this.#file = file;
    this.#committed = committed;
    this.repaired = repaired;
  }

  /** Reads what was committed and cuts off a torn last line. @throws {Failure} when a whole line is not a record. */
  static async open(folder: RunFolder): Promise<Ledger> {
    const file = await AppendFile.open(folder.trials, { synced: true });
    try {
      const bytes = await readFile(folder.trials);
      const wholeBytes = bytes.lastIndexOf(0x0a) + 1;
      const committed = parseLines(folder.trials, bytes.subarray(0, wholeBytes).toString());
      if (wholeBytes === bytes.length) return new Ledger(folder, file, committed, null);
      await file.cutTo(wholeBytes);
      return new Ledger(
        folder,
        file,
        committed,
        `the last line of ${folder.trials} was torn (${bytes.length - wholeBytes} bytes without an end): cut off, its trial runs again`,
      );
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get committed(): ReadonlyMap<string, TrialRecord> {
    return this.#committed;
  }

  /**
   * Puts one trial on the disk, what stands beside its line first.
   * @throws {Failure} when the disk did not take it (nothing of it is in trials.jsonl then), whatever `fence` throws,
   *   and an Error when the trial is committed already.
   */
  async commit(record: TrialRecord, beside: BesideTheLine, fence: Fence): Promise<void> {
    const line = JSON.stringify(trialRecordSchema.parse(record));
    this.#refuseDuplicate(record);
    await fence();
    await this.#writeBeside(this.#folder.histograms, record, beside.histograms);
    if (beside.k6 !== null) {
      await mkdir(this.#folder.k6, { recursive: true }).catch((error: unknown) => {
        throw writeFailure(this.#folder.k6, error);
      });
      await this.#writeBeside(this.#folder.k6, record, beside.k6);
    }
    await fence();
    this.#refuseDuplicate(record);
    await this.#file.append(line);
    this.#committed.set(record.trial, record);
  }

  async #writeBeside(folder: string, { trial }: TrialRecord, content: unknown): Promise<void> {
    await writeWhole(join(folder, `${trial}.json`), `${JSON.stringify(content)}\n`);
  }

  #refuseDuplicate(record: TrialRecord): void {
    const earlier = this.#committed.get(record.trial);
    if (earlier === undefined) return;
    throw new Error(
      `Cannot commit attempt ${record.attempt} at trial ${record.trial}: attempt ${earlier.attempt} is committed; a trial commits once`,
    );
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function parseLines(path: string, text: string): Map<string, TrialRecord> {
  const committed = new Map<string, TrialRecord>();
  for (const [index, line] of text.split('\n').slice(0, -1).entries()) {
    const where = `Cannot read "${path}", line ${index + 1}`;
    let record: TrialRecord;
    try {
      record = trialRecordSchema.parse(JSON.parse(line));
    } catch (error) {
      const what = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
      throw badInput(`${where}: ${what}; wanted a committed trial. Restore that line, or use another --out.`);
    }
    if (committed.has(record.trial)) {
      throw badInput(
        `${where}: trial ${record.trial} stands twice; wanted each trial once. Remove one of the two lines.`,
      );
    }
    committed.set(record.trial, record);
  }
  return committed;
}
