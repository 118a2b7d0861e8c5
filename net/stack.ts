/**
 * A TCP/IP stack of one core, at user level: frames of a link below, connections by number above, in both roles. Start
 * here. What TCP does is in tcp/, cut along RFC 9293; what packets look like in wire/; where frames come from in links/.
 *
 *   one turn:   poll ──► takeEvents ──► the application reads, writes, opens, closes ──► flush
 *
 * Nothing happens between turns and nothing is called back. Time is an argument; so is chance. After the constructor,
 * nothing is allocated for a packet or a connection. It refuses IP fragments, IP options to send, urgent data as a thing
 * apart (it is delivered in line), and routing for others.
 */

import { Frames } from './frames.ts';
import { type FrameBatch, frameBatch } from './links/link.ts';
import { Neighbours } from './neighbours.ts';
import { begin, initialSequence, setKeepAlive } from './tcp/begin.ts';
import { LARGE, SMALL } from './tcp/buffer-pool.ts';
import { copyOut, feedStarved, heldToSend, isSending, receive, send } from './tcp/calls.ts';
import { dropInput, endSending, finish, free, reset, takeId } from './tcp/close.ts';
import { MemoryCache } from './tcp/copy.ts';
import { Core, type CoreOptions, type Resolver } from './tcp/core.ts';
import type { StackCounters } from './tcp/counters.ts';
import { ACCEPTED } from './tcp/events.ts';
import { faultIn } from './tcp/invariants.ts';
import { Hot, hotOf, lineOf, Peer, Rare, Recovery } from './tcp/layout.ts';
import { taken } from './tcp/listen.ts';
import { flushLists, wantsSyn } from './tcp/send.ts';
import { Is, State } from './tcp/states.ts';
import { settleAcks, settleAll, unread } from './tcp/text.ts';
import { nextDueMs, runTimers } from './tcp/timeouts.ts';
import { touch } from './touch.ts';

const { STATE, FLAGS, DUE_MS } = Hot;
const { LOCAL, REMOTE, PORTS, HARDWARE_HIGH, HARDWARE_LOW } = Peer;
const { RETRYING_MS } = Recovery;
const { ERROR, ESTABLISHED_US } = Rare;
const { detached, ended, nagle, queued, stamped } = Is;
const { closed, finWait2, synReceived, synSent, timeWait } = State;

export interface StackOptions extends CoreOptions {
  /** Whether ARP and ping are answered here; false where the kernel does. */
  readonly answers?: { readonly arp?: boolean; readonly ping?: boolean };
  /** Frames of one poll. */
  readonly batch?: number;
}

/** What there is now. */
export interface StackGauges {
  /** Connections by state. */
  readonly states: Int32Array;
  halfOpen: number;
  /** Established and not yet taken by `takeEvents`. */
  acceptQueue: number;
  timeWait: number;
  timers: number;
  smallBuffers: number;
  largeBuffers: number;
}

const mostIdleUs = 1_000_000_000;
const EADDRINUSE = 98;
const ENOBUFS = 105;
const ECONNABORTED = 103;
const EHOSTUNREACH = 113;
/** RFC 6056: ports that are chosen, not asked for. */
const firstFreePort = 32_768;
const freePorts = 28_232;

export class Stack implements Resolver {
  readonly counters: StackCounters;
  /** What the last `takeEvents` handed over: its first entries. */
  readonly events: { readonly id: Int32Array; readonly mask: Uint8Array };
  readonly #core: Core;
  readonly #frames: Frames;
  readonly #neighbours = new Neighbours();
  readonly #batch: FrameBatch;
  readonly #asksForNeighbours: boolean;
  readonly #applications = new MemoryCache();
  /** When timers were last looked at, in milliseconds of the core's clock. */
  #timersMs = 0;

