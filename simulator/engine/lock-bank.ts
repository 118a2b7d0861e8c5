/**
 * The locks of a run, and what their waiters do to the lines at which they poll.
 *
 * Waiters of the process may sleep when the wait would be long; packet handlers cannot, and spin. While a lock is held, each
 * access of its holder to the polled lines first gets them back from the farthest poller, behind the other pollers: on MESI
 * with inclusive shared caches each socket serves its own pollers at the same time, on MOESI the owner serves all of them one
 * after the other (the c/2 a waiter of the OLS'12 model). It has no clock: times come in as arguments.
 */

import type { Design } from '../designs/design.ts';
import { Lock, nobody } from '../locks/lock.ts';
import type { Distance } from '../machine/distance.ts';
import type { Machine } from '../machine/machine.ts';
import type { Program } from './program.ts';

/** A process that has spun for so long at a mutex sleeps. */
export const spinsAtMostCycles = 130_000;

export interface LockBankOptions {
  readonly machine: Machine;
  readonly design: Design;
  readonly distance: Distance;
  readonly program: Program;
  readonly queues: number;
  /** By core: a negative number where it does nothing. */
  readonly running: Int32Array;
}

export class LockBank {
  /** Index of a lock's first instance. */
  readonly #first: Int32Array;
  readonly #perQueue: Uint8Array;

  readonly #locks: Lock[] = [];
  readonly #spinners: Int32Array;
  /** By context: a process that waits asleep. */
  readonly #sleeps: Uint8Array;
  readonly #grantedAt: Float64Array;
  readonly #distance: Distance;
  readonly #queued: boolean;
  readonly #oneByOne: boolean;
  readonly #pollerCycles: number;
  readonly #cores: number;
  readonly #running: Int32Array;
  /** By instance: processes may sleep at it. */
  readonly #mayBeSlept: Uint8Array;

  constructor({ machine, design, distance, program, queues, running }: LockBankOptions) {
    this.#queued = design.spinlocks === 'queued';
    this.#running = running;
    this.#distance = distance;
    this.#cores = distance.cores;
    this.#oneByOne = machine.protocol === 'moesi';
    this.#pollerCycles = machine.pollerCycles ?? machine.latencyCycles.otherCore;
    this.#first = new Int32Array(program.lockNames.length);
    this.#perQueue = Uint8Array.from(program.lockPerQueue, (each) => (each ? 1 : 0));
    for (const [lock, perQueue] of program.lockPerQueue.entries()) {
      this.#first[lock] = this.#locks.length;
      for (let instance = 0; instance < (perQueue ? queues : 1); instance++) this.#add();
    }
    this.#sleeps = new Uint8Array(2 * distance.cores);
    this.#mayBeSlept = new Uint8Array(this.#locks.length);
    for (const [lock, name] of program.lockNames.entries())
      if (design.mutexes?.includes(name) === true)
        this.#mayBeSlept.fill(1, this.#first[lock], this.#first[lock + 1] ?? this.#locks.length);
    this.#spinners = new Int32Array(this.#locks.length * distance.sockets);
    this.#grantedAt = new Float64Array(this.#locks.length);
  }

  /** The instance of a design's lock that a queue's connections take. */
  instance(lock: number, queue: number): number {
    return this.#first[lock] + (this.#perQueue[lock] === 1 ? queue : 0);
  }

  /** Cycles until it may go on; a negative number: it waits. `context` below the number of cores: a packet handler. */
  request(lock: number, context: number, now: number): number {
    if (!this.#locks[lock].request(context, now)) return -1;
    const { handOverCycles } = this.#locks[lock];
    this.#grantedAt[lock] = now + handOverCycles;
    return handOverCycles;
  }

  mayBeSlept(lock: number): boolean {
    return this.#mayBeSlept[lock] === 1;
  }

  sleeps(context: number, asleep: boolean): void {
    this.#sleeps[context] = asleep ? 1 : 0;
  }

  spins(lock: number, core: number, by: 1 | -1): void {
    this.#spinners[lock * this.#distance.sockets + this.#distance.socketOf[core]] += by;
  }

  /** The next context, or a negative number; `handOverCycles(lock)` then says when. */
  release(lock: number, context: number, now: number): number {
    const next = this.#locks[lock].release(context, now);
    if (next !== nobody) this.#grantedAt[lock] = now + this.#locks[lock].handOverCycles;
    return next;
  }

  handOverCycles(lock: number): number {
    return this.#locks[lock].handOverCycles;
  }

  heldCycles(lock: number, now: number): number {
    return now - this.#grantedAt[lock];
  }

  /** What one access of `core` to the polled lines costs with the waiters that there are. */
  polledCycles(lock: number, core: number): number {
    if (this.#queued) return 0;
    const { sockets, socketOf, transfer } = this.#distance;
    const own = socketOf[core] * sockets;
    let farthest = 0;
    for (let socket = 0; socket < sockets; socket++)
      if (this.#spinners[lock * sockets + socket] > 0) farthest = Math.max(farthest, transfer[own + socket]);
    return farthest + this.#queueCycles(lock);
  }

  /** On average half of the pollers come first. */
  #queueCycles(lock: number): number {
    if (this.#queued) return 0;
    const { sockets } = this.#distance;
    let most = 0;
    let total = 0;
    for (let socket = 0; socket < sockets; socket++) {
      const spinning = this.#spinners[lock * sockets + socket];
      total += spinning;
      most = Math.max(most, spinning);
    }
    return (Math.max(0, (this.#oneByOne ? total : most) - 1) * this.#pollerCycles) / 2;
  }

  /** Who spins takes the lock before a sleeper has been woken; of sleepers the first whose core is free to run it. */
  #firstAwake(waiting: number, line: Int32Array): number {
    let free = 0;
    for (let place = waiting - 1; place >= 0; place--) {
      const context = line[place];
      if (this.#sleeps[context] === 1 && this.#running[context - this.#cores] < 0) free = place;
    }
    for (let place = 0; place < waiting; place++) if (this.#sleeps[line[place]] === 0) return place;
    return free;
  }

  #add(): void {
    const index = this.#locks.length;
    this.#locks.push(
      new Lock({
        kind: {
          next: (waiting, _chance, line) => this.#firstAwake(waiting, line),
          handOverCycles: ({ from, to, lineCycles }) => lineCycles(from, to) + this.#queueCycles(index),
          evenHandOverCycles: (waiting, lineCycles) => ((waiting + 1) * lineCycles) / 2,
        },
        lineCycles: (from, to) => this.#distance.between(from % this.#cores, to % this.#cores),
        chance: () => 0,
      }),
    );
  }
}
