/**
 * The C library through koffi: the one place where it is loaded, and how its errors come back.
 *
 * One call costs 190-300 ns before it does anything, so hot paths work on mapped memory and call once a batch.
 */

import { constants } from 'node:os';
import koffi from 'koffi';

export const libc = koffi.load('libc.so.6');

const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** The errno of the last call made through koffi on this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

/** 13 → "EACCES". */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

/** The kernel refused a call. `message`: the action, a colon, the error's name. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  readonly errno: number;
  readonly code: string;

  constructor(action: string, errno: number) {
    super(`${action}: ${errnoName(errno)}`);
    this.errno = errno;
    this.code = errnoName(errno);
  }
}

/**
 * Passes on what a call returned.
 * @throws {SystemCallError} when it is negative.
 */
export function checked(action: string, returned: number): number {
  if (returned < 0) throw new SystemCallError(action, lastErrno());
  return returned;
}
