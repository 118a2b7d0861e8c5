/**
 * The connections of a run: what follows from each step, on the network and at the client.
 *
 *   client ── syn ─► core by flow hash ── syn-ack ─► client ── ack, request ─► accept queue ─► worker: accept
 *          ◄─ response ── worker: serve ◄─ ready list ◄── receive ◄─ request …       … finish ─► worker: close ─► a new client
 *
 * Clients are a closed loop, each beginning anew when its connection is over or has given up, or arrive by themselves
 * (`arrivals.ts`). It loses no packet but those that a full queue drops.
 */

import { type Design, stepNames } from '../designs/design.ts';
import type { EventQueue } from '../event-queue.ts';
import type { Machine } from '../machine/machine.ts';
import type { RandomStream } from '../random.ts';
import type { Workload } from '../workload.ts';
import type { Accounts } from './accounts.ts';
import { Arrivals } from './arrivals.ts';
import type { Cores } from './cores.ts';
import type { Slots } from './cores-options.ts';
import { onPacket } from './event-kinds.ts';
import { Link } from './link.ts';
import { handOn } from './program.ts';

const [syn, ack, receive, finish, accept, serve, close] = stepNames.map((_, index) => index);
const none = -1;
/** In the place of a step that a packet asked for. */
const nothing = 255;
/** A client gives a SYN, or its first request, this many further tries, at 1, 2, 4, … seconds. */
const maxTries = 6;
/** Packets without payload. */
const controlBytes = 0;
/** A first request of one segment comes with the handshake's last ACK. */
const atOnceBytes = 1448;

export interface ConnectionsOptions {
  readonly machine: Machine;
  readonly design: Design;
  readonly workload: Workload;
  readonly cores: number;
  readonly queues: number;
  readonly slots: Slots;
  readonly events: EventQueue;
  readonly chance: RandomStream;
  /** Of open arrivals: when clients come. */
  readonly arrivalChance: RandomStream;
  readonly accounts: Accounts;
  /** Completed connections before measuring begins. */
  readonly warmUp: number;
  /** Latencies to keep. */
  readonly connections: number;
  readonly burst: boolean;
  /** The warm-up is over. */
  readonly onWarm: () => void;
}

export class Connections {
  completed = 0;
  measuring = false;
  /** Of measured connections: first SYN to last answer, and to the handshake's end, in cycles; `recorded` of them. */
  readonly latencies: Float64Array;
  readonly connectLatencies: Float64Array;
  recorded = 0;
  /** Without it, clients are a closed loop. */
  readonly arrivals: Arrivals | undefined;

  readonly #options: ConnectionsOptions;
  readonly #cores: Cores;
  readonly #coreCount: number;
  readonly #events: EventQueue;
  readonly #chance: RandomStream;
  readonly #accounts: Accounts;
  readonly #link: Link;
  readonly #onWarm: () => void;
  readonly #secondCycles: number;
  readonly #halfTrip: number;
  readonly #thinkCycles: number;
  readonly #requestBytes: number;
  readonly #rxQueues: number;
  readonly #oneCore: boolean;
  readonly #rps: boolean;

  readonly #queueOf: Int32Array;
  readonly #packetStep: Uint8Array;
  /** Of a packet that is handed on: its step there. */
  readonly #stepBehind: Uint8Array;
  readonly #appStep: Uint8Array;
  readonly #rx: Int32Array;
  readonly #appCore: Int32Array;
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

  constructor(options: ConnectionsOptions, cores: Cores) {
    const { machine, workload, slots } = options;
    this.#options = options;
    this.#cores = cores;
    this.#coreCount = options.cores;
    this.#events = options.events;
    this.#chance = options.chance;
    this.#accounts = options.accounts;
    this.#onWarm = options.onWarm;
    this.#link = new Link(machine);
    this.#secondCycles = machine.clockGHz * 1e9;
    this.#halfTrip = (machine.roundTripMicroseconds * machine.clockGHz * 1e3) / 2;
    this.#thinkCycles = workload.thinkSeconds * this.#secondCycles;
    this.#requestBytes = workload.name === 'http' ? controlBytes : workload.bytes;
    this.#rxQueues = Math.min(options.cores, machine.nic.queues ?? options.cores);
    this.#oneCore = machine.nic.interrupts === 'one-core';
    this.#rps = machine.nic.rps === true;
    this.latencies = new Float64Array(options.connections);
    this.connectLatencies = new Float64Array(options.connections);
    this.arrivals = this.#arrivalsOf(options);
    const clients = workload.concurrency;
    this.#queueOf = slots.queueOf;
    this.#packetStep = slots.packetStep;
    this.#appStep = slots.appStep;
    this.#rx = slots.flowCore;
    this.#stepBehind = new Uint8Array(clients);
    this.#appCore = new Int32Array(clients);
    this.#arrived = new Uint8Array(clients);
    this.#forwarded = new Uint8Array(clients);
    this.#clientRx = new Int32Array(clients);
    this.#left = new Int32Array(clients);
    this.#sent = new Int32Array(clients);
    this.#tries = new Uint8Array(clients);
    this.#started = new Float64Array(clients);
    this.#connected = new Float64Array(clients);
    this.#halfOpen = new Int32Array(options.queues);
  }

