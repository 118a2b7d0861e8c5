/**
 * One listening socket for all: every SYN, every last ACK of a handshake and every accept holds its lock, wherever they run.
 *
 * Shares are of the one-core cost. Lines under the locks and `polled` are calibrated on Table 3 of MegaPipe at 1 transaction, and
 * hold for all machines; of processes, which share far less than threads, `polled` was chosen looking at Fastsocket's base kernel
 * and SO_REUSEPORT at 24 cores.
 */

import type { Design, Operation, StepName } from './design.ts';
import {
  allocates,
  application,
  connection,
  locked,
  movesRequestLines,
  packets,
  reads,
  transaction,
  transactionHeld,
  writes,
} from './operations.ts';

export const listenPolled = { threads: 30, processes: 0 } as const;
export const filePolled = { threads: 15.7, processes: 1 } as const;

/** What the table of files, dentries and inodes cost when a socket becomes a file, and when it stops being one. */
export const opensFile: readonly Operation[] = [
  locked('files', filePolled, [connection(0.006, 'kernel'), writes('file layer', 16.6)]),
  connection(0.174, 'kernel'),
  allocates('file, inode, dentry'),
];
export const closesFile: readonly Operation[] = [
  locked('files', filePolled, [connection(0.006, 'kernel'), writes('file layer', 16.6)]),
  connection(0.094, 'kernel'),
  writes('file, inode, dentry', 6),
];

/** Packets of a request and the process that answers: the same in all designs that keep the kernel's sockets. */
export const exchange: Pick<Readonly<Record<StepName, readonly Operation[]>>, 'receive' | 'serve'> = {
  receive: [
    packets(1),
    transaction(0.06, 'packet'),
    reads('established hash', 1),
    transaction(0.14, 'tcp'),
    transactionHeld(0.1, 'tcp'),
    ...movesRequestLines,
    transaction(0.1, 'kernel'),
  ],
  serve: [
    transaction(0.33, 'kernel'),
    ...movesRequestLines,
    transactionHeld(0.1, 'tcp'),
    application,
    transaction(0.12, 'tcp'),
    transaction(0.05, 'packet'),
    packets(1),
  ],
};

/** The last packets of a connection, and the process that closes it. @param closes what becomes of its file. */
export const goodbye = (closes: readonly Operation[]): Pick<Design['steps'], 'finish' | 'close'> => ({
  finish: [packets(1), connection(0.015, 'packet'), connection(0.06, 'tcp'), writes('tcp_sock hot', 4)],
  close: [
    ...closes,
    connection(0.06, 'tcp'),
    writes('tcp_sock hot', 4),
    writes('tcp_sock cold', 6),
    packets(1),
  ],
});

export const stock: Design = {
  name: 'stock',
  about: 'one listening socket, one accept queue, one lock; any worker accepts',
  costs: { connection: 'kernel', transaction: 'kernel' },
  queues: 'shared',
  locks: { listener: 'one', files: 'one' },
  mutexes: ['listener'],
  steps: {
    syn: [
      locked('listener', listenPolled, [
        connection(0.145, 'tcp'),
        writes('listener', 14),
        writes('request hash', 2),
      ]),
      connection(0.02, 'packet'),
      connection(0.055, 'tcp'),
      packets(2),
    ],
    ack: [
      allocates('tcp_sock hot'),
      allocates('tcp_sock cold'),
      allocates('sk_buff'),
      locked('listener', listenPolled, [
        connection(0.13, 'tcp'),
        writes('listener', 14),
        writes('request hash', 2),
      ]),
      connection(0.015, 'packet'),
      connection(0.05, 'tcp'),
      connection(0.05, 'kernel'),
      packets(1),
    ],
    accept: [
      locked('listener', listenPolled, [connection(0.09, 'kernel'), writes('listener', 14)]),
      writes('tcp_sock cold', 6),
      writes('tcp_sock hot', 4),
      ...opensFile,
      connection(0.06, 'kernel'),
      allocates('epoll item'),
    ],
    ...exchange,
    ...goodbye(closesFile),
  },
};
