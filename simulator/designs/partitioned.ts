/**
 * Designs that give each core a queue of connections of its own, with the kernel's sockets: their common steps.
 *
 * What differs is who takes from which queue, whether sockets are files, and what the queue's choice costs.
 */

import type { Design, Operation } from './design.ts';
import { allocates, connection, locked, packets, writes } from './operations.ts';
import { exchange, goodbye } from './stock.ts';

/** Nobody polls at the lock of a queue that has one core. */
const unpolled = { threads: 0, processes: 0 } as const;

export interface Parts {
  /** Before a SYN reaches its listener. */
  readonly chooses?: readonly Operation[];
  /** When a connection becomes a file, and when it stops being one. */
  readonly opens: readonly Operation[];
  readonly closes: readonly Operation[];
  /** In place of the kernel's exchange of request and response. */
  readonly exchange?: Pick<Design['steps'], 'receive' | 'serve'>;
}

export const partitionedSteps = ({
  chooses = [],
  opens,
  closes,
  exchange: own = exchange,
}: Parts): Design['steps'] => ({
  syn: [
    ...chooses,
    locked('own listener', unpolled, [connection(0.145, 'tcp'), writes('own listener', 14)]),
    writes('request hash bucket', 2),
    connection(0.02, 'packet'),
    connection(0.055, 'tcp'),
    packets(2),
  ],
  ack: [
    allocates('tcp_sock hot'),
    allocates('tcp_sock cold'),
    allocates('sk_buff'),
    locked('own listener', unpolled, [connection(0.13, 'tcp'), writes('own listener', 14)]),
    writes('request hash bucket', 2),
    connection(0.015, 'packet'),
    connection(0.05, 'tcp'),
    connection(0.05, 'kernel'),
    packets(1),
  ],
  accept: [
    locked('own listener', unpolled, [connection(0.09, 'kernel'), writes('own listener', 14)]),
    writes('tcp_sock cold', 6),
    writes('tcp_sock hot', 4),
    ...opens,
    connection(0.06, 'kernel'),
  ],
  ...own,
  ...goodbye(closes),
});
