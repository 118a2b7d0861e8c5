/**
 * A member's lease, as its process sees it: joined at the start, renewed by a thread of its own (`lease-thread.ts`),
 * given back at the end.
 */

import { Worker } from 'node:worker_threads';
import { badInput, runIncomplete } from '../protocol/failure.ts';
import type { ClockOffset } from './clock.ts';
import { withDeadline } from './connection.ts';
import type {
  FromLeaseThread,
  LeaseThreadData,
  MemberWithoutClock,
  ToLeaseThread,
} from './lease-messages.ts';
import { LoadDeadline } from './load-deadline.ts';

/** The coordinator's lease of one run, while an attempt of it is under way. */
export interface RunLease {
  /** Until when load may go on: see `LoadDeadline`. */
  readonly memory: SharedArrayBuffer;
  /** Settles when the lease is gone for good, with why. Then the attempt is over. */
  readonly lost: Promise<string>;
  release(): void;
}

export interface LeaseEvents {
  /** Redis is away (why), or back (null). */
  onTrouble(trouble: string | null): void;
  /** The member's lease is good again for its whole time. */
  onRenewed(): void;
  /** This process may not stay a member: another has its name, or the thread died. */
  onEnded(error: Error): void;
}

export class Lease {
  readonly #worker: Worker;
  readonly #runs = new Map<number, { onServing: () => void; onLost: (reason: string) => void }>();
  #clock: ClockOffset = { offsetMicroseconds: 0, boundMicroseconds: 0 };
  #nextId = 1;
  #closed = false;
  #onClosed: () => void = () => undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** @throws {Failure} (exit status 2) when Redis cannot be reached, refuses us, or the name is taken. */
  static async join(redisUrl: string, member: MemberWithoutClock, events: LeaseEvents): Promise<Lease> {
    const data: LeaseThreadData = { redisUrl, member };
    const worker = new Worker(new URL('./lease-thread.js', import.meta.url), { workerData: data });
    const lease = new Lease(worker);
    await new Promise<void>((resolve, reject) => {
      let joined = false;
      let failed = false;
      const fail = (error: Error) => {
        // Its end follows from the first reason.
        if (failed) return;
        failed = true;
        if (joined) events.onEnded(error);
        reject(error);
        // A connection that is still being tried would hold up the end of the process.
        void worker.terminate();
      };
      worker.on('error', fail);
      worker.on('exit', (status) => {
        if (status !== 0) fail(new Error(`The lease thread ended with status ${status}`));
        lease.#onClosed();
      });
      worker.on('message', (message: FromLeaseThread) => {
        if (message.kind === 'joined') {
          joined = true;
          lease.#clock = message.clock;
          events.onRenewed();
          resolve();
        } else if (message.kind === 'refused') {
          fail(message.badInput ? badInput(message.message) : runIncomplete(message.message));
        } else {
          lease.#take(message, events);
        }
      });
    });
    return lease;
  }

  /** As last measured; a few seconds old at most. */
  get clock(): ClockOffset {
    return this.#clock;
  }

  /** Begins to watch the coordinator of `run`; the promise settles once its lease has been seen, or is lost. */
  async serve(run: string): Promise<RunLease> {
    const id = this.#nextId++;
    const memory = LoadDeadline.allocate();
    let onLost: (reason: string) => void = () => undefined;
    const lost = new Promise<string>((resolve) => {
      onLost = resolve;
    });
    const serving = new Promise<void>((resolve) => {
      this.#runs.set(id, { onServing: resolve, onLost });
    });
    this.#tell({ kind: 'serve', id, run, memory });
    await Promise.race([serving, lost]);
    return {
      memory,
      lost,
      release: () => {
        this.#runs.delete(id);
        this.#tell({ kind: 'release', id });
      },
    };
  }

  /** Gives the name back. Never rejects; ends within 2 s. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const closed = new Promise<void>((resolve) => {
      this.#onClosed = resolve;
    });
    this.#tell({ kind: 'close' });
    await withDeadline(closed, 2_000, 'Cannot give the lease back').catch(() => undefined);
    await this.#worker.terminate();
  }

  #take(message: FromLeaseThread, events: LeaseEvents): void {
    if (message.kind === 'clock') this.#clock = message.clock;
    else if (message.kind === 'renewed') events.onRenewed();
    else if (message.kind === 'serving') this.#runs.get(message.id)?.onServing();
    else if (message.kind === 'lost') this.#runs.get(message.id)?.onLost(message.reason);
    else if (message.kind === 'trouble') events.onTrouble(message.trouble);
    else if (message.kind === 'closed') this.#onClosed();
  }

  #tell(message: ToLeaseThread): void {
    this.#worker.postMessage(message);
  }
}
