/**
 * The cores of a run: which step each takes next, and how it takes it.
 *
 * A core takes one step at a time, packets before processes; a step stops only where it waits for a lock. A process that has
 * spun for long at a mutex sleeps, and packets go on meanwhile. What follows from a step it leaves to `onStep`.
 */

import type { Directory } from '../coherence/directory.ts';
import { stepNames } from '../designs/design.ts';
import type { EventQueue } from '../event-queue.ts';
import { AcceptQueues } from './accept-queues.ts';
import type { Accounts } from './accounts.ts';
import type { CoresOptions, Slots } from './cores-options.ts';
import { onContinue, onDone, onTired } from './event-kinds.ts';
import { type LockBank, spinsAtMostCycles } from './lock-bank.ts';
import { codes, type Program } from './program.ts';
import { SlotQueues } from './slot-queue.ts';

const accept = stepNames.indexOf('accept');
const none = -1;
/** Steps of packets in a row before a process gets its turn on that core. */
const packetsInARow = 16;
/** Connections that a worker accepts before it looks at the others again. */
const acceptsInARow = 16;
/** Code, stack and payload that a step leaves in the caches. */
const footprintLines = 150;

export class Cores {
  /** Cycles in which a core did something, by core, since measuring began. */
  readonly busy: Float64Array;
  /** Connections to accept, by queue. */
  readonly accepts: AcceptQueues;

  readonly #cores: number;
  readonly #program: Program;
  readonly #slots: Slots;
  readonly #events: EventQueue;
  readonly #accounts: Accounts;
  readonly #directory: Directory;
  readonly #locks: LockBank;
  readonly #options: CoresOptions;
  readonly #packets: SlotQueues;
  readonly #ready: SlotQueues;

  readonly #running: Int32Array;
  readonly #busySince: Float64Array;
  readonly #streak: Int32Array;
  readonly #asleep: Uint8Array;
  readonly #woken: Uint8Array;
  /** Connections left of those that were ready when the worker last looked. */
  readonly #batch: Int32Array;
  readonly #toAccept: Int32Array;
  #wakeTurn = 0;
  #idle: number;
  /** A packet handler that let a process go first. */
  readonly #aside: Int32Array;
  /** Its lock came while it stood aside. */
  readonly #due: Uint8Array;

  // By context: packet handlers, then processes.
  readonly #pc: Int32Array;
  readonly #slotOf: Int32Array;
  readonly #stepOf: Int32Array;
  readonly #waitSince: Float64Array;
  readonly #spinning: Uint8Array;

  constructor(options: CoresOptions) {
    const { cores, clients } = options;
    this.#cores = cores;
    this.#program = options.program;
    this.#slots = options.slots;
    this.#events = options.events;
    this.#accounts = options.accounts;
    this.#directory = options.directory;
    this.#locks = options.locks;
    this.#options = options;
    this.#packets = new SlotQueues(cores, new Int32Array(clients));
    // A connection is to be accepted or ready, never both.
    const links = new Int32Array(clients);
    this.accepts = new AcceptQueues({ ...options, links });
    this.#ready = new SlotQueues(cores, links);
    this.busy = new Float64Array(cores);
    this.#running = options.running;
    this.#busySince = new Float64Array(cores);
    this.#streak = new Int32Array(cores);
    this.#asleep = new Uint8Array(cores);
    this.#woken = new Uint8Array(cores);
    this.#batch = new Int32Array(cores);
    this.#toAccept = new Int32Array(cores);
    this.#idle = cores;
    this.#aside = new Int32Array(cores).fill(none);
    this.#due = new Uint8Array(cores);
    this.#pc = new Int32Array(2 * cores);
    this.#slotOf = new Int32Array(2 * cores);
    this.#stepOf = new Int32Array(2 * cores);
    this.#waitSince = new Float64Array(2 * cores);
    this.#spinning = new Uint8Array(2 * cores);
  }

