/** The facts about this machine that the plan of one scenario rests on: what is asked of a program, only if it is to run here. */

import { askK6 } from '../../control/k6-program.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import { type Machine, readMachine } from './machine.ts';

/** `k6 version` takes a while, and agents of a cluster have a k6 of their own. */
export async function readMachineFor(scenario: Pick<Scenario, 'factors' | 'lab'>): Promise<Machine> {
  const machine = readMachine();
  if (!scenario.factors.engine.includes('k6') || scenario.lab === 'cluster') return machine;
  return { ...machine, k6Missing: (await askK6()).missing };
}
