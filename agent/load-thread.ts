/**
 * A load thread, from both sides. In the agent, `startLoadThread` makes one and tells it things through shared words; in
 * the worker, this same file pins the thread, enters the namespace, prepares the engine, floods, and posts one result.
 */

import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { enterNetworkNamespace, pinThread, setTimerSlack } from '../linux/thread.ts';
import { collectorFlags, compilerFlags } from '../net/engine-flags.ts';
import { badInput, ExitStatus, Failure, messageOf } from '../protocol/failure.ts';
import { prepareFlood } from './engines/engines.ts';
import type { PreparedFlood } from './engines/prepared-flood.ts';
import type { LoadOrder, LoadThread, ThreadResult } from './load.ts';
import { Lease, LoadControl } from './load-control.ts';

interface ThreadData {
  readonly kind: 'stampede load thread';
  readonly order: LoadOrder;
  readonly control: SharedArrayBuffer;
  readonly lease: SharedArrayBuffer;
}

type ThreadMessage =
  | { readonly kind: 'prepared'; readonly backend: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly isBadInput: boolean }
  | { readonly kind: 'result'; readonly result: ThreadResult };

/**
 * Starts a pinned thread for one order.
 *
 * @param lease 8 bytes, written by another thread: the nanosecond of CLOCK_MONOTONIC after which no load may be made.
 * @returns once everything that can be refused is there, and before the first connection.
 * @throws {Error} naming what was refused: core, namespace, ring, memory, address; a Failure where trying again cannot help.
 */
export function startLoadThread(order: LoadOrder, lease: SharedArrayBuffer): Promise<LoadThread> {
  const control = new LoadControl();
  const data: ThreadData = { kind: 'stampede load thread', order, control: control.memory, lease };
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
  let stopReason: string | null = null;
  const messages = outcome(worker, () => stopReason);
  // Whoever only waits for the start still hears of its failure: without this it would also be an unhandled one.
  messages.result.catch(() => {});
  return messages.prepared.then((backend) => ({
    backend,
    start: (startAtMonotonicNs) => {
      control.start(startAtMonotonicNs);
    },
    stop: (reason) => {
      stopReason ??= reason;
      control.stop();
    },
    counts: () => control.counts(),
    result: messages.result,
  }));
}

function outcome(
  worker: Worker,
  stopReason: () => string | null,
): { prepared: Promise<string>; result: Promise<ThreadResult> } {
  let ready!: (backend: string) => void;
  let done!: (result: ThreadResult) => void;
  let fail!: (error: Error) => void;
  const prepared = new Promise<string>((resolve, reject) => {
    ready = resolve;
    fail = reject;
  });
  const result = new Promise<ThreadResult>((resolve, reject) => {
    const failPrepared = fail;
    done = resolve;
    fail = (error) => {
      failPrepared(error);
      reject(error);
    };
  });
  worker.on('message', (message: ThreadMessage) => {
    switch (message.kind) {
      case 'prepared':
        ready(message.backend);
        break;
      case 'refused':
        fail(message.isBadInput ? badInput(message.reason) : new Error(message.reason));
        break;
      case 'result': {
        const { stoppedEarly } = message.result;
        done({ ...message.result, stoppedEarly: stoppedEarly && (stopReason() ?? stoppedEarly) });
        break;
      }
    }
  });
  worker.on('error', (thrown) => {
    fail(new Error(`A load thread died: ${messageOf(thrown)}`, { cause: thrown }));
  });
  worker.on('exit', (status) => {
    fail(new Error(`A load thread ended without a result: status ${status}`));
  });
  return { prepared, result };
}

async function runThread({ order, control: memory, lease }: ThreadData): Promise<void> {
  const post = (message: ThreadMessage): void => parentPort?.postMessage(message);
  const control = new LoadControl(memory);
  let flood: PreparedFlood;
  try {
    // They are the process's: set for every engine, so that no trial depends on which one came before it.
    for (const flag of [...compilerFlags, ...collectorFlags]) setFlagsFromString(flag);
    pinThread(...order.cores);
    setTimerSlack(1);
    if (order.namespace !== null) enterNetworkNamespace(order.namespace);
    flood = await prepareFlood(order, control, new Lease(lease));
  } catch (thrown) {
    const isBadInput = thrown instanceof Failure && thrown.exitStatus === ExitStatus.badInput;
    post({ kind: 'refused', reason: messageOf(thrown), isBadInput });
    return;
  }
  post({ kind: 'prepared', backend: flood.backend });
  post({ kind: 'result', result: await flood.run() });
}

if (!isMainThread && (workerData as Partial<ThreadData> | null)?.kind === 'stampede load thread')
  await runThread(workerData as ThreadData);
