/**
 * Fastsocket (ASPLOS 2016): a listen table and an established table a core, and sockets that skip the file system's layer.
 *
 * A connection's packets and its process are on one core; nothing of the path is shared but the device's and allocator's lines.
 */

import type { Design } from './design.ts';
import { partitionedSteps } from './partitioned.ts';

export const fastsocket: Design = {
  name: 'fastsocket',
  about: 'local listen and established tables, no file-system layer',
  costs: { connection: 'fastsocket', transaction: 'fastsocket' },
  queues: 'packet-core',
  locks: { 'own listener': 'per queue' },
  mutexes: ['own listener'],
  steps: partitionedSteps({ opens: [], closes: [] }),
};
