/** Of a run, for those who compare designs object by object: cache misses and lock waits a connection, all causes together. */

import { lockTimes, objectMisses } from './breakdown.ts';
import type { Run } from './engine/run.ts';

export interface ObjectFigures {
  /** Of `objects/objects.ts`, or a lock's name: an object that has a lock of its name is one row. */
  readonly object: string;
  readonly missesPerConnection: number;
  /** Spinning, hand-over, and what pollers do to the holder; 0 for what has no lock. */
  readonly lockWaitCyclesPerConnection: number;
}

/** Of every object that was missed or waited for. */
export function objectFigures(run: Run): ObjectFigures[] {
  const figures = new Map<string, { misses: number; waited: number }>();
  const of = (object: string): { misses: number; waited: number } => {
    const known = figures.get(object) ?? { misses: 0, waited: 0 };
    figures.set(object, known);
    return known;
  };
  for (const { object, perConnection } of objectMisses(run)) of(object).misses += perConnection;
  for (const { lock, waitCyclesPerConnection } of lockTimes(run))
    if (waitCyclesPerConnection > 0) of(lock).waited += waitCyclesPerConnection;
  return [...figures].map(([object, { misses, waited }]) => ({
    object,
    missesPerConnection: misses,
    lockWaitCyclesPerConnection: waited,
  }));
}
