/**
 * A flood over a TCP of our own, on frames straight from a device. One turn of the load thread is one `poll`:
 *
 *   flush what the flood asked for ─► take frames, run timers ─► tell the flood what became of each connection
 *                                          │ nothing there
 *                                          └─► sleep until a frame comes, a timer is due, or the flood wants to go on
 *
 * The stack knows connections by its own ids, the flood by slots; two columns translate. A connection that failed inside
 * `open` or was cancelled is told by the next `poll`, so the flood hears of it in one place only.
 */

import { constants } from 'node:os';
import { pauseUs } from '../../../linux/thread.ts';
import type { KernelLink } from '../../../net/links/link.ts';
import type { Stack, StackGauges } from '../../../net/stack.ts';
import { CONNECTED, ENDED, FAILED, READABLE, WRITABLE } from '../../../net/tcp/events.ts';
import { State, stateNames } from '../../../net/tcp/states.ts';
import { echoNonceBytes } from '../../../protocol/traffic.ts';
import { monotonicUs } from '../../monotonic.ts';
import type { Buffers } from '../flood/buffers.ts';
import type { Transport, TransportEvents, TransportOptions } from '../flood/transport.ts';
import type { Gathering } from './gathering.ts';
import type { NamesInTurn } from './names-in-turn.ts';

const { EADDRINUSE, EADDRNOTAVAIL, ECANCELED, ENOBUFS } = constants.errno;

/** Names that are tried for one connection before there is none: they rest in the order in which they are tried. */
const mostTries = 16;
/** So many at a time are worth a turn as they are. */
const fewEvents = 64;
/** Nothing came for so long: nothing is under way any more. */
const quietMs = 10;
/** At the end, closing handshakes and stragglers each have this long: a stopped flood must be gone within 100 ms. */
const mostLingerMs = 40;
/** Of these the peer may still send something. */
const closing: readonly number[] = [State.finWait1, State.finWait2, State.closing, State.lastAck];
/** A request that is not to be sent yet. */
const notConnected = -1;

type PacketLink = Pick<KernelLink, 'wait' | 'counters' | 'togetherRefused'>;

export interface PacketTransportOptions extends TransportOptions {
  readonly stack: Stack;
  readonly link: PacketLink;
  /** Closes the link, and takes its programs off the device. */
  readonly closeLink: () => void;
  readonly names: NamesInTurn;
  readonly targetPort: number;
  /** Ids of the stack are below this. */
  readonly maxConnections: number;
  /** Of a closed loop: frames are left to gather. */
  readonly gathering: Gathering | null;
}

export class PacketTransport implements Transport {
  readonly capacity: number;
  readonly startsAtOnce = 64;
  readonly awakeUs = 0;

