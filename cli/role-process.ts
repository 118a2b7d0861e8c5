/**
 * A process that plays a role until it is told to stop.
 *
 * SIGTERM, SIGINT or SIGHUP once: load stops, what was said last gets out, the lease is given back; all within 8 s, or the
 * process kills itself. Twice: at once, by SIGKILL, since an orderly exit waits for threads. Whatever it started dies with
 * it (PR_SET_PDEATHSIG).
 */

import pino, { type Logger } from 'pino';
import { dieWithParent } from '../linux/thread.ts';
import { runIncomplete } from '../protocol/failure.ts';

const endMs = 8_000;
/** A parent of several threads dies thread by thread, and for each the kernel may send its signal again. */
const repeatedByKernelMs = 250;
const SIGTERM = 15;

export interface RoleProcess {
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Runs `role`, then ends the process: with 0 when it was told to stop. Rejects with what `role` rejects with. */
export async function playRole(
  flags: { readonly logLevel: string; readonly dieWithParent?: number | true | undefined },
  role: (process: RoleProcess) => Promise<void>,
): Promise<void> {
  const log = logToStderr(flags.logLevel);
  if (flags.dieWithParent !== undefined) dieWith(flags.dieWithParent);
  const stop = stopOnSignal(log, flags.dieWithParent === undefined ? 0 : repeatedByKernelMs);
  await role({ signal: stop, log });
  // Whatever still holds the event loop must not hold up the end.
  process.exit(process.exitCode ?? 0);
}

/** @param sameMs signals that follow the first within this time are the first, said again. */
function stopOnSignal(log: Logger, sameMs: number): AbortSignal {
  const stop = new AbortController();
  let stoppedAtMs = 0;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) {
        if (performance.now() - stoppedAtMs >= sameMs) process.kill(process.pid, 'SIGKILL');
        return;
      }
      stoppedAtMs = performance.now();
      log.info({ signal }, 'stopping');
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), endMs).unref();
      stop.abort(new Error(`told to stop by ${signal}`));
    });
  }
  return stop.signal;
}

/** @throws {Failure} when the parent is gone already: the kernel's signal is only for a death yet to come. */
function dieWith(parent: number | true): void {
  const before = process.ppid;
  dieWithParent(SIGTERM);
  const gone = process.ppid !== before || (parent !== true && process.ppid !== parent);
  if (gone) throw runIncomplete('Cannot start: the process that started this one has ended already');
}

/** Synchronous: a log line must not be lost because the process ended. */
function logToStderr(level: string): Logger {
  const destination = pino.destination({ dest: 2, sync: true });
  // Whoever read the log may be gone; that is no reason to end.
  destination.on('error', () => undefined);
  return pino({ level, base: { pid: process.pid }, redact: ['redis', 'redisUrl', 'password'] }, destination);
}
