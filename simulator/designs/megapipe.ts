/**
 * MegaPipe (OSDI 2012): partitioned listening sockets, system calls in batches, sockets that are no files; and the first two
 * steps of its Table 3, so that each can be seen for itself.
 */

import type { Design } from './design.ts';
import { partitionedSteps } from './partitioned.ts';
import { closesFile, opensFile } from './stock.ts';

export const megapipeP: Design = {
  name: 'megapipe-p',
  about: 'partitioned listening sockets only: a connection stays on the core where its packets arrive',
  costs: { connection: 'kernel', transaction: 'kernel' },
  queues: 'packet-core',
  locks: { 'own listener': 'per queue', files: 'one' },
  mutexes: ['own listener'],
  steps: partitionedSteps({ opens: opensFile, closes: closesFile }),
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
  mutexes: ['own listener'],
  steps: partitionedSteps({ opens: [], closes: [] }),
};
