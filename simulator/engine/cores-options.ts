/** What the cores of a run are made of, and what they need to know of its connections. */

import type { Directory } from '../coherence/directory.ts';
import type { Design } from '../designs/design.ts';
import type { EventQueue } from '../event-queue.ts';
import type { Machine } from '../machine/machine.ts';
import type { RandomStream } from '../random.ts';
import type { Accounts } from './accounts.ts';
import type { LockBank } from './lock-bank.ts';
import type { Program } from './program.ts';

/** What cores need to know of connections. */
export interface Slots {
  readonly queueOf: Int32Array;
  readonly packetStep: Uint8Array;
  readonly appStep: Uint8Array;
  /** Where a connection's packets are processed. */
  readonly flowCore: Int32Array;
}

export interface CoresOptions {
  readonly machine: Machine;
  readonly design: Design;
  readonly program: Program;
  readonly cores: number;
  readonly queues: number;
  readonly clients: number;
  readonly backlog: number;
  readonly slots: Slots;
  readonly events: EventQueue;
  readonly chance: RandomStream;
  /** How long the application takes. */
  readonly serviceChance: RandomStream;
  readonly accounts: Accounts;
  readonly directory: Directory;
  readonly locks: LockBank;
  /** By core. */
  readonly socketOf: Int32Array;
  /** By core; the locks look at it too. */
  readonly running: Int32Array;
  /** A step is over. */
  readonly onStep: (core: number, slot: number, step: number) => void;
}