  /** As if it had been going on for long: clients are anywhere in their connections. */
  beginAll(spreadCycles: number): void {
    const { workload, burst } = this.#options;
    this.arrivals?.begin();
    if (this.arrivals !== undefined) return;
    for (let slot = 0; slot < workload.concurrency; slot++) {
      this.begin(slot, burst ? 0 : this.#chance.uniform() * spreadCycles);
      if (!burst && workload.transactions > 1)
        this.#left[slot] = 1 + this.#chance.below(workload.transactions);
    }
  }

  /** A packet has come to the server: where it goes. */
  packetArrives(slot: number): void {
    if (this.#rps) {
      this.#stepBehind[slot] = this.#packetStep[slot];
      this.#packetStep[slot] = handOn;
    }
    this.#cores.packetArrives(this.#oneCore ? 0 : this.#rx[slot], slot);
  }

  /** A step of a connection is over. */
  after(core: number, slot: number, step: number): void {
    switch (step) {
      case syn:
        if (this.arrivals !== undefined) this.#answersSyn(slot);
        else if (this.#isFull(slot) || this.#halfOpen[this.#queueOf[slot]] >= this.#options.workload.backlog)
          this.#tryAgain(slot, syn);
        else {
          this.#halfOpen[this.#queueOf[slot]]++;
          this.#answersSyn(slot);
        }
        break;
      case ack:
        // The client was connected when it sent this.
        if (this.#connected[slot] === 0) this.#connected[slot] = this.#events.time;
        if (this.#isFull(slot)) this.#tryAgain(slot, ack);
        else this.#established(slot);
        break;
      case receive:
        this.#ripe(slot, serve);
        break;
      case finish:
        if (this.#options.workload.transactions === 0)
          this.#finished(slot, this.#events.time + this.#halfTrip);
        else this.#ripe(slot, close);
        break;
      case accept:
        this.#accepted(slot, core);
        break;
      case handOn:
        this.#packetStep[slot] = this.#stepBehind[slot];
        this.#cores.packetArrives(this.#rx[slot], slot);
        break;
      case serve:
        this.#answered(slot, core);
        break;
      default:
        this.#closed(slot);
    }
  }

  /** A client sends a SYN, which is on its way at `at`. */
  begin(slot: number, at: number): void {
    this.#prepare(slot, at);
    this.#put(slot, syn, at + this.#halfTrip);
  }

  /** A connection whose SYN was sent at `at`: where its packets go, and which queue it will wait in. */
  #prepare(slot: number, at: number): void {
    const { design, workload } = this.#options;
    const core = this.#coreByHash();
    this.#rx[slot] = core;
    this.#queueOf[slot] =
      design.queues === 'shared' ? 0 : design.queues === 'hash' ? this.#chance.below(this.#coreCount) : core;
    this.#appCore[slot] = none;
    this.#arrived[slot] = nothing;
    this.#left[slot] = workload.transactions;
    this.#sent[slot] = 0;
    this.#tries[slot] = 0;
    this.#started[slot] = at;
    this.#connected[slot] = 0;
  }

  /** An open client's SYN is here: false when its queue has no place for it. */
  #admit(slot: number, started: number): boolean {
    this.#prepare(slot, started);
    const queue = this.#queueOf[slot];
    if (this.#cores.accepts.length[queue] + this.#halfOpen[queue] >= this.#options.workload.backlog)
      return false;
    this.#halfOpen[queue]++;
    this.#packetStep[slot] = syn;
    this.packetArrives(slot);
    return true;
  }

  #answersSyn(slot: number): void {
    this.#link.sent(this.#events.time, controlBytes);
    this.#put(slot, ack, this.#events.time + 2 * this.#halfTrip);
  }

  /** The card's table spreads hashes over its queues, each of which interrupts one core; else the first core, or RPS, spreads. */
  #coreByHash(): number {
    if (this.#oneCore) return this.#rps ? this.#chance.below(this.#coreCount) : 0;
    return this.#chance.below(this.#options.machine.nic.rssTable) % this.#rxQueues;
  }

  #put(slot: number, step: number, at: number): void {
    this.#packetStep[slot] = step;
    this.#events.put(at, onPacket, slot);
  }

  #isFull(slot: number): boolean {
    return this.#cores.accepts.length[this.#queueOf[slot]] >= this.#options.workload.backlog;
  }

  /** 1, 2, 4, … seconds later (RFC 6298, section 5.5): a SYN, or the data that repeats a lost last ACK. */
  #tryAgain(slot: number, step: number): void {
    this.#accounts.dropped++;
    const tries = this.#tries[slot]++;
    const wait = 2 ** tries * this.#secondCycles;
    if (tries < maxTries) this.#put(slot, step, this.#events.time + wait);
    else {
      this.#accounts.givenUp++;
      if (step === ack) this.#halfOpen[this.#queueOf[slot]]--;
      this.#record(slot, this.#events.time + wait);
      this.#finished(slot, this.#events.time + wait);
    }
  }