  /** @throws {RangeError} buffers that are not powers of two, no address. */
  constructor(options: StackOptions) {
    const batch = options.batch ?? 128;
    this.#core = new Core(options, batch, this);
    this.#batch = frameBatch(batch);
    this.#asksForNeighbours = options.answers?.arp ?? true;
    const answers = { arp: this.#asksForNeighbours, ping: options.answers?.ping ?? true };
    this.#frames = new Frames(this.#core, this.#neighbours, answers, (address) => this.#resolved(address));
    this.counters = this.#core.counters;
    this.events = this.#core.events;
  }

  /**
   * Takes the frames that came, and runs the timers that are due. @param nowUs monotonic.
   * @returns frames handled; as many as a batch holds: there may be more.
   */
  poll(nowUs: number): number {
    // Small enough to be compiled into its caller: a double that is passed to another function is allocated.
    this.#core.time[0] = nowUs;
    return this.#turn();
  }

  #turn(): number {
    const core = this.#core;
    core.takeTime();
    if (core.holdingCount > 0) settleAll(core);
    const batch = this.#batch;
    const count = core.link.receive(batch, core.time[0]);
    core.touched = touch(core.memory, batch, count);
    for (let index = 0; index < count; index++) this.#frames.arrives(batch.at[index], batch.length[index]);
    if (core.nowMs !== this.#timersMs) {
      this.#timersMs = core.nowMs;
      runTimers(core);
    }
    if (core.starvedCount > 0) feedStarved(core);
    return count;
  }

  /** @returns how many entries of `events` are filled: each connection at most once, its mask merged. */
  takeEvents(): number {
    const core = this.#core;
    const count = core.events.take();
    const { id, mask } = core.events;
    for (let index = 0; index < count; index++) if ((mask[index] & ACCEPTED) !== 0) taken(core, id[index]);
    return count;
  }

  /** Sends what is due: control, then ACKs, then data. Frames that were not read from are given back. */
  flush(): void {
    const core = this.#core;
    flushLists(core);
    if (core.laterAckCount > 0) settleAcks(core);
    if (core.holdingCount > 0) settleAll(core);
    core.link.flush(core.time[0]);
  }

  /** When `poll` has something to do though nothing comes, in microseconds; Infinity: nothing. */
  nextDueUs(): number {
    const core = this.#core;
    if (core.events.waiting > 0) return core.time[0];
    const timersUs = core.time[1] + (nextDueMs(core) - 1) * 1000;
    const due = Math.min(timersUs, core.link.dueAtUs());
    // The link had no frame free: it may have soon.
    return core.lists.nextList() >= 0 ? Math.min(due, core.time[0] + 100) : due;
  }

