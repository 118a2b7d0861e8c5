/**
 * One coordinator a run folder: a lock file that names its holder, process and start time both, so that a process id
 * used again is not taken for the holder. A lock whose holder is gone is taken over.
 *
 * It guards against a second coordinator on this machine; across machines that is the lease in Redis (`ownership.ts`).
 */

import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { badInput } from '../protocol/failure.ts';
import { writeFailure } from './durable-file.ts';

interface Holder {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process (proc(5), field 22). */
  readonly startTicks: string;
  readonly boot: string;
  readonly host: string;
}

export interface FolderLock {
  release(): Promise<void>;
}

/** @throws {Failure} (bad input) when a living process holds the folder. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, '.lock');
  const own = `${JSON.stringify(await self())}\n`;
  const beside = `${path}.${process.pid}`;
  try {
    await writeFile(beside, own, { flag: 'w' });
  } catch (error) {
    throw writeFailure(beside, error);
  }
  try {
    for (let tries = 0; !(await placed(beside, path)); tries++) {
      const text = await readFile(path, 'utf8').catch(() => null);
      if (text === null) continue;
      const holder = parseHolder(text);
      if (tries >= 5 || (holder !== null && (await lives(holder)))) throw heldBy(folder, holder);
      await putAside(path, text);
    }
  } finally {
    await unlink(beside).catch(() => {});
  }
  return {
    async release() {
      const text = await readFile(path, 'utf8').catch(() => null);
      if (text === own) await unlink(path).catch(() => {});
    },
  };
}

/** link(2) fails when the name is there, so only one process places its lock. */
async function placed(beside: string, path: string): Promise<boolean> {
  try {
    await link(beside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw writeFailure(path, error);
  }
}

/** Moves a dead holder's lock away; when what was moved turns out to be another's, puts it back. */
async function putAside(path: string, stale: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const moved = await readFile(aside, 'utf8');
  if (moved !== stale) await link(aside, path).catch(() => {});
  await unlink(aside).catch(() => {});
}

async function self(): Promise<Holder> {
  return {
    pid: process.pid,
    startTicks: (await startTicksOf(process.pid)) ?? 'unknown',
    boot: await bootId(),
    host: hostname(),
  };
}

async function lives(holder: Holder): Promise<boolean> {
  // A folder on a shared disk: the holder cannot be seen from here, so it is taken to live.
  if (holder.boot !== (await bootId())) return holder.host !== hostname();
  return (await startTicksOf(holder.pid)) === holder.startTicks;
}

/** Null when there is no such process, or only what is left of one (a zombie). */
export async function startTicksOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // The command's name, in brackets, may itself hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')).trim();
}

function parseHolder(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    return typeof holder?.pid === 'number' && typeof holder.startTicks === 'string'
      ? {
          pid: holder.pid,
          startTicks: holder.startTicks,
          boot: String(holder.boot),
          host: String(holder.host),
        }
      : null;
  } catch {
    return null;
  }
}

function heldBy(folder: string, holder: Holder | null) {
  const who = holder === null ? 'another process' : `process ${holder.pid} on ${holder.host}`;
  return badInput(
    `Cannot run in "${folder}": ${who} is running there; wanted a folder of one's own. Wait for it, or use another --out.`,
  );
}
