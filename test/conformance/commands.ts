/** The lines that the conformance port obeys: each is a call of descriptors.ts, and its answer a number. */

import type { Descriptors } from './descriptors.ts';
import { errno } from './errno.ts';

interface Command {
  readonly words: number;
  readonly obey: (descriptors: Descriptors, words: readonly number[]) => number;
}

const commands: Readonly<Record<string, Command>> = {
  reset: { words: 0, obey: (descriptors) => descriptors.reset() },
  accept: { words: 1, obey: (descriptors, [port = 0]) => descriptors.accept(port) },
  recv: {
    words: 3,
    obey: (descriptors, [fd = -1, length = 0, peek = 0]) => descriptors.receive(fd, length, peek !== 0),
  },
  write: { words: 2, obey: (descriptors, [fd = -1, length = 0]) => descriptors.write(fd, length) },
  shutdown: { words: 2, obey: (descriptors, [fd = -1, how = -1]) => descriptors.shutdown(fd, how) },
  close: { words: 1, obey: (descriptors, [fd = -1]) => descriptors.close(fd) },
};

/** A suite may say PEEK as its language prints it. */
const truths: Readonly<Record<string, number>> = { true: 1, false: 0 };

/** @param line without its end. @returns the result; −EINVAL: it is no command, or not with these words. */
export function obey(descriptors: Descriptors, line: string): number {
  const [name = '', ...rest] = line.trim().split(/\s+/);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined || rest.length !== command.words) return -errno.EINVAL;
  if (!rest.every((word) => /^(-?\d{1,15}|true|false)$/.test(word))) return -errno.EINVAL;
  const [first, ...others] = rest.map((word) => truths[word] ?? Number(word));
  // A descriptor that is none is −EBADF; every other number below 0 means nothing.
  if (others.some((word) => word < 0)) return -errno.EINVAL;
  return command.obey(descriptors, first === undefined ? [] : [first, ...others]);
}
