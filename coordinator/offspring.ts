/** Processes the coordinator starts: none of them outlives it, whatever happens to it. */

import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from './labs/program.ts';

/** The same argv, as a process that gets SIGTERM when this one ends, however it ends (SIGKILL too). */
export function dyingWithUs(argv: readonly string[]): readonly string[] {
  const setpriv = findProgram('setpriv');
  return setpriv === null ? argv : [setpriv, '--pdeathsig', 'TERM', '--', ...argv];
}

/** The same argv, kept on these cores: what serves a run must not run where the server under test is measured. */
export function keptOn(cores: readonly number[], argv: readonly string[]): readonly string[] {
  const taskset = findProgram('taskset');
  return taskset === null || cores.length === 0 ? argv : [taskset, '--cpu-list', cores.join(','), ...argv];
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** How it ended: "killed by SIGSEGV", "ended with status 1". */
export function howItEnded(code: number | null, signal: string | null): string {
  return signal === null ? `ended with status ${code}` : `was killed by ${signal}`;
}

/** SIGTERM, and SIGKILL after `patienceMs`; settles when the process is gone. Never rejects. */
export async function endProcess(child: ChildProcess, patienceMs: number): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  await Promise.race([ended, sleep(patienceMs, undefined, { ref: false })]);
  if (hasEnded(child)) return;
  child.kill('SIGKILL');
  await ended;
}