  #established(slot: number): void {
    const queue = this.#queueOf[slot];
    this.#halfOpen[queue]--;
    this.#cores.acceptable(queue, slot);
    const { transactions } = this.#options.workload;
    if (transactions === 0) return;
    // The first request follows the handshake's last ACK at once.
    const size = this.#requestBytes;
    const here = this.#link.received(this.#events.time, size);
    this.#packetStep[slot] = receive;
    if (size <= atOnceBytes) this.packetArrives(slot);
    else this.#events.put(here, onPacket, slot);
  }

  /** A packet asks for the process: now, or when the connection will be accepted. */
  #ripe(slot: number, step: number): void {
    this.#appStep[slot] = step;
    const core = this.#appCore[slot];
    if (core === none) this.#arrived[slot] = step;
    else this.#cores.makeReady(slot, core);
  }

  #accepted(slot: number, core: number): void {
    this.#appCore[slot] = core;
    if (this.#options.workload.transactions === 0) {
      this.#appStep[slot] = close;
      this.#cores.makeReady(slot, core);
    } else if (this.#arrived[slot] !== nothing) this.#cores.makeReady(slot, core);
  }

  #answered(slot: number, core: number): void {
    const { workload, machine, design } = this.#options;
    if (design.backend !== undefined && this.#forwarded[slot] === 0) {
      this.#forwarded[slot] = 1;
      this.#clientRx[slot] = this.#rx[slot];
      const chosen = design.backend.answersAt === 'process-core' && (this.#rps || !this.#oneCore);
      this.#rx[slot] = chosen ? core : this.#coreByHash();
      this.#put(slot, receive, this.#events.time + 2 * this.#halfTrip);
      return;
    }
    if (design.backend !== undefined) {
      this.#forwarded[slot] = 0;
      this.#rx[slot] = this.#clientRx[slot];
    }
    if (this.measuring) this.#accounts.transactions++;
    const sampling = machine.nic.flowDirectorSampling ?? Infinity;
    if (++this.#sent[slot] >= sampling && !this.#oneCore) this.#rx[slot] = core;
    const there = this.#link.sent(this.#events.time, workload.bytes) + this.#halfTrip;
    if (--this.#left[slot] > 0) {
      // After a pause nobody knows what the link will be doing.
      const here = this.#thinks(slot)
        ? there + this.#thinkCycles
        : this.#link.received(there, this.#requestBytes);
      this.#put(slot, receive, here + this.#halfTrip);
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
    if (!this.measuring || this.recorded === this.latencies.length) return;
    // Of one that never was connected: nothing.
    const connected = this.#connected[slot];
    this.connectLatencies[this.recorded] = connected === 0 ? 0 : connected - this.#started[slot];
    this.latencies[this.recorded++] = end - this.#started[slot];
  }

  #closed(slot: number): void {
    if (this.#options.workload.transactions > 0) {
      this.#finished(slot, this.#events.time + this.#halfTrip);
      return;
    }
    // The server closed first: the client's answer to that is the last packet.
    this.#record(slot, this.#events.time + this.#halfTrip);
    this.#put(slot, finish, this.#events.time + 2 * this.#halfTrip);
  }

  #finished(slot: number, at: number): void {
    this.completed++;
    if (this.measuring) this.#accounts.connections++;
    else if (this.completed >= this.#options.warmUp) this.#onWarm();
    if (this.arrivals !== undefined) this.arrivals.frees(slot);
    else if (this.#options.burst !== true) this.begin(slot, at);
  }

  #arrivalsOf({ workload, events, accounts, arrivalChance }: ConnectionsOptions): Arrivals | undefined {
    const { ratePerSecond, concurrency } = workload;
    if (ratePerSecond === undefined) return;
    return new Arrivals({
      meanGapCycles: this.#secondCycles / ratePerSecond,
      secondCycles: this.#secondCycles,
      maxTries,
      halfTripCycles: this.#halfTrip,
      slots: concurrency,
      events,
      chance: arrivalChance,
      accounts,
      admit: (slot, started) => this.#admit(slot, started),
    });
  }
}
