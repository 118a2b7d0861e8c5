/** Where a card interrupts, and whether that core hands packets on: a machine as another operator would have set it up. */

import { SimulationInputError } from '../input-error.ts';
import type { Machine } from './machine.ts';

/** `spread`: each core has a queue of the card. `one-core`: the first core takes all packets. */
export const interruptNames = ['spread', 'one-core'] as const;

export interface Placement {
  readonly interrupts?: (typeof interruptNames)[number];
  /** Receive packet steering: the interrupted core hands each packet on to the core of its flow's hash. */
  readonly rps?: boolean;
}

/** @throws {SimulationInputError} packets are to be handed on that already are where they belong. */
export function placed(machine: Machine, { interrupts, rps }: Placement): Machine {
  const nic = {
    ...machine.nic,
    ...(interrupts === undefined ? {} : { interrupts }),
    ...(rps === undefined ? {} : { rps }),
  };
  if (nic.rps === true && nic.interrupts !== 'one-core')
    throw new SimulationInputError(
      `Cannot hand packets on (rps) with interrupts ${nic.interrupts ?? 'spread'}: each core takes its own; wanted interrupts one-core`,
    );
  return { ...machine, nic };
}
