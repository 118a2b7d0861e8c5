/**
 * What one start writes into a run folder: the files of a run that were not there before it. Removed when the start is
 * refused, for what never began is no run, and must not stand in the way of the next. Nothing else is removed, and no
 * folder that holds anything.
 */

import { readdir, rmdir, unlink } from 'node:fs/promises';
import { basename } from 'node:path';
import type { RunFolder } from '../protocol/run-folder.ts';

export class Writings {
  readonly #folder: RunFolder;
  readonly #before: ReadonlySet<string>;

  private constructor(folder: RunFolder, before: readonly string[]) {
    this.#folder = folder;
    this.#before = new Set(before);
  }

  /** Before anything is written. */
  static async of(folder: RunFolder): Promise<Writings> {
    return new Writings(folder, await readdir(folder.path).catch(() => []));
  }

  /** Never rejects. */
  async remove(): Promise<void> {
    const { path: _, histograms, k6, ...files } = this.#folder;
    const isNew = (path: string): boolean => !this.#before.has(basename(path));
    for (const path of Object.values(files).filter(isNew)) await unlink(path).catch(() => {});
    for (const path of [histograms, k6].filter(isNew)) await rmdir(path).catch(() => {});
  }
}
