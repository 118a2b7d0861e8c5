/** What the kernel keeps for each thread apart: the cores it may run on, its network namespace, its parent's death. */

import { closeSync, openSync } from 'node:fs';
import { checked, libc } from './libc.ts';

const sched_setaffinity = libc.func('int sched_setaffinity(int pid, size_t length, void *mask)');
const sched_getaffinity = libc.func('int sched_getaffinity(int pid, size_t length, void *mask)');
const setns = libc.func('int setns(int fd, int kind)');
const unshare = libc.func('int unshare(int kinds)');
const prctl = libc.func(
  'int prctl(int option, unsigned long argument, unsigned long, unsigned long, unsigned long)',
);

const CLONE_NEWNET = 0x4000_0000;
const PR_SET_PDEATHSIG = 1;
const PR_SET_TIMERSLACK = 29;

/** Words of a set of cores: 1024 of them, as the kernel's own default. */
const maskWords = 32;

/**
 * Keeps the calling thread, and processes that it starts later, on one core or a few, counted from 0.
 * @throws {SystemCallError} EINVAL: there are no such cores.
 */
export function pinThread(...cores: readonly number[]): void {
  setAffinity(`Cannot pin a thread to core ${cores.join(', ')}`, maskOf(cores));
}

/**
 * Does `work`, which must not wait, while the calling thread may run on `cores` only: a process that it starts meanwhile
 * stays on them, with every thread of its own. @throws {SystemCallError} EINVAL: there are no such cores.
 */
export function onCores<Result>(cores: readonly number[], work: () => Result): Result {
  const before = new Uint32Array(maskWords);
  checked('Cannot read the cores of a thread', sched_getaffinity(0, before.byteLength, before));
  setAffinity(`Cannot keep a thread on cores ${cores.join(', ')}`, maskOf(cores));
  try {
    return work();
  } finally {
    setAffinity('Cannot give a thread its cores back', before);
  }
}

function maskOf(cores: readonly number[]): Uint32Array {
  const mask = new Uint32Array(maskWords);
  for (const core of cores) mask[core >>> 5] |= 1 << (core & 31);
  return mask;
}

function setAffinity(action: string, mask: Uint32Array): void {
  checked(action, sched_setaffinity(0, mask.byteLength, mask));
}

/** Moves the calling thread, and those it starts later, into a network namespace. @throws {SystemCallError} */
export function enterNetworkNamespace(path: string): void {
  const fd = openSync(path, 'r');
  try {
    checked(`Cannot enter the network namespace "${path}"`, setns(fd, CLONE_NEWNET));
  } finally {
    closeSync(fd);
  }
}

/**
 * Does `work`, which must not wait, with the calling thread in a network namespace of its own, and comes back. The
 * namespace goes when nothing is left open in it. @throws {SystemCallError} EPERM: needs CAP_SYS_ADMIN.
 */
export function inNewNetworkNamespace<Result>(work: () => Result): Result {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    checked('Cannot make a network namespace', unshare(CLONE_NEWNET));
    try {
      return work();
    } finally {
      checked('Cannot come back from a network namespace', setns(home, CLONE_NEWNET));
    }
  } finally {
    closeSync(home);
  }
}

/** The kernel sends this process `signal` when the thread that started it ends: no orphans, even after SIGKILL. */
export function dieWithParent(signal: number): void {
  checked('Cannot ask for a signal when the parent ends', prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0));
}

/** How late the kernel may end a timed wait of the calling thread; 50,000 ns unless told otherwise. */
export function setTimerSlack(slackNs: number): void {
  checked('Cannot set the timer slack of a thread', prctl(PR_SET_TIMERSLACK, slackNs, 0, 0, 0));
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

const usleep = libc.func('int usleep(uint32_t microseconds)');

/** Blocks the calling thread, as precisely as its timer slack lets it. One system call. @param durationUs whole, under a second. */
export function pauseUs(durationUs: number): void {
  usleep(durationUs);
}

/** Blocks the calling thread: for set-up code that waits for the kernel, never for hot paths. */
export function sleepMs(durationMs: number): void {
  Atomics.wait(nothing, 0, 0, durationMs);
}
