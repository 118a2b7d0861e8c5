/**
 * What a server design is to the model: a short program for every step of a connection's life.
 *
 * A program is data: work, lines touched, locks held, packets. `work` takes a share of what a connection, a transaction or the
 * application costs on one core alone (which the machine says); lines, locks and queues cost what the machine makes of them.
 * A design says nothing about any machine. Adding one is adding a file and a row in `table.ts`.
 */

import type { StackKind } from '../machine/machine.ts';
import type { ObjectName } from '../objects/objects.ts';

/** The life of a connection. `syn`, `ack`, `receive` and `finish` run where the packet arrives, the others where the process runs. */
export const stepNames = ['syn', 'ack', 'receive', 'finish', 'accept', 'serve', 'close'] as const;
export type StepName = (typeof stepNames)[number];

/** Who is billed: the kernel (files, wake-ups, system calls), TCP/IP, packet input and output, the application. */
export const cpuClasses = ['kernel', 'tcp', 'packet', 'application'] as const;
export type CpuClass = (typeof cpuClasses)[number];

export type Operation =
  | {
      readonly kind: 'work';
      readonly of: 'connection' | 'transaction' | 'application';
      readonly share: number;
      readonly by: CpuClass;
      /** Done under the connection's own lock, which nobody else wants. */
      readonly held?: boolean;
    }
  | {
      readonly kind: 'touch';
      readonly object: ObjectName;
      /** A number, or what the machine's application moves a request. */
      readonly lines: number | 'held' | 'other';
      readonly write: boolean;
      readonly held?: boolean;
    }
  /** From the executing core's own free list. */
  | { readonly kind: 'allocate'; readonly object: ObjectName }
  /** From the kernel's pools, which all cores share, or from pools that a stack has on each socket. */
  | { readonly kind: 'packets'; readonly count: number; readonly pools: 'machine' | 'socket' }
  /** Puts a packet into a card's transmit ring, chosen by the flow's hash, by the own core, or always the first. */
  | { readonly kind: 'transmit'; readonly by: 'hash' | 'cpu' | 'fixed' }
  /** Looks at every listener before it takes one: cycles grow with the number of workers. */
  | { readonly kind: 'scan'; readonly cyclesEach: number }
  | {
      readonly kind: 'locked';
      readonly lock: string;
      /** Accesses, while it is held, to the lines at which waiters poll. */
      readonly polled: PolledAccesses;
      readonly body: readonly Operation[];
    };

/** Threads of one process poll, count references and look up files in the same lines; processes in far fewer. */
export interface PolledAccesses {
  readonly threads: number;
  readonly processes: number;
}

export interface Design {
  readonly name: string;
  readonly about: string;
  /** Whose one-core costs a connection and a transaction have. */
  readonly costs: { readonly connection: StackKind; readonly transaction: StackKind };
  /**
   * Where connections wait to be accepted. `shared`: one queue, any worker. `hash`: one a worker, by a hash of the flow.
   * `packet-core`: one a core, where the packet arrived. `any-of-all`: one a core, but workers take from all in turn.
   * `steal`: one a core, others only when that one is overloaded.
   */
  readonly queues: 'shared' | 'hash' | 'packet-core' | 'any-of-all' | 'steal';
  /** Locks by name: one, or one a queue. */
  readonly locks: Readonly<Record<string, 'one' | 'per queue'>>;
  /** Locks at which a process may sleep; at all others it spins, as packet handlers do everywhere. */
  readonly mutexes?: readonly string[];
  /** Of a queued lock (MCS, Linux since 4.2) a waiter polls a line of its own, and disturbs nobody. Default: `ticket`. */
  readonly spinlocks?: 'ticket' | 'queued';
  /** Workers as the machine's server has them, or always so. */
  readonly workers?: 'threads' | 'processes';
  /**
   * A proxy: each request goes on to a server behind it, whose answer arrives where its flow's hash says (`hash`), or where the
   * process runs (`process-core`: the source port was chosen so).
   */
  readonly backend?: { readonly answersAt: 'hash' | 'process-core' };
  readonly steps: Readonly<Record<StepName, readonly Operation[]>>;
}
