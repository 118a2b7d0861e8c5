/**
 * Ticket lock: fair, and all waiters spin on one line. A release takes it from all of them; they fetch it again one by
 * one, and the next holder is on average in the middle of them.
 *
 * (Boyd-Wickizer, Kaashoek, Morris and Zeldovich, "Non-scalable locks are dangerous", OLS 2012, section 3: c/2 a waiter.)
 */

import type { HandOver, LockKind } from './lock.ts';

export const ticket: LockKind = {
  next: () => 0,
  handOverCycles: ({ from, to, line, waiting, lineCycles }: HandOver) => {
    let others = 0;
    for (let place = 0; place < waiting; place++)
      if (line[place] !== to) others += lineCycles(from, line[place]);
    return lineCycles(from, to) + others / 2;
  },
  evenHandOverCycles: (waiting, lineCycles) => ((waiting + 1) * lineCycles) / 2,
};