  /** For how long, from the last `poll` on, it has nothing to do unless something comes: whole microseconds, 1,000 s at most. */
  idleUs(): number {
    return Math.min(Math.max(0, this.nextDueUs() - this.#core.time[0]), mostIdleUs) | 0;
  }

  listen(port: number): void {
    this.#core.listening[port] = 1;
  }

  /** Connections that are open stay; half-open ones are refused when they complete. */
  unlisten(port: number): void {
    this.#core.listening[port] = 0;
  }

  /**
   * Opens a connection: CONNECTED or FAILED follows. @param localPort 0: one is chosen.
   * @returns its id; −EADDRINUSE: the flow is there; −ENOBUFS: no id is free; −EHOSTUNREACH: no route, or no neighbour.
   */
  connect(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): number {
    const core = this.#core;
    const { flow } = core;
    flow.localAddress = localAddress | 0;
    flow.remoteAddress = remoteAddress | 0;
    flow.remotePort = remotePort;
    const nextHop = this.#neighbours.nextHop(flow.remoteAddress);
    const neighbour = nextHop === 0 ? undefined : this.#neighbours.find(nextHop);
    const isKnown = neighbour?.isKnown === true;
    if (nextHop === 0 || !(isKnown || this.#asksForNeighbours)) return -EHOSTUNREACH;
    flow.localPort = localPort === 0 ? this.#choosePort() : localPort;
    if (flow.localPort === 0 || !this.#isFlowFree()) return -EADDRINUSE;
    const id = takeId(core);
    if (id < 0) return -ENOBUFS;
    flow.hardwareHigh = isKnown ? neighbour.high : 0;
    flow.hardwareLow = isKnown ? neighbour.low : 0;
    begin(core, id, flow, initialSequence(core, flow), 0);
    core.hot[hotOf(id) + STATE] = synSent;
    wantsSyn(core, id);
    return id;
  }

  /** @returns bytes copied to into[from, to); 0: there are none now, see `isEnded`. */
  read(id: number, into: Uint8Array, from: number, to: number): number {
    return receive(this.#core, id, this.#applications.of(into), from, to);
  }

  /** As `read`, and leaves the bytes there. */
  peek(id: number, into: Uint8Array, from: number, to: number): number {
    return copyOut(this.#core, id, this.#applications.of(into), from, to);
  }

  /** Bytes that `read` would give. */
  readable(id: number): number {
    return unread(this.#core, hotOf(id));
  }

  /**
   * Takes bytes to send, from bytes[from, to). @returns how many; fewer, or 0, when there is no room: WRITABLE follows.
   */
  write(id: number, bytes: Uint8Array, from: number, to: number): number {
    return send(this.#core, id, this.#applications.of(bytes), from, to);
  }

  /** Bytes that `write` would take, if memory lasts. */
  writable(id: number): number {
    const core = this.#core;
    const at = hotOf(id);
    return isSending(core, at) ? core.buffers.largeBytes - heldToSend(core, at) : 0;
  }

  /** A FIN goes behind what was written; reading goes on. */
  shutdown(id: number): void {
    endSending(this.#core, id, hotOf(id));
  }

  /**
   * The application is done with it: no more events, and the id is the stack's. What was written is still sent, then a
   * FIN; but bytes that nobody read make it a reset (RFC 1122 4.2.2.13).
   */
  close(id: number): void {
    const core = this.#core;
    const at = hotOf(id);
    const state = core.hot[at + STATE];
    core.events.forget(id);
    core.hot[at + FLAGS] |= detached;
    if (state === closed || state === synSent) free(core, id, at);
    else if (state === timeWait) dropInput(core, id, at);
    else if (unread(core, at) > 0) reset(core, id, at, ECONNABORTED);
    else if (state === finWait2) core.finWait.set(id, core.nowMs + core.timers.finWait2Ms);
    else endSending(core, id, at);
  }

  /** As `close`, at once: the peer gets a reset. */
  abort(id: number): void {
    const core = this.#core;
    const at = hotOf(id);
    const state = core.hot[at + STATE];
    core.events.forget(id);
    core.hot[at + FLAGS] |= detached;
    if (state >= synReceived && state < timeWait) reset(core, id, at, ECONNABORTED);
    else free(core, id, at);
  }

  /** errno of a connection that FAILED; 0: it did not. */
  errorOf(id: number): number {
    return this.#core.rare[lineOf(id) + ERROR];
  }

  /** Small segments wait while others are under way. Off at first: a request must not wait. */
  setNagle(id: number, on: boolean): void {
    const { hot } = this.#core;
    const at = hotOf(id) + FLAGS;
    hot[at] = on ? hot[at] | nagle : hot[at] & ~nagle;
  }

  /** @param idleMs before the first probe; 0: none are sent. */
  setKeepAlive(id: number, idleMs: number): void {
    setKeepAlive(this.#core, id, hotOf(id), idleMs);
  }

  /** The peer's FIN came, and everything before it was read. */
  isEnded(id: number): boolean {
    const at = hotOf(id);
    return (this.#core.hot[at + FLAGS] & ended) !== 0 && unread(this.#core, at) === 0;
  }

  localAddress(id: number): number {
    return this.#core.peer[lineOf(id) + LOCAL] >>> 0;
  }

  localPort(id: number): number {
    return this.#core.peer[lineOf(id) + PORTS] >>> 16;
  }

  remoteAddress(id: number): number {
    return this.#core.peer[lineOf(id) + REMOTE] >>> 0;
  }

  remotePort(id: number): number {
    return this.#core.peer[lineOf(id) + PORTS] & 0xffff;
  }

  /** `nowUs` of the poll that saw the handshake end; -1: it has not. */
  establishedAtUs(id: number): number {
    return this.#core.rareDoubles[(lineOf(id) >> 1) + ESTABLISHED_US];
  }

  /** A number of `stateNames`. */
  state(id: number): number {
    return this.#core.hot[hotOf(id) + STATE];
  }

  /** Frames to an address of the link go to this hardware address. */
  setNeighbour(address: number, hardware: Uint8Array): void {
    this.#neighbours.set(address, hardware);
  }

  /** Frames to addresses under a prefix go to a next hop. @param nextHop 0: they are on the link. */
  setRoute(prefix: number, bits: number, nextHop: number): void {
    this.#neighbours.setRoute(prefix, bits, nextHop);
  }

  /** Connections to a port that are half open, or not yet taken by `takeEvents`: what the backlog counts. */
  waiting(port: number): number {
    return this.#core.waiting[port];
  }

  gauges(out: StackGauges): void {
    const core = this.#core;
    const c = core.connections;
    out.states.fill(0);
    let timers = core.timeWait.size + core.delayedAck.size + core.finWait.size + core.keepAlive.size;
    out.acceptQueue = 0;
    for (let id = 0; id < c.capacity; id++) {
      const at = hotOf(id);
      const state = core.hot[at + STATE];
      out.states[state]++;
      if (state === closed) continue;
      if (core.hot[at + DUE_MS] !== 0) timers++;
      if (state !== synReceived && (core.hot[at + FLAGS] & queued) !== 0) out.acceptQueue++;
    }
    out.states[closed] -= c.capacity - c.inUse;
    out.halfOpen = out.states[synReceived];
    out.timeWait = out.states[timeWait];
    out.timers = timers;
    out.smallBuffers = core.buffers.inUse(SMALL);
    out.largeBuffers = core.buffers.inUse(LARGE);
  }

  /** What does not hold though it must between turns, in words; empty: all does. For simulations: it looks at everything. */
  fault(): string {
    return faultIn(this.#core);
  }

  /** The next hop of a connection that opens is not known: it is asked for; the SYN goes out when it answers. */
  resolve(id: number): void {
    const core = this.#core;
    const { peer } = core;
    const line = lineOf(id);
    const nextHop = this.#neighbours.nextHop(peer[line + REMOTE]);
    const neighbour = this.#neighbours.find(nextHop);
    if (neighbour?.isKnown === true) {
      peer[line + HARDWARE_HIGH] = neighbour.high;
      peer[line + HARDWARE_LOW] = neighbour.low;
      wantsSyn(core, id);
      return;
    }
    if (neighbour !== undefined && core.nowMs - neighbour.askedMs < askAgainMs) return;
    this.#neighbours.asked(nextHop, core.nowMs);
    this.#frames.askFor(nextHop, peer[line + LOCAL]);
  }

  #resolved(address: number): void {
    const core = this.#core;
    const c = core.connections;
    for (let id = 0; id < c.capacity; id++) {
      if (core.hot[hotOf(id) + STATE] !== synSent) continue;
      const line = lineOf(id);
      const isOpen = (core.peer[line + HARDWARE_HIGH] | core.peer[line + HARDWARE_LOW]) === 0;
      if (isOpen && this.#neighbours.nextHop(core.peer[line + REMOTE]) === address) this.resolve(id);
    }
  }

  /** A port that the flow in `core.flow` is free with, from a random one on; 0: there is none. */
  #choosePort(): number {
    const { flow, random } = this.#core;
    const start = random() % freePorts;
    for (let step = 0; step < freePorts; step++) {
      flow.localPort = firstFreePort + ((start + step) % freePorts);
      if (this.#isFlowFree()) return flow.localPort;
    }
    return 0;
  }

  #isFlowFree(): boolean {
    const core = this.#core;
    const { localAddress, localPort, remoteAddress, remotePort } = core.flow;
    const id = core.flows.find(localAddress, localPort, remoteAddress, remotePort);
    if (id < 0) return true;
    const at = hotOf(id);
    // Timestamps let a new connection follow one in TIME-WAIT a second later (RFC 6191, in the active role).
    const isReusable =
      core.hot[at + STATE] === timeWait &&
      (core.hot[at + FLAGS] & (stamped | detached)) === (stamped | detached);
    if (!isReusable || core.nowMs - core.recovery[lineOf(id) + RETRYING_MS] < 1000) return false;
    finish(core, id, at);
    return true;
  }
}

/** Between two questions for the same neighbour. */
const askAgainMs = 900;
