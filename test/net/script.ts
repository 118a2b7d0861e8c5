/**
 * One stack, and a peer that is a script: it says segments, one by one, and hears what the stack sends. Sequence numbers
 * are relative, so that a test reads like a trace: the peer's SYN is 0 and its first byte 1; so are the stack's.
 *
 *   script.say('S', { seq: 0 });  script.heard()  →  ['S. 0 ack 1']
 *
 * Time is virtual, and moves only by `pass`.
 */

import type { FrameBatch, Link } from '../../net/links/link.ts';
import { frameBatch } from '../../net/links/link.ts';
import { type MemoryLink, memoryLinkPair } from '../../net/links/memory-link.ts';
import { Stack, type StackOptions } from '../../net/stack.ts';
import { ACCEPTED, CONNECTED, ENDED, FAILED, FINISHED, READABLE, WRITABLE } from '../../net/tcp/events.ts';
import { stateNames } from '../../net/tcp/states.ts';
import { EtherType, ethernetView, hardwareHigh, hardwareLow } from '../../net/wire/ethernet.ts';
import { ipv4View, Protocol, parseIpv4 } from '../../net/wire/ipv4.ts';
import { emitSack, readSack, sackBlocks } from '../../net/wire/sack.ts';
import { emitSegment, Flag, parseTcp, segmentOptionsAt, tcpView } from '../../net/wire/tcp.ts';
import { emitSynOptions, emitTimestamps, parseOptions, tcpOptions } from '../../net/wire/tcp-options.ts';
import { Verdict } from '../../net/wire/verdict.ts';

export const stackAddress = 0xc612_0001;
export const peerAddress = 0xc612_0002;
export const stackPort = 80;
export const peerPort = 40_000;
const peerIsn = 0x7fff_ff00;

export interface Said {
  /** Relative to the peer's initial sequence number. */
  readonly seq?: number;
  /** Relative to the stack's. */
  readonly ack?: number;
  readonly window?: number;
  readonly data?: string | Uint8Array;
  readonly urgent?: number;
  /** Of a SYN. */
  readonly mss?: number;
  readonly scale?: number;
  readonly sack?: boolean;
  /** TSval and TSecr. */
  readonly stamp?: readonly [number, number];
  /** SACK blocks, relative to the stack's initial sequence number. */
  readonly blocks?: readonly (readonly [number, number])[];
  /** In the place of all options: raw bytes, a multiple of four. */
  readonly options?: Uint8Array;
  readonly from?: number;
  readonly to?: number;
  readonly fromPort?: number;
  readonly toPort?: number;
  /** Changes the frame before it is sent. @returns its length. */
  readonly damage?: (memory: Uint8Array, at: number, length: number) => number;
}

export interface Heard {
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly data: string;
  readonly mss: number;
  readonly scale: number;
  readonly stamp: readonly [number, number] | null;
  readonly sack: boolean;
  /** SACK blocks, relative to the peer's. */
  readonly blocks: readonly (readonly [number, number])[];
  readonly fromPort: number;
  readonly toPort: number;
  /** Not relative. */
  readonly rawSeq: number;
  readonly atMs: number;
}

export interface ScriptOptions extends Partial<StackOptions> {
  /** Runs when events were taken, before the flush: the application. */
  readonly application?: (stack: Stack, id: number, mask: number) => void;
}

const letters = [
  [Flag.syn, 'S'],
  [Flag.fin, 'F'],
  [Flag.rst, 'R'],
  [Flag.psh, 'P'],
  [Flag.urg, 'U'],
  [Flag.ack, '.'],
] as const;

const eventNames = [
  [ACCEPTED, 'ACCEPTED'],
  [CONNECTED, 'CONNECTED'],
  [READABLE, 'READABLE'],
  [WRITABLE, 'WRITABLE'],
  [ENDED, 'ENDED'],
  [FAILED, 'FAILED'],
  [FINISHED, 'FINISHED'],
] as const;

export class Script {
  readonly stack: Stack;
  readonly stackLink: MemoryLink;
  readonly peerLink: MemoryLink;
  nowUs: number;
  /** Of the connection that last had an event. */
  id = -1;
  readonly #view: DataView;
  readonly #batch: FrameBatch = frameBatch(256);
  readonly #application: (stack: Stack, id: number, mask: number) => void;
  /** The stack's initial sequence number to each port of the peer, once a SYN of it was heard. */
  readonly #isns = new Map<number, number>();
  #heard: Heard[] = [];
  #events: string[] = [];

