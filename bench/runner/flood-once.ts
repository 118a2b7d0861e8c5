/** One load thread, from start to result, against a server of the bench. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadOrder, ThreadResult } from '../../agent/load.ts';
import { startLoadThread } from '../../agent/load-thread.ts';

/** A closed loop of small echoes on core 0, but for what `changes` say. */
export function benchOrder(changes: Partial<LoadOrder>): LoadOrder {
  return {
    engine: 'socket',
    cores: [0],
    namespace: null,
    target: { addresses: ['127.0.0.1'], port: 0 },
    sourceAddresses: [],
    application: 'echo',
    messages: 1,
    requestBytes: 64,
    responseBytes: 64,
    close: 'client-rst',
    load: { kind: 'closed', concurrency: 64 },
    warmUpSeconds: 0,
    measuredSeconds: 1,
    connectTimeoutMs: 3000,
    responseTimeoutMs: 3000,
    backend: 'auto',
    thresholds: [],
    ...changes,
  };
}

export interface Flooded {
  readonly backend: string;
  readonly result: ThreadResult;
}

/** @param everySecond called while it lasts. */
export async function floodOnce(order: LoadOrder, everySecond: () => void = () => {}): Promise<Flooded> {
  const lease = leaseOf(order.warmUpSeconds + order.measuredSeconds + 30);
  const thread = await startLoadThread(order, lease);
  thread.start(process.hrtime.bigint());
  let isOver = false;
  const result = thread.result.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await Promise.race([sleep(1000), result]);
    everySecond();
  }
  return { backend: thread.backend, result: await result };
}

export function leaseOf(seconds: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(8);
  new BigInt64Array(memory)[0] = process.hrtime.bigint() + BigInt(Math.ceil(seconds * 1e9));
  return memory;
}

/** Everything that went wrong, in words; empty: nothing did. */
export function failuresOf({ counts }: ThreadResult): string {
  return Object.entries(counts.failed)
    .filter(([, count]) => count > 0)
    .map(([cause, count]) => `${count} ${cause}`)
    .join(', ');
}
