/**
 * The machine at work: packets and processes take their steps on its cores, in order of time.
 *
 *   client ── syn ─► core by flow hash ── syn-ack ─► client ── ack, request ─► accept queue ─► worker: accept
 *          ◄─ response ── worker: serve ◄─ ready list ◄── receive ◄─ request …       … finish ─► worker: close ─► a new client
 *
 * A core takes one step at a time, packets before processes; a step stops only where it waits for a lock. Time is in cycles of
 * the machine's clock. Nothing is allocated an event. It knows no machine, design or paper by name.
 */

import { Directory } from '../coherence/directory.ts';
import { type Design, stepNames } from '../designs/design.ts';
import { EventQueue } from '../event-queue.ts';
import { Distance } from '../machine/distance.ts';
import type { Machine } from '../machine/machine.ts';
import { objectNames, objects } from '../objects/objects.ts';
import { type RandomStream, randomStream } from '../random.ts';
import type { Workload } from '../workload.ts';
import { Accounts } from './accounts.ts';
import { Link } from './link.ts';
import { LockBank, spinsAtMostCycles } from './lock-bank.ts';
import { codes, type Program } from './program.ts';
import { SlotQueues } from './slot-queue.ts';

const [syn, ack, receive, finish, accept, serve, close] = stepNames.map((_, index) => index);
const [onPacket, onContinue, onDone, onTired] = [0, 1, 2, 3];
const none = -1;
/** In the place of a step that a packet asked for. */
const nothing = 255;
/** Steps of packets in a row before a process gets its turn on that core. */
const packetsInARow = 16;
/** Connections that a worker accepts before it looks at the others again. */
const acceptsInARow = 16;
/** Code, stack and payload that a step leaves in the caches. */
const footprintLines = 150;
/** A client gives a SYN, or its first request, this many further tries, at 1, 2, 4, … seconds. */
const maxTries = 6;
/** Control packets are of this size. */
const controlBytes = 0;

export interface EngineOptions {
  readonly machine: Machine;
  readonly design: Design;
  readonly program: Program;
  readonly workload: Workload;
  readonly cores: number;
  readonly seed: number;
  /** Over how long the clients begin. */
  readonly spreadCycles: number;
  /** Completed connections before measuring begins. */
  readonly warmUp: number;
  /** Completed connections to measure. */
  readonly connections: number;
  /** Each client makes one connection, all at once; measured until the last is done. */
  readonly burst?: boolean;
}

export class Engine {
  readonly accounts: Accounts;
  readonly directory: Directory;
  /** Cycles in which a core did something, by core, since measuring began. */
  readonly busy: Float64Array;
  /** Of measured connections: first SYN to last answer, and to the handshake's end, in cycles. */
  readonly latencies: Float64Array;
  readonly connectLatencies: Float64Array;
  measuredFrom = 0;
  now = 0;
  events = 0;

  readonly #options: EngineOptions;
  readonly #cores: number;
  readonly #program: Program;
  readonly #events = new EventQueue();
  readonly #locks: LockBank;
  readonly #link: Link;
  readonly #chance: RandomStream;
  readonly #secondCycles: number;
  readonly #halfTrip: number;
  readonly #thinkCycles: number;
  readonly #rxQueues: number;

  // By core.
  readonly #running: Int32Array;
  readonly #busySince: Float64Array;
  readonly #streak: Int32Array;
  readonly #asleep: Uint8Array;
  readonly #woken: Uint8Array;
  /** Connections left of those that were ready when the worker last looked. */
  readonly #batch: Int32Array;
  readonly #toAccept: Int32Array;
  readonly #turn: Int32Array;
  #wakeTurn = 0;
  #idle: number;

  /** A packet handler that let a process go first. */
  readonly #aside: Int32Array;
  /** Its lock came while it stood aside. */
  readonly #due: Uint8Array;

  // By context: packet handlers first, then processes.
  readonly #pc: Int32Array;
  readonly #slotOf: Int32Array;
  readonly #stepOf: Int32Array;
  readonly #waitSince: Float64Array;
  readonly #spinning: Uint8Array;

