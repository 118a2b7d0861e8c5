/**
 * Counters, one a core, in the same cache lines or each in lines of its own: what false sharing costs.
 *
 * Cores take turns to add to their own counter; nothing else happens. It knows no design.
 */

import { Directory } from './coherence/directory.ts';
import { Distance } from './machine/distance.ts';
import type { Machine } from './machine/machine.ts';
import { objectNames, objects } from './objects/objects.ts';

export interface CounterStudy {
  /** Additions a second of all cores together. */
  readonly padded: number;
  readonly unpadded: number;
}

const additionsEach = 10_000;

export function studyCounters(machine: Machine, cores: number): CounterStudy {
  return {
    padded: additionsPerSecond(machine, cores, 'padded counters'),
    unpadded: additionsPerSecond(machine, cores, 'unpadded counters'),
  };
}

function additionsPerSecond(
  machine: Machine,
  cores: number,
  name: 'padded counters' | 'unpadded counters',
): number {
  const kind = objectNames.indexOf(name);
  const kinds = objectNames.map((each) => ({
    instances: objects[each].scope === 'machine' ? 1 : cores,
    falseSharing: 'falseSharing' in objects[each],
  }));
  const directory = new Directory(machine, new Distance(machine, cores), kinds);
  // An addition that hits costs a load, an addition and a store.
  const hit = 2 * machine.latencyCycles.l1;
  const spent = new Float64Array(cores);
  for (let turn = 0; turn < additionsEach; turn++)
    for (let core = 0; core < cores; core++) {
      const instance = name === 'padded counters' ? core : 0;
      spent[core] += hit + directory.access(core, kind, instance, 1, true, 0);
    }
  const slowest = spent.reduce((most, each) => Math.max(most, each), 0);
  return (cores * additionsEach * machine.clockGHz * 1e9) / slowest;
}