  readonly #stack: Stack;
  readonly #link: PacketLink;
  readonly #closeLink: () => void;
  readonly #names: NamesInTurn;
  readonly #targetPort: number;
  readonly #buffers: Buffers;
  readonly #gathered: boolean;
  readonly #gathering: Gathering | null;
  /** Connections that are open, and that have ended. */
  #underWay = 0;
  #ended = 0;
  /** What the last poll found. */
  #lastCount = 0;
  /** The stack's id of each slot's connection, and the slot of each id; -1: none. */
  readonly #idOf: Int32Array;
  readonly #slotOf: Int32Array;
  /** Bytes of the request that the stack has taken. */
  readonly #sent: Int32Array;
  /** Slots that failed since the last poll, and why; 0: has not failed. */
  readonly #failedSlots: Int32Array;
  readonly #failedErrno: Uint8Array;
  #failedCount = 0;
  readonly #gauges: StackGauges = {
    states: new Int32Array(stateNames.length),
    halfOpen: 0,
    acceptQueue: 0,
    timeWait: 0,
    timers: 0,
    smallBuffers: 0,
    largeBuffers: 0,
  };

  constructor(options: PacketTransportOptions) {
    const { slots } = options.buffers;
    this.capacity = slots;
    this.#stack = options.stack;
    this.#link = options.link;
    this.#closeLink = options.closeLink;
    this.#names = options.names;
    this.#targetPort = options.targetPort;
    this.#buffers = options.buffers;
    this.#gathered = options.gathered;
    this.#gathering = options.gathering;
    this.#idOf = new Int32Array(slots).fill(-1);
    this.#slotOf = new Int32Array(options.maxConnections).fill(-1);
    this.#sent = new Int32Array(slots);
    this.#failedSlots = new Int32Array(slots);
    this.#failedErrno = new Uint8Array(slots);
  }

  open(slot: number): void {
    const id = this.#connect();
    if (id < 0) {
      this.#failLater(slot, -id);
      return;
    }
    this.#underWay++;
    this.#idOf[slot] = id;
    this.#slotOf[id] = slot;
    this.#sent[slot] = notConnected;
  }

  send(slot: number): void {
    this.#sent[slot] = 0;
    this.#sendMore(slot, this.#idOf[slot]);
  }

  receive(): void {
    // What comes is told as it comes.
  }

  close(slot: number, byReset: boolean): void {
    const id = this.#idOf[slot];
    if (id < 0) return;
    this.#forget(slot, id);
    if (byReset) this.#stack.abort(id);
    else this.#stack.close(id);
  }

  cancel(slot: number): void {
    this.close(slot, true);
    this.#failLater(slot, ECANCELED);
  }

  poll(waitUs: number, events: TransportEvents): void {
    const stack = this.#stack;
    stack.flush();
    if (waitUs > 0 && this.#lastCount < fewEvents) this.#gather(waitUs);
    let count = this.#take();
    if (count === 0 && this.#failedCount === 0 && waitUs > 0) {
      this.#sleep(waitUs);
      count = this.#take();
    }
    this.#lastCount = count;
    events.woke();
    const { id: ids, mask: masks } = stack.events;
    for (let index = 0; index < count; index++) {
      const id = ids[index];
      const slot = this.#slotOf[id];
      if (slot >= 0) this.#advance(slot, id, masks[index], events);
    }
    // Those that fail while these are told are told by the next poll.
    const failures = this.#failedCount;
    for (let index = 0; index < failures; index++) {
      const slot = this.#failedSlots[index];
      const errno = this.#failedErrno[slot];
      this.#failedErrno[slot] = 0;
      events.failed(slot, errno);
    }
    this.#failedSlots.copyWithin(0, failures, this.#failedCount);
    this.#failedCount -= failures;
  }

  notes(): Readonly<Record<string, string>> {
    return { ...this.#notesOfLink(), ...this.#notesOfSending(), ...this.#notesOfGathering() };
  }

  #notesOfSending(): Readonly<Record<string, string>> {
    const { transmitted, sentTogether = 0 } = this.#link.counters;
    const refused = this.#link.togetherRefused ?? null;
    if (sentTogether === 0 && refused === null) return {};
    const why = refused === null ? '' : `: ${refused}`;
    return {
      'generator.sending': `of ${transmitted} frames ${sentTogether} were sent many at a time, past the kernel's socket buffers${why}`,
    };
  }

  #notesOfGathering(): Readonly<Record<string, string>> {
    const longestUs = this.#gathering?.longestUs ?? 0;
    if (longestUs === 0) return {};
    return {
      'generator.gathering': `frames were left to gather for up to ${longestUs} µs, a hundredth of a connection's time: latencies are that much coarser`,
    };
  }

  /** Frames that this end lost, and what was sent again: latencies of those are not the server's. */
  #notesOfLink(): Readonly<Record<string, string>> {
    const { overflows, received, transmitted } = this.#link.counters;
    const { synRetransmissions, timeoutRetransmissions, fastRetransmissions } = this.#stack.counters;
    const again = synRetransmissions + timeoutRetransmissions + fastRetransmissions;
    if (overflows + again === 0) return {};
    return {
      'generator.link':
        `of ${received + transmitted} frames, in and out, ${overflows} were dropped at this end; ${again} segments were ` +
        `sent again, ${synRetransmissions} of them a SYN: what waited for those waited up to seconds`,
    };
  }

  /**
   * Closing handshakes end first; those that take too long are reset. Then what was under way arrives: the kernel, whose the
   * port is again afterwards, has nothing to answer.
   */
  destroy(): void {
    try {
      this.#lingerUntil(performance.now() + mostLingerMs, 0);
      for (let id = 0; id < this.#slotOf.length; id++)
        if (closing.includes(this.#stack.state(id))) this.#stack.abort(id);
      this.#lingerUntil(performance.now() + mostLingerMs, quietMs);
    } finally {
      this.#closeLink();
    }
  }

  /** Until no connection closes and nothing came for `silenceMs`, or time is up. */
  #lingerUntil(endMs: number, silenceMs: number): void {
    let heardMs = performance.now();
    this.#stack.flush();
    while (this.#isClosing() || performance.now() - heardMs < silenceMs) {
      if (performance.now() >= endMs) return;
      this.#link.wait(1_000);
      const { received } = this.#link.counters;
      this.#take();
      if (this.#link.counters.received > received) heardMs = performance.now();
      this.#stack.flush();
    }
  }

  #isClosing(): boolean {
    this.#stack.gauges(this.#gauges);
    return closing.some((state) => this.#gauges.states[state] > 0);
  }

  /**
   * The stack lives on CLOCK_MONOTONIC, not on this thread's own: sequence numbers and timestamps must go on from one
   * process to the next, or a server in TIME_WAIT would take the new for the old.
   * @returns how many events there are.
   */
  #take(): number {
    this.#stack.poll(monotonicUs());
    return this.#stack.takeEvents();
  }

  #gather(waitUs: number): void {
    const pause = this.#gathering?.pauseUs(monotonicUs(), this.#underWay, this.#ended) ?? 0;
    if (pause > 0 && pause <= waitUs) pauseUs(pause);
  }

  #sleep(waitUs: number): void {
    this.#stack.flush();
    const idleUs = this.#stack.idleUs();
    if (idleUs > 0) this.#link.wait(Math.min(waitUs, idleUs));
  }

  #connect(): number {
    const names = this.#names;
    for (let tries = 0; tries < mostTries; tries++) {
      const id = this.#stack.connect(names.source, names.port, names.target, this.#targetPort);
      names.advance();
      // Every id taken: those that rest have filled the stack before they have filled the names.
      if (id === -ENOBUFS) return -EADDRNOTAVAIL;
      if (id !== -EADDRINUSE) return id;
    }
    return -EADDRNOTAVAIL;
  }

  #advance(slot: number, id: number, mask: number, events: TransportEvents): void {
    if ((mask & CONNECTED) !== 0) {
      events.connected(slot);
      this.#sent[slot] = 0;
    }
    if ((mask & (CONNECTED | WRITABLE)) !== 0) this.#sendMore(slot, id);
    if ((mask & (READABLE | ENDED)) !== 0) this.#read(slot, id, events);
    if ((mask & FAILED) !== 0 && this.#idOf[slot] === id) {
      const errno = this.#stack.errorOf(id);
      this.close(slot, true);
      events.failed(slot, errno);
    }
  }

  /** Tells the flood of all that is there, as long as it leaves the connection open. */
  #read(slot: number, id: number, events: TransportEvents): void {
    const stack = this.#stack;
    const { bytes, receiveAt, receiveBytes } = this.#buffers;
    while (this.#idOf[slot] === id) {
      const at = receiveAt[slot];
      const count = stack.read(id, bytes, at, at + receiveBytes[slot]);
      if (count > 0) events.received(slot, count);
      else {
        if (stack.isEnded(id)) events.received(slot, 0);
        return;
      }
    }
  }

  /** Sends what is left of the request, as far as the stack has room for it; it tells when it has again. */
  #sendMore(slot: number, id: number): void {
    const { ownAt, sendAt, sendBytes, sharedAt } = this.#buffers;
    const total = sendBytes[slot];
    const sent = this.#sent[slot];
    if (sent < 0 || sent >= total) return;
    if (!this.#gathered) {
      this.#write(slot, id, sendAt[slot] + sent, total - sent);
      return;
    }
    // Gathered from two pieces: the slot's nonce, and the bytes that all slots share.
    if (sent < echoNonceBytes) this.#write(slot, id, ownAt[slot] + sent, echoNonceBytes - sent);
    const after = this.#sent[slot];
    if (after >= echoNonceBytes) this.#write(slot, id, sharedAt + after, total - after);
  }

  #write(slot: number, id: number, from: number, bytes: number): void {
    this.#sent[slot] += this.#stack.write(id, this.#buffers.bytes, from, from + bytes);
  }

  #forget(slot: number, id: number): void {
    this.#underWay--;
    this.#ended++;
    this.#idOf[slot] = -1;
    this.#slotOf[id] = -1;
  }

  #failLater(slot: number, errno: number): void {
    if (this.#failedErrno[slot] !== 0) return;
    this.#failedErrno[slot] = errno;
    this.#failedSlots[this.#failedCount++] = slot;
  }
}
