/**
 * All that one stack is made of, on one core: the table of connections, the way to find one, timers, lists, buffers, and
 * what is known of the segment under the hand. The functions of this folder take it as their first argument; each file
 * is a part of RFC 9293 3.10. Nothing here is shared with another core, and nothing locks.
 */

import { OwnAddresses } from '../addresses.ts';
import type { Link } from '../links/link.ts';
import { type EthernetView, EtherType, ethernetView, hardwareHigh, hardwareLow } from '../wire/ethernet.ts';
import { type Ipv4View, ipv4View, Protocol } from '../wire/ipv4.ts';
import { type SackBlocks, sackBlocks } from '../wire/sack.ts';
import { type TcpView, tcpView } from '../wire/tcp.ts';
import { type TcpOptions, tcpOptions } from '../wire/tcp-options.ts';
import { BufferPool } from './buffer-pool.ts';
import { Connections } from './connections.ts';
import { type Memory, memoryOf } from './copy.ts';
import { type StackCounters, stackCounters } from './counters.ts';
import { DeadlineList } from './deadline-list.ts';
import { Events } from './events.ts';
import { createFlowTable, type FlowTable } from './flow-table.ts';
import { InitialSequence } from './initial-sequence.ts';
import { Reassembly } from './reassembly.ts';
import type { RoundTripLimits } from './round-trip.ts';
import {
  allParts,
  type BufferSettings,
  defaultBuffers,
  defaultTimers,
  type Parts,
  type TimerSettings,
} from './settings.ts';
import { SynCookie } from './syn-cookie.ts';
import { TimerHeap, type Timers } from './timer-heap.ts';
import { TimerWheel } from './timer-wheel.ts';
import { TransmitLists } from './transmit-lists.ts';

const headerBytes = 40;
const largestUnscaledWindow = 65_535;
const ports = 65_536;
/** More are forgotten, the furthest first, and so sent again when all before is there. */
const scoreboardRanges = 64;
/** Data behind more gaps is dropped, and comes again. */
const outOfOrderRanges = 64;

export interface CoreOptions {
  readonly link: Link;
  /** Own IPv4 addresses. */
  readonly addresses: Uint32Array;
  readonly random: () => number;
  readonly maxConnections: number;
  readonly backlog?: number;
  readonly synCookies?: boolean;
  readonly timestamps?: boolean;
  /** SACK is offered, and agreed to. */
  readonly sack?: boolean;
  readonly buffers?: Partial<BufferSettings>;
  readonly timers?: Partial<TimerSettings>;
  readonly parts?: Partial<Parts>;
}

/** Who a connection is between, and over which next hop. Addresses are int32. */
export interface Flow {
  localAddress: number;
  localPort: number;
  remoteAddress: number;
  remotePort: number;
  hardwareHigh: number;
  hardwareLow: number;
}

/** Finds hardware addresses, and sends the SYN of `id` when it has. */
export interface Resolver {
  resolve(id: number): void;
}

export class Core {
  readonly link: Link;
  readonly memory: DataView;
  /** False: the link leaves them out. */
  readonly hasChecksums: boolean;
  readonly frameMemory: Memory;
  readonly random: () => number;
  readonly timers: TimerSettings;
  readonly roundTripLimits: RoundTripLimits;
  readonly hasCookies: boolean;
  readonly offersTimestamps: boolean;
  readonly offersSack: boolean;
  readonly backlog: number;
  /** Our MSS: what fits the link, not lowered for options (RFC 6691). */
  readonly ownMss: number;
  /** The most that a window may be, and how far it is shifted when the peer does scaling. */
  readonly receiveSpace: number;
  readonly receiveScale: number;

  readonly connections: Connections;
  /** Its lines: see layout.ts. */
  readonly hot: Int32Array;
  readonly peer: Int32Array;
  readonly recovery: Int32Array;
  readonly rare: Int32Array;
  readonly rareDoubles: Float64Array;
  readonly flows: FlowTable;
  readonly events: Events;
  readonly lists: TransmitLists;
  readonly buffers: BufferPool;
  readonly bufferMemory: Memory;
  readonly reassembly: Reassembly;
  /** What peers have of what they could not acknowledge: see scoreboard.ts. */
  readonly scoreboard: Reassembly;
  readonly sequences: InitialSequence;
  readonly cookies: SynCookie;
  readonly counters: StackCounters = stackCounters();

  /** Retransmission, of SYNs, too, and probes of a window that is shut. */
  readonly retransmission: Timers;
  readonly delayedAck: Timers;
  /** TIME-WAIT, and FIN-WAIT-2 of connections that the application has closed. */
  readonly timeWait: Timers;
  readonly finWait: Timers;
  readonly keepAlive: Timers;

  readonly addresses: OwnAddresses;
  /** Finds the way to a connection's next hop. */
  readonly resolver: Resolver;
  /** Of each port, 1: it listens. */
  readonly listening = new Uint8Array(ports);
  /** Of each port that listens, connections that are half open or not accepted yet. */
  readonly waiting = new Int32Array(ports);

  /** The segment that arrives. */
  readonly ethernet: EthernetView = ethernetView();
  readonly ip: Ipv4View = ipv4View();
  readonly segment: TcpView = tcpView();
  readonly options: TcpOptions = tcpOptions();
  readonly sack: SackBlocks = sackBlocks();
  /** What `findHole` found. */
  holeFrom = 0;
  holeTo = 0;
  /** Of no meaning: so that what `touch` reads is read. */
  touched = 0;
  /** Offset of its frame; and whether that frame was kept, to be read from. */
  frameAt = 0;
  isFrameKept = false;

