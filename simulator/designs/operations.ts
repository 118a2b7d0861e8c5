/** The vocabulary in which designs are written. */

import type { ObjectName } from '../objects/objects.ts';
import type { CpuClass, Operation, PolledAccesses } from './design.ts';

/** A share of what a connection costs on one core. */
export const connection = (share: number, by: CpuClass): Operation => ({
  kind: 'work',
  of: 'connection',
  share,
  by,
});

/** A share of what a transaction costs on one core. */
export const transaction = (share: number, by: CpuClass): Operation => ({
  kind: 'work',
  of: 'transaction',
  share,
  by,
});

/** The same, under the connection's own lock. */
export const transactionHeld = (share: number, by: CpuClass): Operation => ({
  kind: 'work',
  of: 'transaction',
  share,
  by,
  held: true,
});

export const application: Operation = { kind: 'work', of: 'application', share: 1, by: 'application' };

export const reads = (object: ObjectName, lines: number): Operation => ({
  kind: 'touch',
  object,
  lines,
  write: false,
});

export const writes = (object: ObjectName, lines: number): Operation => ({
  kind: 'touch',
  object,
  lines,
  write: true,
});

/** Lines of a connection that packets and process both write a request: as many as the application's machine says. */
export const movesRequestLines: readonly Operation[] = [
  { kind: 'touch', object: 'tcp_sock hot', lines: 'held', write: true, held: true },
  { kind: 'touch', object: 'sk_buff', lines: 'other', write: true },
];

export const allocates = (object: ObjectName): Operation => ({ kind: 'allocate', object });
export const packets = (count: number): Operation => ({ kind: 'packets', count, pools: 'machine' });
export const ownPackets = (count: number): Operation => ({ kind: 'packets', count, pools: 'socket' });

export const locked = (lock: string, polled: PolledAccesses, body: readonly Operation[]): Operation => ({
  kind: 'locked',
  lock,
  polled,
  body,
});