  /** A packet of a connection reaches a core. */
  packetArrives(core: number, slot: number): void {
    this.#packets.push(core, slot);
    if (this.#running[core] === none) this.#wakeCore(core);
  }

  /** A connection waits in a queue for a worker: the queue's own, or any that is idle. */
  acceptable(queue: number, slot: number): void {
    this.accepts.push(queue, slot);
    const { queues } = this.#options.design;
    if (queues === 'shared' || queues === 'any-of-all') this.#wakeAny();
    else if (this.#running[queue] === none) this.#wakeCore(queue);
    else if (queues === 'steal') this.#wakeAny();
  }

  /** The process of `core` has something to do for a connection. */
  makeReady(slot: number, core: number): void {
    this.#ready.push(core, slot);
    if (this.#running[core] === none && this.#asleep[core] === 0) this.#wakeCore(core);
  }

  /** A context's step is over: what follows from it, then the core's next one. */
  done(context: number): void {
    const core = context % this.#cores;
    this.#directory.fill(core, footprintLines);
    this.#options.onStep(core, this.#slotOf[context], this.#stepOf[context]);
    this.#dispatch(core);
  }

  /** From now on `busy` counts. */
  measure(now: number): void {
    this.busy.fill(0);
    this.#busySince.fill(now);
  }

  /** What cores have done until now counts, too. */
  stop(now: number): void {
    for (let core = 0; core < this.#cores; core++)
      if (this.#running[core] !== none) this.busy[core] += now - this.#busySince[core];
  }

  /** One idle worker, each in its turn. */
  #wakeAny(): void {
    if (this.#idle === 0) return;
    for (let tried = 0; tried < this.#cores; tried++) {
      const core = this.#wakeTurn++ % this.#cores;
      if (this.#running[core] !== none || this.#asleep[core] === 1) continue;
      this.#wakeCore(core);
      return;
    }
  }

  #wakeCore(core: number): void {
    this.#idle--;
    this.#busySince[core] = this.#events.time;
    this.#dispatch(core);
  }

  /** Gives a core that does nothing its next step; it is idle when there is none. */
  #dispatch(core: number): void {
    const process = this.#cores + core;
    if (this.#aside[core] !== none && this.#woken[core] === 0) {
      this.#resume(core);
      return;
    }
    if (this.#woken[core] === 1) {
      this.#woken[core] = 0;
      this.#asleep[core] = 0;
      this.#running[core] = process;
      this.#execute(process);
      return;
    }
    const packetsWait = this.#packets.length[core] > 0;
    if (packetsWait && (this.#streak[core] < packetsInARow || this.#asleep[core] === 1)) {
      this.#streak[core]++;
      this.#startPacket(core);
      return;
    }
    this.#streak[core] = 0;
    if (this.#asleep[core] === 0) {
      // As an epoll loop does: all that were ready when it looked, then some to accept, then it looks again.
      if (this.#batch[core] > 0) {
        this.#batch[core]--;
        if (this.#tryReady(core)) return;
      }
      if (this.#toAccept[core]-- > 0 && this.#tryAccept(core)) return;
      this.#toAccept[core] = acceptsInARow;
      this.#batch[core] = this.#ready.length[core] - 1;
      if (this.#tryReady(core) || this.#tryAccept(core)) return;
    }
    if (packetsWait) {
      this.#startPacket(core);
      return;
    }
    this.busy[core] += this.#events.time - this.#busySince[core];
    this.#running[core] = none;
    this.#idle++;
  }

  #startPacket(core: number): void {
    const slot = this.#packets.shift(core);
    this.#start(core, core, slot, this.#slots.packetStep[slot]);
  }

  #tryReady(core: number): boolean {
    const slot = this.#ready.shift(core);
    if (slot !== none) this.#start(core, this.#cores + core, slot, this.#slots.appStep[slot]);
    return slot !== none;
  }

  #tryAccept(core: number): boolean {
    const slot = this.accepts.takeFor(core);
    if (slot === none) return false;
    this.#accounts.accepted[core]++;
    this.#start(core, this.#cores + core, slot, accept);
    return true;
  }

  #start(core: number, context: number, slot: number, step: number): void {
    this.#running[core] = context;
    this.#slotOf[context] = slot;
    this.#stepOf[context] = step;
    this.#pc[context] = this.#program.starts[step];
    this.#execute(context);
  }

  /** Takes a context's operations until it has to wait, for a lock or for the clock. */
  #execute(context: number): void {
    const { code, cycles, object, scope, lines, write, lock, polled, held } = this.#program;
    const { work, moved, polled: polledAt, handedOver } = this.#accounts;
    const core = context % this.#cores;
    const slot = this.#slotOf[context];
    let pc = this.#pc[context];
    let spent = 0;
    for (; ; pc++) {
      switch (code[pc]) {
        case codes.work:
          spent += cycles[pc];
          work[pc] += cycles[pc];
          if (held[pc] === 1) this.#accounts.ownLock += cycles[pc];
          continue;
        case codes.varied: {
          const drawn = this.#options.serviceChance.exponential(cycles[pc]);
          spent += drawn;
          work[pc] += drawn;
          continue;
        }
        case codes.touch:
        case codes.transmit: {
          const instance =
            code[pc] === codes.touch
              ? this.#instanceOf(scope[pc], core, slot)
              : this.#transmitQueue(polled[pc], core);
          const at = this.#events.time + spent;
          const cost = this.#directory.access(core, object[pc], instance, lines[pc], write[pc] === 1, at);
          spent += cost;
          moved[pc] += cost;
          if (held[pc] === 1) this.#accounts.ownLock += cost;
          continue;
        }
        case codes.allocate:
          this.#directory.allocate(core, object[pc], this.#instanceOf(scope[pc], core, slot));
          continue;
        case codes.lock: {
          if (spent > 0) {
            this.#goOn(context, pc, spent);
            return;
          }
          const instance = this.#locks.instance(lock[pc], this.#slots.queueOf[slot]);
          const handOver = this.#locks.request(instance, context, this.#events.time);
          if (handOver < 0) {
            this.#pc[context] = pc;
            this.#wait(context, core, instance);
            return;
          }
          const polling = polled[pc] * this.#locks.polledCycles(instance, core);
          spent += handOver + polling;
          handedOver[pc] += handOver;
          polledAt[pc] += polling;
          continue;
        }
        case codes.unlock: {
          if (spent > 0) {
            this.#goOn(context, pc, spent);
            return;
          }
          const instance = this.#locks.instance(lock[pc], this.#slots.queueOf[slot]);
          this.#accounts.held[pc] += this.#locks.heldCycles(instance, this.#events.time);
          const next = this.#locks.release(instance, context, this.#events.time);
          if (next >= 0) this.#grant(next, instance);
          continue;
        }
        default:
          this.#pc[context] = pc;
          if (spent > 0) this.#events.put(this.#events.time + spent, onDone, context);
          else this.done(context);
          return;
      }
    }
  }

  /** A ring of the card: by the flow's hash, the own core's, or always the first. */
  #transmitQueue(by: number, core: number): number {
    const queue = by === 0 ? this.#options.chance.below(this.#cores) : by === 1 ? core : 0;
    this.#accounts.transmitted++;
    if (queue !== core) this.#accounts.transmittedElsewhere++;
    return queue;
  }

  #goOn(context: number, pc: number, afterCycles: number): void {
    this.#pc[context] = pc;
    this.#events.put(this.#events.time + afterCycles, onContinue, context);
  }

  /** By `scopes`: of the machine, a core, a queue, a connection, the core of the flow, a socket. */
  #instanceOf(scope: number, core: number, slot: number): number {
    if (scope > 3) return scope === 4 ? this.#slots.flowCore[slot] : this.#options.socketOf[core];
    return scope === 3 ? slot : scope === 2 ? this.#slots.queueOf[slot] : scope === 1 ? core : 0;
  }

