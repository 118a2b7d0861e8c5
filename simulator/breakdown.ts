/** Of a run: cache misses and lock waits a connection, by object and by lock. Sums of what the engine counted, no more. */

import { causeCount } from './coherence/directory.ts';
import type { Run } from './engine/run.ts';
import { objectNames } from './objects/objects.ts';

export interface ObjectFigures {
  /** Of `objects/objects.ts`, or a lock's name. */
  readonly object: string;
  readonly missesPerConnection: number;
  /** Cycles that cores spun for the lock of that name; 0 for what has none. */
  readonly lockWaitCyclesPerConnection: number;
}

/** Of every object that was missed or waited for. */
export function breakdownOf({ engine, program, connections }: Run): ObjectFigures[] {
  const figures = new Map<string, { misses: number; waited: number }>();
  const of = (object: string): { misses: number; waited: number } => {
    const known = figures.get(object) ?? { misses: 0, waited: 0 };
    figures.set(object, known);
    return known;
  };
  for (const [kind, name] of objectNames.entries())
    for (let cause = 0; cause < causeCount; cause++)
      of(name).misses += engine.directory.misses[kind * causeCount + cause];
  const { waited } = engine.accounts;
  for (let pc = 0; pc < waited.length; pc++)
    if (waited[pc] > 0) of(program.lockNames[program.lock[pc]]).waited += waited[pc];
  return [...figures]
    .filter(([, { misses, waited: cycles }]) => misses > 0 || cycles > 0)
    .map(([object, { misses, waited: cycles }]) => ({
      object,
      missesPerConnection: misses / connections,
      lockWaitCyclesPerConnection: cycles / connections,
    }));
}
