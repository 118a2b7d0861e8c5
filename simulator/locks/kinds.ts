/** The kinds of locks, by the names that `stampede simulate lock` and machine files know. Adding one is adding a row. */

import type { LockKind } from './lock.ts';
import { mcs } from './mcs.ts';
import { mutex } from './mutex.ts';
import { spin } from './spin.ts';
import { ticket } from './ticket.ts';

export const lockKinds = {
  ticket,
  mcs,
  spin,
  /** Spins for about a hand-over, then sleeps; a wake-up as Linux' takes, about 1.5 µs at 2 to 3 GHz. */
  mutex: mutex({ spinCycles: 1_000, wakeCycles: 4_000 }),
} as const satisfies Readonly<Record<string, LockKind>>;

export type LockKindName = keyof typeof lockKinds;

export const lockKindNames = Object.keys(lockKinds) as LockKindName[];
