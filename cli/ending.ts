/**
 * How a command ends: what goes to stderr, and the exit status.
 *
 * A `Failure` is a message for a person. Anything else is a mistake of ours and keeps its stack; it ends with 3 when a
 * run was under way, so that a script knows the folder can be resumed, and with 2 when nothing had been started.
 */

import { CommanderError } from 'commander';
import { ExitStatus, Failure, messageOf } from '../protocol/failure.ts';
import { styleOf } from './terminal.ts';

let runUnderWay = false;

/** From here on an unforeseen error leaves a run folder behind. */
export function markRunUnderWay(): void {
  runUnderWay = true;
}

export function endWith(thrown: unknown): ExitStatus {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? ExitStatus.ok : ExitStatus.badInput;
  const { red } = styleOf(process.stderr);
  if (thrown instanceof Failure) {
    process.stderr.write(`${red(thrown.message)}\n`);
    return thrown.exitStatus;
  }
  if ((thrown as NodeJS.ErrnoException | null)?.code === 'EMFILE') {
    process.stderr.write(
      `${red(`Cannot go on: ${messageOf(thrown)}; wanted a limit of open files of 256 or more. Raise it: ulimit -n 4096`)}\n`,
    );
    return runUnderWay ? ExitStatus.runIncomplete : ExitStatus.badInput;
  }
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  process.stderr.write(`${red(`A mistake in Stampede itself: ${stack ?? messageOf(thrown)}`)}\n`);
  return runUnderWay ? ExitStatus.runIncomplete : ExitStatus.badInput;
}

/** Node's own status for an error that nobody caught is 1, which here says that a threshold is broken. */
export function catchWhatNobodyCaught(): void {
  process.on('uncaughtException', (error) => process.exit(endWith(error)));
}

/**
 * A reader that went away (`stampede plan … | head`) is no error: stop writing to it. An output that takes no more, of a
 * full disk, is one.
 */
export function surviveClosedPipes(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exit(endWith(outputFull(error)));
    if (!runUnderWay) process.exit(ExitStatus.ok);
  });
}

function outputFull(error: Error): Failure {
  const wanted = 'wanted an output that takes what is printed';
  return new Failure(
    `Cannot write to stdout: ${messageOf(error)}; ${wanted}.`,
    runUnderWay ? ExitStatus.runIncomplete : ExitStatus.badInput,
  );
}
