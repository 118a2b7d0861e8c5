/**
 * MCS lock: fair, and each waiter spins on a line of its own, which the holder before it writes. A hand-over moves one line
 * however many wait. (Mellor-Crummey and Scott, 1991.)
 */

import type { HandOver, LockKind } from './lock.ts';

export const mcs: LockKind = {
  next: () => 0,
  handOverCycles: ({ from, to, lineCycles }: HandOver) => lineCycles(from, to),
  evenHandOverCycles: (_waiting, lineCycles) => lineCycles,
};
