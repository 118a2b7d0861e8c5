/**
 * Connections that wait to be accepted, and from which queue a worker takes its next one, by the design's `queues`.
 *
 * It wakes nobody and has no clock.
 */

import type { Design } from '../designs/design.ts';
import type { Accounts } from './accounts.ts';
import { SlotQueues } from './slot-queue.ts';

const none = -1;
/** Affinity-Accept: a core is busy above this share of its queue's maximum. */
const busyShare = 0.75;

export interface AcceptQueuesOptions {
  readonly design: Design;
  readonly cores: number;
  readonly queues: number;
  readonly backlog: number;
  readonly accounts: Accounts;
  readonly links: Int32Array;
}

export class AcceptQueues {
  /** Connections by queue. */
  readonly length: Int32Array;

  readonly #choice: Design['queues'];
  readonly #cores: number;
  readonly #busyLength: number;
  readonly #accounts: Accounts;
  readonly #queues: SlotQueues;
  readonly #turn: Int32Array;

  constructor({ design, cores, queues, backlog, accounts, links }: AcceptQueuesOptions) {
    this.#choice = design.queues;
    this.#cores = cores;
    this.#busyLength = (busyShare * backlog) / cores;
    this.#accounts = accounts;
    this.#queues = new SlotQueues(queues, links);
    this.length = this.#queues.length;
    this.#turn = new Int32Array(cores);
  }

  push(queue: number, slot: number): void {
    this.#queues.push(queue, slot);
  }

  /** The connection that a core's worker accepts next; -1: there is none for it. */
  takeFor(core: number): number {
    const queue = this.#queueFor(core);
    return queue === none ? none : this.#queues.shift(queue);
  }

  #queueFor(core: number): number {
    switch (this.#choice) {
      case 'shared':
        return 0;
      case 'any-of-all':
        return this.#anyQueue(core);
      case 'steal':
        return this.length[core] > 0 ? core : this.#overloadedQueue(core);
      default:
        return core;
    }
  }

  /** The next that is not empty, beginning at another each time. */
  #anyQueue(core: number): number {
    const first = core + this.#turn[core]++;
    for (let tried = 0; tried < this.#cores; tried++) {
      const queue = (first + tried) % this.#cores;
      if (this.length[queue] > 0) return queue;
    }
    return none;
  }

  /** Connection stealing: from a busy core's queue, when the own one is empty. */
  #overloadedQueue(core: number): number {
    for (let step = 1; step < this.#cores; step++) {
      const queue = (core + step) % this.#cores;
      if (this.length[queue] <= this.#busyLength) continue;
      this.#accounts.stolen++;
      return queue;
    }
    return none;
  }
}