  // By connection.
  readonly #rx: Int32Array;
  readonly #queueOf: Int32Array;
  readonly #appCore: Int32Array;
  readonly #packetStep: Uint8Array;
  readonly #appStep: Uint8Array;
  readonly #arrived: Uint8Array;
  readonly #forwarded: Uint8Array;
  readonly #clientRx: Int32Array;
  readonly #left: Int32Array;
  readonly #sent: Int32Array;
  readonly #tries: Uint8Array;
  readonly #started: Float64Array;
  readonly #connected: Float64Array;

  /** By queue: connections whose handshake is not over. */
  readonly #halfOpen: Int32Array;
  readonly #packets: SlotQueues;
  readonly #accepts: SlotQueues;
  readonly #ready: SlotQueues;

  #completed = 0;
  #measuring = false;
  recorded = 0;

  constructor(options: EngineOptions) {
    const { machine, design, program, workload, cores, seed } = options;
    this.#options = options;
    this.#cores = cores;
    this.#program = program;
    const distance = new Distance(machine, cores);
    const queueCount = design.queues === 'shared' ? 1 : cores;
    const kinds = objectNames.map((name) => {
      const { scope, falseSharing } = objects[name] as { scope: string; falseSharing?: boolean };
      const instances = { machine: 1, core: cores, queue: queueCount, connection: workload.concurrency }[scope] as number;
      return { instances, falseSharing: falseSharing === true };
    });
    this.directory = new Directory(machine, distance, kinds);
    this.#running = new Int32Array(cores).fill(none);
    this.#locks = new LockBank({
      machine,
      design,
      distance,
      program,
      queues: queueCount,
      running: this.#running,
    });
    this.#link = new Link(machine);
    this.#chance = randomStream(seed, 'flows');
    this.#secondCycles = machine.clockGHz * 1e9;
    this.#halfTrip = (machine.roundTripMicroseconds * machine.clockGHz * 1e3) / 2;
    this.#thinkCycles = workload.thinkSeconds * this.#secondCycles;
    this.#rxQueues = Math.min(cores, machine.nic.queues ?? cores);
    this.accounts = new Accounts(program, cores);
    this.busy = new Float64Array(cores);
    this.latencies = new Float64Array(options.connections);
    this.connectLatencies = new Float64Array(options.connections);

    this.#busySince = new Float64Array(cores);
    this.#streak = new Int32Array(cores);
    this.#asleep = new Uint8Array(cores);
    this.#woken = new Uint8Array(cores);
    this.#batch = new Int32Array(cores);
    this.#toAccept = new Int32Array(cores);
    this.#turn = new Int32Array(cores);
    this.#idle = cores;
    this.#pc = new Int32Array(2 * cores);
    this.#slotOf = new Int32Array(2 * cores);
    this.#stepOf = new Int32Array(2 * cores);
    this.#due = new Uint8Array(cores);
    this.#aside = new Int32Array(cores).fill(none);
    this.#spinning = new Uint8Array(2 * cores);
    this.#waitSince = new Float64Array(2 * cores);
    const clients = workload.concurrency;
    this.#rx = new Int32Array(clients);
    this.#queueOf = new Int32Array(clients);
    this.#appCore = new Int32Array(clients);
    this.#packetStep = new Uint8Array(clients);
    this.#appStep = new Uint8Array(clients);
    this.#arrived = new Uint8Array(clients);
    this.#forwarded = new Uint8Array(clients);
    this.#clientRx = new Int32Array(clients);
    this.#left = new Int32Array(clients);
    this.#sent = new Int32Array(clients);
    this.#tries = new Uint8Array(clients);
    this.#started = new Float64Array(clients);
    this.#connected = new Float64Array(clients);
    this.#halfOpen = new Int32Array(queueCount);
    this.#packets = new SlotQueues(cores, new Int32Array(clients));
    const links = new Int32Array(clients);
    this.#accepts = new SlotQueues(queueCount, links);
    this.#ready = new SlotQueues(cores, links);
  }

  run(): void {
    const { workload, connections, warmUp, burst } = this.#options;
    for (let slot = 0; slot < workload.concurrency; slot++) {
      // As if it had been going on for long: clients are anywhere in their connections.
      const at = burst ? 0 : this.#chance.uniform() * this.#options.spreadCycles;
      this.#begin(slot, at);
      if (!burst && workload.transactions > 1) this.#left[slot] = 1 + this.#chance.below(workload.transactions);
    }
    if (warmUp === 0) this.#measure(0);
    const target = warmUp + connections;
    const events = this.#events;
    while (this.#completed < target && events.next()) {
      this.now = events.time;
      this.events++;
      const { event, argument } = events;
      if (event === onPacket) this.#packetArrives(argument);
      else if (event === onContinue) this.#continue(argument);
      else if (event === onDone) this.#done(argument);
      else this.#tired(argument);
    }
    for (let core = 0; core < this.#cores; core++)
      if (this.#running[core] !== none) this.busy[core] += this.now - this.#busySince[core];
  }

  // ---- cores

  #packetArrives(slot: number): void {
    const core = this.#rx[slot];
    this.#packets.push(core, slot);
    if (this.#running[core] === none) this.#wakeCore(core);
  }

  #wakeCore(core: number): void {
    this.#idle--;
    this.#busySince[core] = this.now;
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
      const slot = this.#packets.shift(core);
      this.#start(core, core, slot, this.#packetStep[slot]);
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
      const slot = this.#packets.shift(core);
      this.#start(core, core, slot, this.#packetStep[slot]);
      return;
    }
    this.busy[core] += this.now - this.#busySince[core];
    this.#running[core] = none;
    this.#idle++;
  }

  #tryReady(core: number): boolean {
    const slot = this.#ready.shift(core);
    if (slot === none) return false;
    this.#start(core, this.#cores + core, slot, this.#appStep[slot]);
    return true;
  }

  #tryAccept(core: number): boolean {
    const queue = this.#queueToAcceptFrom(core);
    if (queue === none) return false;
    const slot = this.#accepts.shift(queue);
    if (slot === none) return false;
    this.accounts.accepted[core]++;
    this.#start(core, this.#cores + core, slot, accept);
    return true;
  }

  #queueToAcceptFrom(core: number): number {
    const { queues } = this.#options.design;
    const { length } = this.#accepts;
    if (queues === 'shared') return 0;
    if (queues === 'any-of-all') {
      const first = core + this.#turn[core]++;
      for (let tried = 0; tried < this.#cores; tried++) {
        const queue = (first + tried) % this.#cores;
        if (length[queue] > 0) return queue;
      }
      return none;
    }
    if (length[core] > 0 || queues !== 'steal') return core;
    return this.#overloadedQueue(core);
  }

  /** Connection stealing of Affinity-Accept: from a queue above three quarters of its maximum, when the own one is empty. */
  #overloadedQueue(core: number): number {
    const limit = (0.75 * this.#options.workload.backlog) / this.#cores;
    for (let step = 1; step < this.#cores; step++) {
      const queue = (core + step) % this.#cores;
      if (this.#accepts.length[queue] <= limit) continue;
      this.accounts.stolen++;
      return queue;
    }
    return none;
  }

  #start(core: number, context: number, slot: number, step: number): void {
    this.#running[core] = context;
    this.#slotOf[context] = slot;
    this.#stepOf[context] = step;
    this.#pc[context] = this.#program.starts[step];
    this.#execute(context);
  }

  // ---- steps

  /** Takes a context's operations until it has to wait, for a lock or for the clock. */
  #execute(context: number): void {
    const { code, cycles, object, scope, lines, write, lock, polled, held } = this.#program;
    const { work, moved, polled: polledAt, waited, handedOver } = this.accounts;
    const core = context < this.#cores ? context : context - this.#cores;
    const slot = this.#slotOf[context];
    let pc = this.#pc[context];
    let spent = 0;
    for (; ; pc++) {
      switch (code[pc]) {
        case codes.work:
          spent += cycles[pc];
          work[pc] += cycles[pc];
          if (held[pc] === 1) this.accounts.ownLock += cycles[pc];
          continue;
        case codes.touch: {
          const instance = this.#instanceOf(scope[pc], core, slot);
          const cost = this.directory.access(core, object[pc], instance, lines[pc], write[pc] === 1, this.now + spent);
          spent += cost;
          moved[pc] += cost;
          if (held[pc] === 1) this.accounts.ownLock += cost;
          continue;
        }
        case codes.allocate:
          this.directory.allocate(core, object[pc], this.#instanceOf(scope[pc], core, slot));
          continue;
        case codes.transmit: {
          const queue = polled[pc] === 0 ? this.#chance.below(this.#cores) : polled[pc] === 1 ? core : 0;
          const cost = this.directory.access(core, object[pc], queue, lines[pc], true, this.now + spent);
          this.accounts.transmitted++;
          if (queue !== core) this.accounts.transmittedElsewhere++;
          spent += cost;
          moved[pc] += cost;
          continue;
        }
        case codes.lock: {
          if (spent > 0) {
            this.#pc[context] = pc;
            this.#events.put(this.now + spent, onContinue, context);
            return;
          }
          const instance = this.#lockOf(lock[pc], slot);
          const handOver = this.#locks.request(instance, context, this.now);
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
            this.#pc[context] = pc;
            this.#events.put(this.now + spent, onContinue, context);
            return;
          }
          const instance = this.#lockOf(lock[pc], slot);
          this.accounts.held[pc] += this.#locks.heldCycles(instance, this.now);
          const next = this.#locks.release(instance, context, this.now);
          if (next >= 0) this.#grant(next, instance, waited, handedOver, polledAt);
          continue;
        }
        default:
          this.#pc[context] = pc;
          if (spent > 0) this.#events.put(this.now + spent, onDone, context);
          else this.#done(context);
          return;
      }
    }
  }

  /** By `scopes`: of the machine, a core, a queue, a connection. */
  #instanceOf(scope: number, core: number, slot: number): number {
    if (scope === 3) return slot;
    return scope === 0 ? 0 : scope === 1 ? core : this.#queueOf[slot];
  }

  #lockOf(lock: number, slot: number): number {
    return this.#locks.first[lock] + (this.#locks.perQueue[lock] === 1 ? this.#queueOf[slot] : 0);
  }

  #wait(context: number, core: number, lock: number): void {
    this.#waitSince[context] = this.now;
    this.#spinning[context] = 1;
    this.#locks.spins(lock, core, 1);
    if (context >= this.#cores && this.#locks.mayBeSlept(lock))
      this.#events.put(this.now + spinsAtMostCycles, onTired, context);
  }

  /** A process has spun long enough, if it still is at that wait: it sleeps, and its core is free for packets. */
  #tired(context: number): void {
    if (this.#spinning[context] === 0 || this.#waitSince[context] + spinsAtMostCycles > this.now) return;
    const core = context - this.#cores;
    const pc = this.#pc[context];
    this.accounts.waited[pc] += spinsAtMostCycles;
    this.#spinning[context] = 0;
    this.#locks.spins(this.#lockOf(this.#program.lock[pc], this.#slotOf[context]), core, -1);
    this.#asleep[core] = 1;
    this.#locks.sleeps(context, true);
    this.#dispatch(core);
  }

  /** The next holder goes on behind its lock operation, once the lock's line has reached it. */
  #grant(
    context: number,
    lock: number,
    waited: Float64Array,
    handedOver: Float64Array,
    polledAt: Float64Array,
  ): void {
    const core = context < this.#cores ? context : context - this.#cores;
    const pc = this.#pc[context];
    this.#pc[context] = pc + 1;
    const slept = context >= this.#cores && this.#asleep[core] === 1;
    let handOver = this.#locks.handOverCycles(lock);
    if (slept) {
      handOver += this.#options.machine.wakeCycles;
      this.#locks.sleeps(context, false);
    } else {
      waited[pc] += this.now - this.#waitSince[context];
      this.#spinning[context] = 0;
      this.#locks.spins(lock, core, -1);
    }
    const polling = this.#program.polled[pc] * this.#locks.polledCycles(lock, core);
    handedOver[pc] += handOver;
    polledAt[pc] += polling;
    this.#events.put(this.now + handOver + polling, onContinue, context);
  }

  #continue(context: number): void {
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
    this.#aside[core] = none;
    this.#running[core] = context;
    if (this.#due[context] === 0) return;
    this.#due[context] = 0;
    this.#execute(context);
  }

  /** A step is over: what follows from it, then the core's next one. */
  #done(context: number): void {
    const core = context < this.#cores ? context : context - this.#cores;
    const slot = this.#slotOf[context];
    this.directory.fill(core, footprintLines);
    switch (this.#stepOf[context]) {
      case syn:
        if (this.#isFull(slot) || this.#halfOpen[this.#queueOf[slot]] >= this.#options.workload.backlog)
          this.#tryAgain(slot, syn);
        else {
          this.#halfOpen[this.#queueOf[slot]]++;
          this.#link.sent(this.now, controlBytes);
          this.#put(slot, ack, this.now + 2 * this.#halfTrip);
        }
        break;
      case ack:
        // The client was connected when it sent this.
        if (this.#connected[slot] === 0) this.#connected[slot] = this.now;
        if (this.#isFull(slot)) this.#tryAgain(slot, ack);
        else this.#established(slot, core);
        break;
      case receive:
        this.#ripe(slot, serve);
        break;
      case finish:
        if (this.#options.workload.transactions === 0) this.#finished(slot, this.now + this.#halfTrip);
        else this.#ripe(slot, close);
        break;
      case accept:
        this.#accepted(slot, core);
        break;
      case serve:
        this.#answered(slot, core);
        break;
      default:
        this.#closed(slot);
    }
    this.#dispatch(core);
  }

  // ---- connections

  #begin(slot: number, at: number): void {
    const { design, workload } = this.#options;
    const core = this.#coreByHash();
    this.#rx[slot] = core;
    this.#queueOf[slot] =
      design.queues === 'shared' ? 0 : design.queues === 'hash' ? this.#chance.below(this.#cores) : core;
    this.#appCore[slot] = none;
    this.#arrived[slot] = nothing;
    this.#left[slot] = workload.transactions;
    this.#sent[slot] = 0;
    this.#tries[slot] = 0;
    this.#started[slot] = at;
    this.#connected[slot] = 0;
    this.#put(slot, syn, at + this.#halfTrip);
  }

  /** The card's table spreads hashes over its queues, each of which interrupts one core. */
  #coreByHash(): number {
    return this.#chance.below(this.#options.machine.nic.rssTable) % this.#rxQueues;
  }

  #put(slot: number, step: number, at: number): void {
    this.#packetStep[slot] = step;
    this.#events.put(at, onPacket, slot);
  }

  #isFull(slot: number): boolean {
    return this.#accepts.length[this.#queueOf[slot]] >= this.#options.workload.backlog;
  }

  /** 1, 2, 4, … seconds later (RFC 6298, section 5.5): a SYN, or the data that repeats a lost last ACK. */
  #tryAgain(slot: number, step: number): void {
    this.accounts.dropped++;
    const tries = this.#tries[slot]++;
    const wait = 2 ** tries * this.#secondCycles;
    if (tries < maxTries) this.#put(slot, step, this.now + wait);
    else {
      this.accounts.givenUp++;
      if (step === ack) this.#halfOpen[this.#queueOf[slot]]--;
      this.#record(slot, this.now + wait);
      this.#finished(slot, this.now + wait);
    }
  }

  #established(slot: number, core: number): void {
    const queue = this.#queueOf[slot];
    this.#halfOpen[queue]--;
    this.#accepts.push(queue, slot);
    if (this.#options.workload.transactions > 0) {
      // The first request follows the handshake's last ACK at once.
      this.#packetStep[slot] = receive;
      this.#packets.push(core, slot);
    }
    const { queues } = this.#options.design;
    if (queues === 'shared' || queues === 'any-of-all') this.#wakeAny();
    else if (this.#running[queue] === none) this.#wakeCore(queue);
    else if (queues === 'steal') this.#wakeAny();
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

  /** A packet asks for the process: now, or when the connection will be accepted. */
  #ripe(slot: number, step: number): void {
    this.#appStep[slot] = step;
    const core = this.#appCore[slot];
    if (core === none) this.#arrived[slot] = step;
    else this.#makeReady(slot, core);
  }

  #makeReady(slot: number, core: number): void {
    this.#ready.push(core, slot);
    if (this.#running[core] === none && this.#asleep[core] === 0) this.#wakeCore(core);
  }

  #accepted(slot: number, core: number): void {
    this.#appCore[slot] = core;
    if (this.#options.workload.transactions === 0) {
      this.#appStep[slot] = close;
      this.#ready.push(core, slot);
    } else if (this.#arrived[slot] !== nothing) this.#ready.push(core, slot);
  }

  #answered(slot: number, core: number): void {
    const { workload, machine, design } = this.#options;
    if (design.backend !== undefined && this.#forwarded[slot] === 0) {
      this.#forwarded[slot] = 1;
      this.#clientRx[slot] = this.#rx[slot];
      this.#rx[slot] = design.backend.answersAt === 'hash' ? this.#coreByHash() : core;
      this.#put(slot, receive, this.now + 2 * this.#halfTrip);
      return;
    }
    if (design.backend !== undefined) {
      this.#forwarded[slot] = 0;
      this.#rx[slot] = this.#clientRx[slot];
    }
    if (this.#measuring) this.accounts.transactions++;
    const sampling = machine.nic.flowDirectorSampling ?? Infinity;
    if (++this.#sent[slot] >= sampling) this.#rx[slot] = core;
    const there = this.#link.sent(this.now, workload.bytes) + this.#halfTrip;
    if (--this.#left[slot] > 0) {
      const size = workload.name === 'http' ? controlBytes : workload.bytes;
      const think = this.#thinks(slot) ? this.#thinkCycles : 0;
      this.#put(slot, receive, this.#link.received(there + think, size) + this.#halfTrip);
      return;
    }
    this.#record(slot, there);
    this.#put(slot, finish, there + this.#halfTrip);
  }

  /** People read after the first request, and after a third of the rest: 1 + 2 + 3 of six. */
  #thinks(slot: number): boolean {
    if (this.#thinkCycles === 0) return false;
    const { transactions } = this.#options.workload;
    const done = transactions - this.#left[slot];
    return done === 1 || done === Math.ceil(transactions / 2);
  }

  #record(slot: number, end: number): void {
    if (!this.#measuring || this.recorded === this.latencies.length) return;
    // Of one that never was connected: nothing.
    const connected = this.#connected[slot];
    this.connectLatencies[this.recorded] = connected === 0 ? 0 : connected - this.#started[slot];
    this.latencies[this.recorded++] = end - this.#started[slot];
  }

  #closed(slot: number): void {
    if (this.#options.workload.transactions > 0) {
      this.#finished(slot, this.now + this.#halfTrip);
      return;
    }
    // The server closed first: the client's answer to that is the last packet.
    this.#record(slot, this.now + this.#halfTrip);
    this.#put(slot, finish, this.now + 2 * this.#halfTrip);
  }

  #finished(slot: number, at: number): void {
    this.#completed++;
    if (this.#measuring) this.accounts.connections++;
    else if (this.#completed >= this.#options.warmUp) this.#measure(this.now);
    if (this.#options.burst !== true) this.#begin(slot, at);
  }

  #measure(now: number): void {
    this.#measuring = true;
    this.measuredFrom = now;
    this.accounts.reset();
    this.directory.resetCounts();
    this.busy.fill(0);
    this.#busySince.fill(now);
  }
}
