/** Whether this process may make the lab "namespaces": found by making one, which costs a few milliseconds. */

import { spawnSync } from 'node:child_process';
import { findProgram, withSystemFolders } from './program.ts';

/** What the lab calls, and the Debian package each comes from. */
const programs = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  ip: 'iproute2',
} as const;

/** The three things the lab does that a kernel or missing rights can refuse, in a namespace that goes at once. */
const attempt = 'mount -t sysfs none /sys && ip link add load0 type veth peer name srv0';

/** Why not, with what to do; null when it is possible. */
export function namespacesRefused(): string | null {
  for (const [program, debianPackage] of Object.entries(programs)) {
    if (findProgram(program) === null)
      return `the program "${program}" is missing; install it (apt-get install ${debianPackage})`;
  }
  const tried = spawnSync(
    findProgram('unshare') as string,
    ['--net', '--mount', '--propagation', 'private', 'sh', '-c', attempt],
    { encoding: 'utf8', timeout: 5_000, env: { ...process.env, PATH: withSystemFolders(), LC_ALL: 'C' } },
  );
  if (tried.status === 0) return null;
  const why = tried.error?.message ?? tried.stderr.trim().split('\n').at(-1) ?? `exit status ${tried.status}`;
  return /permi|denied/i.test(why) ? `${why}; needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN)` : why;
}
