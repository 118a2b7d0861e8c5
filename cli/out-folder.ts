/**
 * The folder that `--out` names, made before anything else is: what cannot be a run folder is bad input, and nothing has
 * been started. Whether what it holds is a run is for the coordinator to say.
 */

import { constants } from 'node:fs';
import { access, mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { badInput, messageOf } from '../protocol/failure.ts';

export interface OutFolder {
  readonly path: string;
  /** Removes what was made here and is still empty: for a run that was refused. */
  remove(): Promise<void>;
}

/** @throws {Failure} exit status 2: it is no folder, and cannot be made or written to. */
export async function openOutFolder(out: string): Promise<OutFolder> {
  if (out.trim() === '')
    throw badInput('Cannot use --out "": it names no folder; wanted one, new or of an interrupted run.');
  const path = resolve(out);
  const made: string[] = [];
  const remove = async (): Promise<void> => {
    for (const each of made.reverse()) await rmdir(each).catch(() => {});
  };
  try {
    await makeFolder(path, made);
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    await remove();
    throw badInput(
      `Cannot use --out "${out}": ${messageOf(error)}; wanted a folder that can be written to. Use another --out.`,
    );
  }
  return { path, remove };
}

/** One folder at a time: `mkdir` with `recursive` never ends where a parent is there and takes no folders (/proc). */
async function makeFolder(path: string, made: string[]): Promise<void> {
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (there?.isDirectory() === true) return;
  if (there !== null) throw new Error(`"${path}" is not a folder`);
  if (dirname(path) !== path) await makeFolder(dirname(path), made);
  await mkdir(path);
  made.push(path);
}
