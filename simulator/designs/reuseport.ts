/**
 * SO_REUSEPORT: a listening socket a worker, chosen by the flow's hash, which is not the core where its packets arrive.
 *
 * Before Linux 4.6 a SYN looks at all listeners of its port before it takes one; since then it takes one from an array. As threads
 * the workers share one table of files, as processes they do not.
 */

import type { Design, Operation } from './design.ts';
import { partitionedSteps } from './partitioned.ts';
import { closesFile, opensFile } from './stock.ts';

/** A look at a listener on the way: its hash chain's next, its port, its score. */
const looksAtAll: Operation = { kind: 'scan', cyclesEach: 40 };

export const reuseport: Design = {
  name: 'reuseport',
  about:
    'a listening socket a worker, workers as the machine has them; before Linux 4.6, which looks at every listener',
  costs: { connection: 'reuseport', transaction: 'reuseport' },
  queues: 'hash',
  locks: { 'own listener': 'per queue', files: 'one' },
  mutexes: ['own listener'],
  steps: partitionedSteps({ chooses: [looksAtAll], opens: opensFile, closes: closesFile }),
};

export const reuseportProcesses: Design = {
  ...reuseport,
  name: 'reuseport-processes',
  about: 'a listening socket a worker, each worker a process with its own table of files',
  workers: 'processes',
};

export const reuseportSince46: Design = {
  ...reuseport,
  name: 'reuseport-4.6',
  about: 'a listening socket a worker; since Linux 4.6, which takes the listener from an array',
  steps: partitionedSteps({ opens: opensFile, closes: closesFile }),
};
