/**
 * Test-and-set lock: waiters try to take the one line for writing all the time, and whoever comes first has it.
 *
 * The release itself has to come through their attempts, on average half of them; then one attempt succeeds. Which one is
 * chance: it is not fair.
 */

import type { HandOver, LockKind } from './lock.ts';

export const spin: LockKind = {
  next: (waiting, chance) => Math.floor(chance() * waiting),
  handOverCycles: ({ from, to, line, waiting, lineCycles }: HandOver) => {
    let all = 0;
    for (let place = 0; place < waiting; place++) all += lineCycles(from, line[place]);
    return all / 2 + lineCycles(from, to);
  },
  evenHandOverCycles: (waiting, lineCycles) =>
    waiting === 0 ? lineCycles / 2 : (waiting / 2 + 1) * lineCycles,
};
