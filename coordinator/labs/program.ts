/** Programs of the system, found also where a plain user's PATH does not look. */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const systemFolders = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** The path of a program, or null when it is not installed. */
export function findProgram(name: string): string | null {
  for (const folder of withSystemFolders().split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: look on.
    }
  }
  return null;
}

/** This process's PATH, the system's folders after it. */
export function withSystemFolders(): string {
  return [process.env.PATH ?? '', ...systemFolders].join(delimiter);
}