  #wait(context: number, core: number, lock: number): void {
    this.#waitSince[context] = this.#events.time;
    this.#spinning[context] = 1;
    this.#locks.spins(lock, core, 1);
    if (context >= this.#cores && this.#locks.mayBeSlept(lock))
      this.#events.put(this.#events.time + spinsAtMostCycles, onTired, context);
  }

  /** A process has spun long enough, if it still is at that wait: it sleeps, and its core is free for packets. */
  tired(context: number): void {
    if (this.#spinning[context] === 0 || this.#waitSince[context] + spinsAtMostCycles > this.#events.time)
      return;
    const [core, pc] = [context - this.#cores, this.#pc[context]];
    this.#accounts.waited[pc] += spinsAtMostCycles;
    this.#spinning[context] = 0;
    this.#locks.spins(
      this.#locks.instance(this.#program.lock[pc], this.#slots.queueOf[this.#slotOf[context]]),
      core,
      -1,
    );
    this.#asleep[core] = 1;
    this.#locks.sleeps(context, true);
    this.#dispatch(core);
  }

  /** The next holder goes on behind its lock operation, once the lock's line has reached it. */
  #grant(context: number, lock: number): void {
    const { waited, handedOver, polled } = this.#accounts;
    const core = context % this.#cores;
    const pc = this.#pc[context];
    this.#pc[context] = pc + 1;
    const slept = context >= this.#cores && this.#asleep[core] === 1;
    let handOver = this.#locks.handOverCycles(lock);
    if (slept) {
      handOver += this.#options.machine.wakeCycles;
      this.#locks.sleeps(context, false);
    } else {
      waited[pc] += this.#events.time - this.#waitSince[context];
      this.#spinning[context] = 0;
      this.#locks.spins(lock, core, -1);
    }
    const polling = this.#program.polled[pc] * this.#locks.polledCycles(lock, core);
    handedOver[pc] += handOver;
    polled[pc] += polling;
    this.#events.put(this.#events.time + handOver + polling, onContinue, context);
  }

  continue(context: number): void {
    const core = context - this.#cores;
    if (core < 0) {
      // Its turn came while it stood aside: it goes on when it has the core again.
      if (this.#aside[context] === context) this.#due[context] = 1;
      else this.#execute(context);
      return;
    }
    if (this.#asleep[core] === 0) {
      this.#execute(context);
      return;
    }
    this.#woken[core] = 1;
    const running = this.#running[core];
    if (running === none) this.#wakeCore(core);
    else if (this.#spinning[running] === 1) {
      // A packet handler that waits for this very process would wait for ever: it steps aside (the kernel's backlog).
      this.#aside[core] = running;
      this.#dispatch(core);
    }
  }

  /** Back to the packet handler that stepped aside. */
  #resume(core: number): void {
    const context = this.#aside[core];
    this.#running[core] = context;
    this.#aside[core] = none;
    if (this.#due[context] === 0) return;
    this.#due[context] = 0;
    this.#execute(context);
  }
}
