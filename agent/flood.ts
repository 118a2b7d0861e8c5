/** The load threads of one share, as one: prepared together, started together, stopped together. */

import type { LoadCounts } from '../protocol/messages.ts';
import type { LoadOrder, LoadThread, ThreadResult } from './load.ts';
import { startLoadThread } from './load-thread.ts';
import { addCounts, noCounts } from './merge.ts';

/** Thirty times what a load thread needs to close everything. */
const stopMs = 3_000;
/** A share of nothing (more agents than connections) has no threads. */
const noBackend = 'none: this share has no connections';

export class ShareFlood {
  readonly #threads: readonly LoadThread[];

  private constructor(threads: readonly LoadThread[]) {
    this.#threads = threads;
  }

  /** @throws when a thread could not be prepared; those that could have ended by then. */
  static async prepare(orders: readonly LoadOrder[], lease: SharedArrayBuffer): Promise<ShareFlood> {
    const prepared = await Promise.allSettled(orders.map((order) => startLoadThread(order, lease)));
    const threads = prepared.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const flood = new ShareFlood(threads);
    const failed = prepared.find((one) => one.status === 'rejected');
    if (failed === undefined) return flood;
    await flood.stop('another load thread could not be prepared');
    throw failed.reason;
  }

  /** What makes the load, e.g. "io_uring"; all of them when threads differ. */
  get backend(): string {
    const backends = [...new Set(this.#threads.map(({ backend }) => backend))];
    return (backends.length === 0 ? noBackend : backends.join(' and ')).slice(0, 300);
  }

  start(startAtNs: bigint): void {
    for (const thread of this.#threads) thread.start(startAtNs);
  }

  /** @returns whether every thread has ended, however it did, within 3 s. */
  async stop(reason: string): Promise<boolean> {
    for (const thread of this.#threads) thread.stop(reason);
    const ended = Promise.allSettled(this.#threads.map(({ result }) => result)).then(() => true);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), stopMs);
    });
    const stopped = await Promise.race([ended, late]);
    clearTimeout(timer);
    return stopped;
  }

  counts(): LoadCounts {
    return this.#threads.map((thread) => thread.counts()).reduce(addCounts, noCounts);
  }

  /** @throws when a thread died. */
  results(): Promise<readonly ThreadResult[]> {
    return Promise.all(this.#threads.map(({ result }) => result));
  }
}