  constructor(options: ScriptOptions = {}) {
    const { application, ...rest } = options;
    const [stackLink, peerLink] = memoryLinkPair({ frames: 1_024 });
    this.stackLink = stackLink;
    this.peerLink = peerLink;
    this.#view = new DataView(peerLink.memory.buffer);
    this.#application = application ?? (() => {});
    this.nowUs = 1_000_000;
    this.stack = new Stack({
      link: stackLink as Link,
      addresses: Uint32Array.of(stackAddress),
      random: words(7),
      maxConnections: 64,
      ...rest,
    });
    this.stack.setNeighbour(peerAddress, peerLink.hardwareAddress);
    this.stack.poll(this.nowUs);
  }

  /** The stack's initial sequence number. */
  get isn(): number {
    return this.#isns.get(peerPort) ?? 0;
  }

  /** The peer sends a segment, and the stack has a turn. */
  say(flags: string, said: Said = {}): void {
    this.whisper(flags, said);
    this.turn();
  }

  /** The peer sends a segment; the stack has no turn yet. */
  whisper(flags: string, said: Said = {}): void {
    const at = this.peerLink.allocate();
    const data = typeof said.data === 'string' ? Buffer.from(said.data) : (said.data ?? new Uint8Array());
    const optionsAt = at + segmentOptionsAt;
    const optionBytes = this.#emitOptions(optionsAt, flags, said);
    this.peerLink.memory.set(data, optionsAt + optionBytes);
    const ethernet = ethernetView();
    ethernet.destinationHigh = hardwareHigh(this.stackLink.hardwareAddress);
    ethernet.destinationLow = hardwareLow(this.stackLink.hardwareAddress);
    ethernet.sourceHigh = hardwareHigh(this.peerLink.hardwareAddress);
    ethernet.sourceLow = hardwareLow(this.peerLink.hardwareAddress);
    ethernet.etherType = EtherType.ipv4;
    const ip = ipv4View();
    ip.protocol = Protocol.tcp;
    ip.source = (said.from ?? peerAddress) | 0;
    ip.destination = (said.to ?? stackAddress) | 0;
    const tcp = tcpView();
    tcp.sourcePort = said.fromPort ?? peerPort;
    tcp.destinationPort = said.toPort ?? stackPort;
    tcp.seq = (peerIsn + (said.seq ?? 0)) | 0;
    tcp.ack = said.ack === undefined ? 0 : ((this.#isns.get(tcp.sourcePort) ?? 0) + said.ack) | 0;
    tcp.flags = letters.reduce((bits, [bit, letter]) => bits | (flags.includes(letter) ? bit : 0), 0);
    tcp.window = said.window ?? 65_535;
    tcp.urgent = said.urgent ?? 0;
    tcp.optionBytes = optionBytes;
    tcp.payloadLength = data.length;
    const length = emitSegment(this.#view, at, ethernet, ip, tcp);
    this.peerLink.transmit(at, said.damage?.(this.peerLink.memory, at, length) ?? length);
    this.peerLink.flush(this.nowUs);
  }

  #emitOptions(at: number, flags: string, said: Said): number {
    if (said.options !== undefined) {
      this.peerLink.memory.set(said.options, at);
      return said.options.length;
    }
    const [value, echo] = said.stamp ?? [0, 0];
    if (!flags.includes('S')) {
      const stampBytes = said.stamp === undefined ? 0 : emitTimestamps(this.#view, at, value, echo);
      if (said.blocks === undefined) return stampBytes;
      const isn = this.#isns.get(said.fromPort ?? peerPort) ?? 0;
      const sack = sackBlocks();
      sack.count = said.blocks.length;
      for (const [index, [from, to]] of said.blocks.entries()) {
        sack.from[index] = isn + from;
        sack.to[index] = isn + to;
      }
      return stampBytes + emitSack(this.#view, at + stampBytes, sack);
    }
    const options = tcpOptions();
    options.mss = said.mss ?? 0;
    options.windowScale = said.scale ?? -1;
    options.sackPermitted = said.sack ?? false;
    options.hasTimestamps = said.stamp !== undefined;
    options.timestampValue = value;
    options.timestampEcho = echo;
    return emitSynOptions(this.#view, at, options);
  }

  /** Poll, the application, flush; and the peer hears what was sent. */
  turn(): void {
    const { stack } = this;
    stack.poll(this.nowUs);
    const count = stack.takeEvents();
    for (let index = 0; index < count; index++) {
      const [id, mask] = [stack.events.id[index], stack.events.mask[index]];
      this.id = id;
      this.#events.push(eventNames.flatMap(([bit, name]) => ((mask & bit) === 0 ? [] : [name])).join(' '));
      this.#application(stack, id, mask);
    }
    this.flush();
  }

  flush(): void {
    this.stack.flush();
    for (let count = 1; count > 0; ) {
      count = this.peerLink.receive(this.#batch, this.nowUs);
      for (let index = 0; index < count; index++) {
        this.#hear(this.#batch.at[index], this.#batch.length[index]);
        this.peerLink.release(this.#batch.at[index]);
      }
    }
  }

  /** Time goes on, from timer to timer. */
  pass(ms: number): void {
    const untilUs = this.nowUs + ms * 1000;
    for (;;) {
      const dueUs = this.stack.nextDueUs();
      if (dueUs > untilUs) break;
      this.nowUs = Math.max(this.nowUs, dueUs);
      this.turn();
    }
    this.nowUs = untilUs;
    this.turn();
  }

  /** What was heard since the last time: flags, sequence number, length of data if any, ACK. */
  heard(): string[] {
    return this.segments().map(({ flags, seq, data, ack }) => {
      const length = data.length === 0 ? '' : `+${data.length}`;
      return `${flags} ${seq}${length}${flags.includes('.') ? ` ack ${ack}` : ''}`;
    });
  }

  /** The same, all there is to know. */
  segments(): Heard[] {
    const heard = this.#heard;
    this.#heard = [];
    return heard;
  }

  /** Events since the last time, one string a connection and turn. */
  events(): string[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  get state(): string {
    return stateNames[this.stack.state(this.id)] as string;
  }

  /** All the application can read. */
  read(most = 1_000_000): string {
    const into = new Uint8Array(Math.min(this.stack.readable(this.id), most));
    this.stack.read(this.id, into, 0, into.length);
    return Buffer.from(into).toString();
  }

  write(data: string): number {
    const bytes = Buffer.from(data);
    return this.stack.write(this.id, bytes, 0, bytes.length);
  }

  #hear(at: number, length: number): void {
    const ip = ipv4View();
    const tcp = tcpView();
    if (this.#view.getUint16(at + 12) !== EtherType.ipv4) return;
    const verdict = parseIpv4(this.#view, at + 14, at + length, ip);
    if (verdict !== Verdict.ok) throw new Error(`The stack sent an IP packet that is bad: ${verdict}`);
    if (ip.protocol !== Protocol.tcp) return;
    const tcpVerdict = parseTcp(this.#view, ip.payloadAt, ip.payloadEnd, ip, tcp);
    if (tcpVerdict !== Verdict.ok) throw new Error(`The stack sent a segment that is bad: ${tcpVerdict}`);
    const options = tcpOptions();
    parseOptions(this.#view, tcp.optionsAt, tcp.payloadAt, options);
    const sack = sackBlocks();
    readSack(this.#view, tcp.optionsAt, tcp.payloadAt, sack);
    if ((tcp.flags & Flag.syn) !== 0) this.#isns.set(tcp.destinationPort, tcp.seq);
    const isn = this.#isns.get(tcp.destinationPort) ?? 0;
    this.#heard.push({
      flags: letters.map(([bit, letter]) => ((tcp.flags & bit) === 0 ? '' : letter)).join(''),
      seq: (tcp.seq - isn) | 0,
      ack: (tcp.ack - peerIsn) | 0,
      window: tcp.window,
      data: Buffer.from(
        this.peerLink.memory.subarray(tcp.payloadAt, tcp.payloadAt + tcp.payloadLength),
      ).toString(),
      mss: options.mss,
      scale: options.windowScale,
      stamp: options.hasTimestamps ? [options.timestampValue, options.timestampEcho] : null,
      sack: options.sackPermitted,
      blocks: Array.from({ length: sack.count }, (_, index) => [
        (sack.from[index] - peerIsn) | 0,
        (sack.to[index] - peerIsn) | 0,
      ]),
      fromPort: tcp.sourcePort,
      toPort: tcp.destinationPort,
      rawSeq: tcp.seq,
      atMs: this.nowUs / 1000,
    });
  }
}

/** A stack that listens, and a peer. */
export function listening(options: ScriptOptions = {}): Script {
  const script = new Script(options);
  script.stack.listen(stackPort);
  return script;
}

/** A connection that the peer opened, and the application was told of. */
export function established(options: ScriptOptions = {}, syn: Said = { mss: 1_460 }): Script {
  const script = listening(options);
  script.say('S', { seq: 0, ...syn });
  script.segments();
  script.say('.', { seq: 1, ack: 1, window: syn.window ?? 65_535, ...stampOf(syn) });
  script.events();
  return script;
}

/** A connection that the stack opened. */
export function connected(options: ScriptOptions = {}): Script {
  const script = connecting(options);
  script.say('S.', { seq: 0, ack: 1, mss: 1_460 });
  script.segments();
  script.events();
  return script;
}

/** The stack has sent its SYN. */
export function connecting(options: ScriptOptions = {}): Script {
  const script = new Script({ timestamps: false, ...options });
  script.id = script.stack.connect(stackAddress, stackPort, peerAddress, peerPort);
  script.turn();
  return script;
}

function stampOf(said: Said): Said {
  return said.stamp === undefined ? {} : { stamp: said.stamp };
}

/** Uniform 32-bit words, the same for the same seed. */
export function words(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  };
}
