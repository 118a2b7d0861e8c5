/**
 * A mutex whose waiters spin for a while and then sleep: fair; who sleeps pulls at no line, but has to be woken.
 *
 * So many waiters cost no more than few: under overload its throughput has a floor, one hold and one wake-up each, where a
 * ticket lock's goes on falling.
 */

import type { HandOver, LockKind } from './lock.ts';
import { ticket } from './ticket.ts';

export interface MutexOptions {
  /** How long a waiter spins before it sleeps. */
  readonly spinCycles: number;
  /** From the release until a sleeper runs: interrupt, scheduler, context switch. */
  readonly wakeCycles: number;
}

export function mutex({ spinCycles, wakeCycles }: MutexOptions): LockKind {
  return {
    next: () => 0,
    handOverCycles: (handOver: HandOver) => {
      const { from, to, line, since, waiting, nowCycles, lineCycles } = handOver;
      const isAwake = (place: number): boolean => nowCycles - since[place] < spinCycles;
      let others = 0;
      for (let place = 1; place < waiting; place++)
        if (isAwake(place)) others += lineCycles(from, line[place]);
      return lineCycles(from, to) + others / 2 + (isAwake(0) ? 0 : wakeCycles);
    },
    // Without times nobody can say who sleeps: as if a waiter with another before it did.
    evenHandOverCycles: (waiting, lineCycles) =>
      waiting <= 1 ? ticket.evenHandOverCycles(waiting, lineCycles) : lineCycles + wakeCycles,
  };
}
