/**
 * The kernel's listening sockets since Linux 4.4 and 4.6, which a live run here measures: SYN and last ACK take no lock of the
 * listener's, and only the accept queue has one; a socket's inode and dentry are in no list that all cores share.
 *
 * What the papers measured is older, so nothing here is calibrated on them: lines and lock holds are read off the kernel's
 * structures (request_sock_queue, files_struct), work is the one-core cost that a run was calibrated on.
 */

import type { Design, Operation } from './design.ts';
import { allocates, connection, locked, packets, writes } from './operations.ts';
import { exchange, goodbye } from './stock.ts';

/** Since Linux 4.2 a waiter polls a line of its own (queued spinlocks, after MCS): who holds a lock shares none with it. */
const unpolled = { threads: 0, processes: 0 } as const;

const opensFile: readonly Operation[] = [
  locked('files', unpolled, [connection(0.01, 'kernel'), writes('file layer', 2)]),
  connection(0.12, 'kernel'),
  allocates('file, inode, dentry'),
];
const closesFile: readonly Operation[] = [
  locked('files', unpolled, [connection(0.005, 'kernel'), writes('file layer', 2)]),
  connection(0.08, 'kernel'),
  writes('file, inode, dentry', 6),
];

/** @param queue the accept queue's lock and lines: of all, or of a worker. */
function stepsOf(queue: 'listener' | 'own listener'): Design['steps'] {
  return {
    syn: [connection(0.2, 'tcp'), writes('request hash bucket', 2), connection(0.02, 'packet'), packets(2)],
    ack: [
      allocates('tcp_sock hot'),
      allocates('tcp_sock cold'),
      allocates('sk_buff'),
      connection(0.18, 'tcp'),
      writes('request hash bucket', 2),
      locked(queue, unpolled, [connection(0.01, 'tcp'), writes(queue, 2)]),
      connection(0.015, 'packet'),
      connection(0.05, 'kernel'),
      packets(1),
    ],
    accept: [
      locked(queue, unpolled, [connection(0.02, 'kernel'), writes(queue, 2)]),
      connection(0.08, 'kernel'),
      writes('tcp_sock cold', 6),
      writes('tcp_sock hot', 4),
      ...opensFile,
      connection(0.04, 'kernel'),
      allocates('epoll item'),
    ],
    ...exchange,
    ...goodbye(closesFile),
  };
}

export const stockRecent: Design = {
  name: 'stock-recent',
  about: 'one listening socket for all workers, since Linux 4.4: only its accept queue has a lock',
  costs: { connection: 'kernel', transaction: 'kernel' },
  spinlocks: 'queued',
  queues: 'shared',
  locks: { listener: 'one', files: 'one' },
  steps: stepsOf('listener'),
};

export const reuseportRecent: Design = {
  name: 'reuseport-recent',
  about: 'a listening socket a worker, chosen by hash, since Linux 4.6',
  costs: { connection: 'reuseport', transaction: 'reuseport' },
  spinlocks: 'queued',
  queues: 'hash',
  locks: { 'own listener': 'per queue', files: 'one' },
  steps: stepsOf('own listener'),
};

/** Workers that are processes, as nginx has: each has a table of files to itself. */
export const stockRecentProcesses: Design = {
  ...stockRecent,
  name: 'stock-recent-processes',
  about: 'one listening socket for all workers, each a process; since Linux 4.4',
  workers: 'processes',
};

export const reuseportRecentProcesses: Design = {
  ...reuseportRecent,
  name: 'reuseport-recent-processes',
  about: 'a listening socket a worker, each a process; since Linux 4.6',
  workers: 'processes',
  locks: { 'own listener': 'per queue', files: 'per queue' },
};