  /** Of a connection that begins. */
  readonly flow: Flow = {
    localAddress: 0,
    localPort: 0,
    remoteAddress: 0,
    remotePort: 0,
    hardwareHigh: 0,
    hardwareLow: 0,
  };

  /** The segment that goes out. */
  readonly outEthernet: EthernetView = ethernetView();
  readonly outIp: Ipv4View = ipv4View();
  readonly outSegment: TcpView = tcpView();
  readonly outOptions: TcpOptions = tcpOptions();

  /** Ids that hold a frame, and ids whose ACK may wait: both of this turn. */
  readonly holding: Int32Array;
  holdingCount = 0;
  readonly laterAcks: Int32Array;
  laterAckCount = 0;
  /** Ids that wait for a buffer. */
  readonly starved: Int32Array;
  starvedCount = 0;

  /** Milliseconds since the first time that was seen, plus one: 0 can mean none. */
  nowMs = 1;
  /** Microseconds, as an int32 that wraps. */
  clockUs = 0;
  /**
   * What timestamps add to nowMs: peers do not learn when the stack began (RFC 7323 5.4). Nor does it matter: on one clock
   * and one secret, the stamps of a stack go on where those of the one before it stopped (RFC 6191 rests on that).
   */
  stampOffset: number;
  /** [now, the first time that was seen], microseconds: doubles in an array, so that storing one allocates nothing. */
  readonly time = new Float64Array(2);
  hasTime = false;
  /** When a cookie was last sent, in milliseconds: only then are ACKs out of the blue looked at. */
  cookieSentMs = -1;
  /** Challenge ACKs (RFC 5961 10) that may still be sent in the second that began at challengeMs. */
  challengesLeft = 0;
  challengeMs = -1_000;

  /** @param batch frames of one poll. */
  constructor(options: CoreOptions, batch: number, resolver: Resolver) {
    const { link, maxConnections, random } = options;
    const parts = { ...allParts, ...options.parts };
    const buffers = { ...defaultBuffers, ...options.buffers };
    this.link = link;
    this.frameMemory = memoryOf(link.memory);
    this.memory = this.frameMemory.view;
    this.hasChecksums = link.leavesOutChecksums !== true;
    this.random = random;
    this.addresses = new OwnAddresses(options.addresses);
    this.resolver = resolver;
    this.timers = { ...defaultTimers, ...options.timers };
    this.roundTripLimits = {
      minRtoUs: this.timers.minRtoMs * 1000,
      maxRtoUs: this.timers.maxRtoMs * 1000,
      initialRtoUs: this.timers.initialRtoMs * 1000,
    };
    this.hasCookies = options.synCookies ?? true;
    this.offersTimestamps = options.timestamps ?? true;
    this.offersSack = options.sack ?? true;
    this.backlog = options.backlog ?? 4_096;
    this.ownMss = Math.min(link.mtu, 65_535) - headerBytes;
    this.receiveScale = Math.max(0, 32 - Math.clz32(buffers.largeBytes - 1) - 16);
    // The window is rounded up to what the scale can say, so that its edge never goes back: that much stays free.
    this.receiveSpace = buffers.largeBytes - (1 << this.receiveScale);

    this.connections = new Connections(maxConnections, parts.preallocation);
    this.hot = this.connections.hot;
    this.peer = this.connections.peer;
    this.recovery = this.connections.recovery;
    this.rare = this.connections.rare;
    this.rareDoubles = this.connections.rareDoubles;
    this.flows = createFlowTable(parts.flowTable ? 'open' : 'map', this.peer, random() | 0);
    this.events = new Events(maxConnections, parts.eventBatches ? maxConnections : 1);
    this.lists = new TransmitLists(maxConnections, parts.transmitLists ? 'by-list' : 'first-come');
    this.buffers = new BufferPool(buffers);
    this.bufferMemory = memoryOf(this.buffers.memory);
    this.reassembly = new Reassembly(maxConnections, { most: outOfOrderRanges });
    this.scoreboard = new Reassembly(maxConnections, { most: scoreboardRanges });
    this.sequences = new InitialSequence(random);
    this.cookies = new SynCookie(random);
    this.retransmission = parts.timerLists ? new TimerWheel(maxConnections) : new TimerHeap(maxConnections);
    const sorted = (): Timers =>
      parts.timerLists ? new DeadlineList(maxConnections) : new TimerHeap(maxConnections);
    this.delayedAck = sorted();
    this.timeWait = sorted();
    this.finWait = sorted();
    this.keepAlive = sorted();
    this.holding = new Int32Array(batch);
    this.laterAcks = new Int32Array(maxConnections);
    this.starved = new Int32Array(maxConnections);
    this.stampOffset = random() | 0;

    this.outEthernet.sourceHigh = hardwareHigh(link.hardwareAddress);
    this.outEthernet.sourceLow = hardwareLow(link.hardwareAddress);
    this.outEthernet.etherType = EtherType.ipv4;
    this.outIp.protocol = Protocol.tcp;
  }

  /** Time goes on: to `time[0]`, never less than before. */
  takeTime(): void {
    const nowUs = this.time[0];
    if (!this.hasTime) {
      this.hasTime = true;
      // Whole, so that a time that was computed from it leads back to the same millisecond.
      this.time[1] = Math.floor(nowUs);
      this.stampOffset = (this.stampOffset + Math.floor(nowUs / 1000)) | 0;
    }
    this.clockUs = nowUs | 0;
    this.nowMs = ((nowUs - this.time[1]) / 1000 + 1) | 0;
  }
}

export { largestUnscaledWindow };
