/** Resource limits of this process, as the kernel lists them. */

import { readFileSync } from 'node:fs';

/** RLIMIT_NOFILE, the soft one: descriptors this process may have open. `Infinity`: unlimited. */
export function openFilesLimit(): number {
  const text = readFileSync('/proc/self/limits', 'utf8');
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1];
  if (soft === undefined)
    throw new Error('Cannot read the limit of open files: /proc/self/limits names none');
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}
