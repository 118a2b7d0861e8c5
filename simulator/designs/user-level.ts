/**
 * A user-level stack as mTCP (NSDI 2014): one TCP thread a core, symmetric hashing, everything of a connection on that core.
 *
 * No locks and no files. Packets and events cross in batches, so a packet touches fewer lines of the device, and come from pools
 * of the own node: nothing crosses sockets. The papers have it on one socket only.
 */

import type { Design } from './design.ts';
import { allocates, application, connection, ownPackets, transaction, writes } from './operations.ts';

/** Of the lines that a packet touches one by one, what a batch leaves. */
const batched = 0.72;

export const userLevel: Design = {
  name: 'user-level',
  about: 'a TCP stack in the process, one thread a core, packets and events in batches',
  costs: { connection: 'userLevel', transaction: 'userLevel' },
  queues: 'packet-core',
  locks: {},
  steps: {
    syn: [connection(0.2, 'tcp'), connection(0.06, 'packet'), ownPackets(2 * batched)],
    ack: [
      allocates('tcp_sock hot'),
      allocates('tcp_sock cold'),
      connection(0.2, 'tcp'),
      connection(0.03, 'packet'),
      ownPackets(batched),
    ],
    accept: [writes('tcp_sock hot', 1), connection(0.16, 'kernel')],
    receive: [
      ownPackets(batched),
      transaction(0.1, 'packet'),
      writes('tcp_sock hot', 1),
      transaction(0.25, 'tcp'),
      transaction(0.15, 'kernel'),
    ],
    serve: [
      transaction(0.25, 'kernel'),
      application,
      writes('tcp_sock hot', 1),
      transaction(0.17, 'tcp'),
      transaction(0.08, 'packet'),
      ownPackets(batched),
    ],
    finish: [
      ownPackets(batched),
      connection(0.03, 'packet'),
      connection(0.14, 'tcp'),
      writes('tcp_sock hot', 1),
    ],
    close: [
      connection(0.12, 'kernel'),
      connection(0.06, 'tcp'),
      writes('tcp_sock cold', 2),
      ownPackets(batched),
    ],
  },
};
