/**
 * MegaPipe (OSDI 2012): partitioned listening sockets, system calls in batches, sockets that are no files; and the first two
 * steps of its Table 3, so that each can be seen for itself.
 */

import type { Design, Operation } from './design.ts';
import { allocates, connection, locked, packets, writes } from './operations.ts';
import { closesFile, exchange, opensFile } from './stock.ts';

const own = { threads: 0, processes: 0 } as const;

const partitioned = (opens: readonly Operation[], closes: readonly Operation[]): Design['steps'] => ({
  syn: [
    locked('own listener', own, [connection(0.09, 'tcp'), writes('own listener', 4)]),
    writes('request hash bucket', 2),
    connection(0.03, 'packet'),
    connection(0.1, 'tcp'),
    packets(2),
  ],
  ack: [
    allocates('tcp_sock hot'),
    allocates('tcp_sock cold'),
    allocates('sk_buff'),
    locked('own listener', own, [connection(0.08, 'tcp'), writes('own listener', 4)]),
    writes('request hash bucket', 2),
    connection(0.015, 'packet'),
    connection(0.08, 'tcp'),
    connection(0.06, 'kernel'),
    packets(1),
  ],
  accept: [
    locked('own listener', own, [connection(0.05, 'kernel'), writes('own listener', 4)]),
    writes('tcp_sock cold', 6),
    writes('tcp_sock hot', 4),
    ...opens,
    connection(0.08, 'kernel'),
  ],
  ...exchange,
  finish: [packets(1), connection(0.015, 'packet'), connection(0.06, 'tcp'), writes('tcp_sock hot', 4)],
  close: [
    ...closes,
    connection(0.06, 'tcp'),
    writes('tcp_sock hot', 4),
    writes('tcp_sock cold', 6),
    packets(1),
  ],
});

export const megapipeP: Design = {
  name: 'megapipe-p',
  about: 'partitioned listening sockets only: a connection stays on the core where its packets arrive',
  costs: { connection: 'kernel', transaction: 'kernel' },
  queues: 'packet-core',
  locks: { 'own listener': 'per queue', files: 'one' },
  steps: partitioned([...opensFile, allocates('epoll item')], closesFile),
};

export const megapipePb: Design = {
  ...megapipeP,
  name: 'megapipe-pb',
  about: 'partitioned, and system calls in batches',
  costs: { connection: 'kernel', transaction: 'megapipe' },
};

export const megapipe: Design = {
  ...megapipeP,
  name: 'megapipe',
  about: 'partitioned, batched, and sockets that are no files (lwsocket)',
  costs: { connection: 'megapipe', transaction: 'megapipe' },
  locks: { 'own listener': 'per queue' },
  steps: partitioned([], []),
};
