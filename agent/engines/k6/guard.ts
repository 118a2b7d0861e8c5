/**
 * The guard of a k6: a process of its own that starts it, and kills it when the lease has run out. An agent that is
 * stopped (SIGSTOP, a debugger, a machine without memory) cannot do that; k6, another process, would flood on.
 *
 *   load thread                          guard                         k6
 *     │ ── run(argv, script, lease) ─────► │ ── script on stdin ───────► │
 *     │ ── lease, four a second ─────────► │ SIGKILL once it is over     │
 *     │ ◄──────────────────────────────────┼──── lines (stdout) ──────── │
 *     │ ◄───────────────────────── ended ─ │                             │
 *
 * It dies with the load thread, and k6 with it (PR_SET_PDEATHSIG on both). It looks at nothing that k6 says.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { dieWithParent } from '../../../linux/thread.ts';
import { monotonicUs } from '../../monotonic.ts';
import { type FromGuard, type ToGuard, toGuardSchema } from './guard-messages.ts';

const SIGKILL = 9;
const lookEveryMs = 50;

let leaseEndsAtNs = 0;
let k6: ChildProcess | null = null;
let ranOut = false;

dieWithParent(SIGKILL);
process.on('disconnect', end);
process.on('message', (raw: unknown) => {
  // What does not parse can only be our own mistake: an exception, and the end of both.
  const message = toGuardSchema.parse(raw);
  leaseEndsAtNs = message.leaseEndsAtNs;
  if (message.kind === 'run') run(message);
});
setInterval(() => {
  if (k6 === null || monotonicUs() * 1000 < leaseEndsAtNs) return;
  ranOut = true;
  k6.kill('SIGKILL');
}, lookEveryMs);

function run({ argv, environment, script }: Extract<ToGuard, { kind: 'run' }>): void {
  const [program, ...parameters] = argv;
  k6 = spawn(program as string, parameters, { stdio: ['pipe', 'inherit', 'inherit'], env: environment });
  // It may have ended before it read its script; "exit" tells.
  k6.stdin?.on('error', () => {});
  k6.stdin?.end(script);
  k6.once('error', (error) =>
    tell({ kind: 'ended', status: null, how: `could not be started: ${error.message}` }),
  );
  k6.once('exit', (status, signal) => {
    const by = signal === null ? `ended with status ${status}` : `was killed by ${signal}`;
    tell({ kind: 'ended', status, how: ranOut ? `${by}: the lease ran out` : by });
  });
}

/** The last thing that is said. */
function tell(message: FromGuard): void {
  k6 = null;
  process.send?.(message, () => process.exit(0));
}

function end(): void {
  k6?.kill('SIGKILL');
  process.exit(0);
}
