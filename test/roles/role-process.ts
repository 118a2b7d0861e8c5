/** Roles as real processes, for tests: started, watched, signalled, and never left behind. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const roleEntry = fileURLToPath(new URL('./role-entry.js', import.meta.url));

export interface RoleProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** How it ended: a status, or the name of a signal. */
  readonly ended: Promise<number | string>;
  /** What it wrote to stderr so far. */
  log(): string;
  /** Settles when a line of its log matches. */
  said(pattern: RegExp, deadlineMs?: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** SIGKILL, and waits. */
  end(): Promise<void>;
}

export function startRole(
  parameters: readonly string[],
  redisUrl: string | null,
  node: readonly string[] = [],
): RoleProcess {
  const { STAMPEDE_REDIS_URL: _, ...environment } = process.env;
  const child = spawn(process.execPath, [...node, roleEntry, ...parameters], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: redisUrl === null ? environment : { ...environment, STAMPEDE_REDIS_URL: redisUrl },
  });
  const killNow = () => child.kill('SIGKILL');
  process.on('exit', killNow);
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (data: string) => {
    text += data;
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      process.off('exit', killNow);
      resolve(signal ?? code ?? 'nothing');
    });
  });
  return {
    pid: child.pid as number,
    child,
    ended,
    log: () => text,
    said: (pattern, deadlineMs = 10_000) =>
      until(
        () => pattern.test(text),
        deadlineMs,
        () => `no ${pattern} in:\n${text}`,
      ),
    kill: (signal) => child.kill(signal),
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Polls until `condition` holds; fails with `what` says after `deadlineMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
  what: () => string,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`After ${deadlineMs} ms: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Processes whose parent is `pid`, by /proc. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

/** False for a zombie too: it has ended. */
export function isAlive(pid: number): boolean {
  const state = statOf(pid)?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function parentOf(pid: number): number | null {
  const parent = statOf(pid)?.[1];
  return parent === undefined ? null : Number(parent);
}

/** The fields after the program's name, which may hold anything (proc_pid_stat(5)). */
function statOf(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
