/** Makes one system call fail with EPERM for this process and all its threads, as the seccomp profiles of containers do. */

import { checked, libc } from '../../linux/libc.ts';
import { allocate } from '../../linux/memory.ts';

const prctl = libc.func(
  'int prctl(int option, unsigned long argument, unsigned long, unsigned long, unsigned long)',
);
const seccomp = libc.func('syscall', 'long', ['long', 'uint32', 'uint32', 'void *']);

const PR_SET_NO_NEW_PRIVS = 38;
const SYS_seccomp = process.arch === 'x64' ? 317 : 277;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const EPERM = 1;

/** @param number of the call; those as new as io_uring have the same one on every architecture. */
export function denySystemCall(number: number): void {
  // Load the number of the call; equal: return an errno; else: allow.
  const program = Uint8Array.from(
    [
      [0x20, 0, 0, 0],
      [0x15, 0, 1, number],
      [0x06, 0, 0, 0x0005_0000 | EPERM],
      [0x06, 0, 0, 0x7fff_0000],
    ].flatMap(([code, jumpTrue, jumpFalse, k]) => [
      ...new Uint8Array(Uint16Array.of(code).buffer),
      jumpTrue,
      jumpFalse,
      ...new Uint8Array(Uint32Array.of(k).buffer),
    ]),
  );
  const memory = allocate(64);
  new Uint8Array(memory.buffer).set(program);
  const header = new BigUint64Array([4n, memory.address]);
  checked('Cannot give up new privileges', prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  checked(
    'Cannot filter system calls',
    seccomp(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, header),
  );
}
