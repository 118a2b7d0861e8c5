/**
 * What happened, for those who judge a run from outside: `events.jsonl` (everything, in order) and `attempts.jsonl`
 * (attempts that were not committed, with the last samples of each).
 *
 * Neither is read to decide anything, but for the attempt that a dead coordinator left open.
 */

import { readFile } from 'node:fs/promises';
import type { MemberMessage } from '../protocol/messages.ts';
import type { RunFolder } from '../protocol/run-folder.ts';
import { AppendFile } from './durable-file.ts';

export interface RunEvent {
  readonly event: string;
  /** Who did it: `coordinator`, or a member's name. */
  readonly actor?: string;
  /** Of the attempt it belongs to; 0: of none. */
  readonly epoch?: number;
  readonly [detail: string]: unknown;
}

/** events.jsonl: each line {run, epoch, sequence, monotonicNs, at, actor, event, …}. */
export class EventLog {
  readonly #file: AppendFile;
  readonly #run: string;
  readonly #incarnation: number;
  #sequence = 0;
  /** The first write that failed; the run must not go on as if it were logged. */
  failure: unknown = null;

  private constructor(file: AppendFile, run: string, incarnation: number) {
    this.#file = file;
    this.#run = run;
    this.#incarnation = incarnation;
  }

  static async open(folder: RunFolder, run: string, incarnation: number): Promise<EventLog> {
    return new EventLog(await openMended(folder.events, { synced: false }), run, incarnation);
  }

  /** Never throws: see `failure`. */
  write({ event, actor = 'coordinator', epoch = 0, ...details }: RunEvent): void {
    const line = {
      run: this.#run,
      incarnation: this.#incarnation,
      epoch,
      sequence: ++this.#sequence,
      monotonicNs: process.hrtime.bigint().toString(),
      at: new Date().toISOString(),
      actor,
      event,
      ...details,
    };
    this.#file.append(JSON.stringify(line)).catch((error: unknown) => {
      this.failure ??= error;
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

export const attemptSchemaName = 'stampede.attempt/1';

export interface LostAttempt {
  readonly trial: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly reason: string;
  readonly startedAt: string;
  readonly endedAt: string;
  /** The one-second reports that had come in: what is known of an interrupted attempt, never counted. */
  readonly samples: readonly MemberMessage[];
}

/** attempts.jsonl. */
export class AttemptLog {
  readonly #file: AppendFile;
  readonly #tried: Map<string, number>;

  private constructor(file: AppendFile, tried: Map<string, number>) {
    this.#file = file;
    this.#tried = tried;
  }

  static async open(folder: RunFolder): Promise<AttemptLog> {
    const file = await openMended(folder.attempts, { synced: true });
    const tried = new Map<string, number>();
    for (const line of await wholeLines(folder.attempts)) {
      const { trial, attempt } = line as { trial?: unknown; attempt?: unknown };
      if (typeof trial !== 'string' || typeof attempt !== 'number') continue;
      tried.set(trial, Math.max(attempt, tried.get(trial) ?? 0));
    }
    return new AttemptLog(file, tried);
  }

  /** The highest number an attempt at this trial has had that is recorded here; 0: none. */
  lastAttempt(trial: string): number {
    return this.#tried.get(trial) ?? 0;
  }

  async add(attempt: LostAttempt): Promise<void> {
    await this.#file.append(JSON.stringify({ schema: attemptSchemaName, ...attempt }));
    this.#tried.set(attempt.trial, Math.max(attempt.attempt, this.lastAttempt(attempt.trial)));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

export interface OpenAttempt {
  readonly trial: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly at: string;
}

/** The attempt that was under way when an earlier coordinator died: begun in events.jsonl, and never ended there. */
export async function attemptLeftOpen(folder: RunFolder): Promise<OpenAttempt | null> {
  let open: OpenAttempt | null = null;
  for (const line of await wholeLines(folder.events)) {
    const event = line as OpenAttempt & { event?: unknown };
    if (event.event === 'attempt-begun') open = event;
    else if (event.event === 'attempt-ended') open = null;
  }
  if (open === null || typeof open.trial !== 'string' || typeof open.attempt !== 'number') return null;
  return { trial: open.trial, attempt: open.attempt, epoch: Number(open.epoch), at: String(open.at) };
}

/** The objects of a file of JSON lines; lines that are none (torn by a crash) are passed over. */
async function wholeLines(path: string): Promise<object[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return value !== null && typeof value === 'object' ? [value] : [];
    } catch {
      return [];
    }
  });
}

/** Opens a log and cuts off a line that a crash tore, so that the next one does not grow out of its stump. */
async function openMended(path: string, options: { synced: boolean }): Promise<AppendFile> {
  const file = await AppendFile.open(path, options);
  const bytes = await readFile(path);
  const whole = bytes.lastIndexOf(0x0a) + 1;
  if (whole < bytes.length) await file.cutTo(whole);
  return file;
}
