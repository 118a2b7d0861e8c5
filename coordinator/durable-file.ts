/**
 * Writing the run folder so that a crash or a full disk leaves whole records or none.
 *
 * A line is appended in one write and synced; when the disk takes only a part of it, the part is cut off again. A file
 * is written beside its place, synced, and renamed into it. Nothing here is ever written half and left so.
 */

import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Failure, messageOf, runIncomplete } from '../protocol/failure.ts';

/** A file that only grows, a line at a time. */
export class AppendFile {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #synced: boolean;
  /** Bytes of whole lines: what the file is cut back to when a write fails. */
  #length: number;
  #last: Promise<void> = Promise.resolve();
  #broken: Failure | null = null;

  private constructor(path: string, file: FileHandle, length: number, synced: boolean) {
    this.path = path;
    this.#file = file;
    this.#length = length;
    this.#synced = synced;
  }

  /** `synced`: a line is on the disk before `append` settles. @throws {Failure} */
  static async open(path: string, { synced }: { synced: boolean }): Promise<AppendFile> {
    try {
      const file = await open(path, 'a+', 0o644);
      return new AppendFile(path, file, (await file.stat()).size, synced);
    } catch (error) {
      throw writeFailure(path, error);
    }
  }

  /** Appends one line, after those appended before. @throws {Failure} when it could not be kept; none of it is then. */
  append(line: string): Promise<void> {
    const next = this.#last.then(() => this.#append(`${line}\n`));
    this.#last = next.catch(() => {});
    return next;
  }

  async #append(text: string): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    const bytes = Buffer.from(text);
    try {
      let written = 0;
      while (written < bytes.length) written += (await this.#file.write(bytes, written)).bytesWritten;
      if (this.#synced) await this.#file.datasync();
      this.#length += bytes.length;
    } catch (error) {
      this.#broken = writeFailure(this.path, error);
      await this.#file.truncate(this.#length).catch(() => {});
      throw this.#broken;
    }
  }

  /** Cuts off what lies behind `length` bytes: a line that a crash tore. */
  async cutTo(length: number): Promise<void> {
    await this.#file.truncate(length);
    await this.#file.datasync();
    this.#length = length;
  }

  /** Waits for what is being appended. */
  async close(): Promise<void> {
    await this.#last;
    await this.#file.close();
  }
}

/** Puts `text` at `path`: whole and synced, or not at all (what was there stays). @throws {Failure} */
export async function writeWhole(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.part`;
  try {
    const file = await open(beside, 'w', 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await unlink(beside).catch(() => {});
    throw writeFailure(path, error);
  }
}

/** A name is on the disk only once its folder is. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The error of a write into the run folder, as a person should read it. */
export function writeFailure(path: string, error: unknown): Failure {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const advice =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'free some space, then run again on the same folder: it goes on from there'
      : 'see that it can be written to, then run again on the same folder';
  return runIncomplete(
    `Cannot write "${path}": ${code ?? 'failed'} (${messageOf(error)}). What was committed before is intact; ${advice}.`,
    { cause: error },
  );
}
