/**
 * Affinity-Accept (EuroSys 2012) and the step before it: a queue a core behind one socket, each with a lock of its own.
 *
 * `fine` takes from all queues in turn, so a connection's packets and its process meet on one core only by chance;
 * `affinity-accept` takes from its own core's queue, and from others only when those are overloaded. Every process has its own
 * table of files; the lists of inodes and dentries stay shared.
 */

import type { Design } from './design.ts';
import { partitionedSteps } from './partitioned.ts';
import { closesFile, opensFile } from './stock.ts';

export const fine: Design = {
  name: 'fine',
  about: 'one socket, a queue and a lock a core; workers take from all queues in turn',
  costs: { connection: 'kernel', transaction: 'kernel' },
  queues: 'any-of-all',
  locks: { 'own listener': 'per queue', files: 'one' },
  mutexes: ['own listener'],
  steps: partitionedSteps({ opens: opensFile, closes: closesFile }),
};

export const affinityAccept: Design = {
  ...fine,
  name: 'affinity-accept',
  about:
    "one socket, a queue and a lock a core; workers take from their own core's, and steal from overloaded ones",
  queues: 'steal',
};
