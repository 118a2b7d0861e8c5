/**
 * The errors a person is meant to read, and the exit status each stands for.
 *
 * A message says: the action, a colon, what is, what is wanted, what to do. A stack trace of one of these is never
 * shown; any other error is our own mistake and keeps its stack.
 */

/** Exit statuses of every command; fixed, because scripts outside the project read them. */
export const ExitStatus = { ok: 0, thresholdBroken: 1, badInput: 2, runIncomplete: 3 } as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** A failure that was foreseen; `exitStatus` is what the command ends with. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitStatus: ExitStatus;

  constructor(message: string, exitStatus: ExitStatus, options?: ErrorOptions) {
    super(message, options);
    this.exitStatus = exitStatus;
  }
}

/** What was asked cannot be done as asked: nothing was started (exit status 2). */
export function badInput(message: string, options?: ErrorOptions): Failure {
  return new Failure(message, ExitStatus.badInput, options);
}

/** The run began and could not be completed: what was committed is kept (exit status 3). */
export function runIncomplete(message: string, options?: ErrorOptions): Failure {
  return new Failure(message, ExitStatus.runIncomplete, options);
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
