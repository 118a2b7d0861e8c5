/**
 * The table of connections: everything that the stack knows of each, in typed arrays, made once. A connection is an id,
 * its index; free ids are handed out again, the one freed last first, whose lines are still in the cache.
 *
 *   hot       one 64-byte line: what every segment needs
 *   peer      one line: who it is, and what is needed when a segment goes out or data waits
 *   recovery  one line: congestion (congestion.ts), round trip (round-trip.ts), and what timers need
 *
 * The hot words can also lie an array a field, to measure what the line is worth: so a word is
 * `hot[(id << shift) + c.sndUna]`. It holds no logic.
 */

import { congestionWords } from './congestion.ts';
import { roundTripWords } from './round-trip.ts';

const lineWords = 16;
const lineShift = 4;

/** Words of `peer`. Addresses are int32. */
export const LOCAL = 0;
export const REMOTE = 1;
/** Local port << 16 | remote port. */
export const PORTS = 2;
/** Hardware address of the next hop: first 16 bits, last 32. */
export const HARDWARE_HIGH = 3;
export const HARDWARE_LOW = 4;
/** Offset in the buffer pool of what was written and is not acknowledged; -1: none. */
export const SEND_BUFFER = 5;
/** Offset in the buffer pool of what came and was not read; -1: none. */
export const RECEIVE_BUFFER = 6;
/** A frame whose data was not copied yet, and where in it the next byte to read is; -1: none. */
export const HELD_FRAME = 7;
export const HELD_AT = 8;
/** Our and the peer's initial sequence number. */
export const ISS = 9;
export const IRS = 10;
/** SEG.SEQ and SEG.ACK of the segment that the window was last taken from. */
export const SND_WL1 = 11;
export const SND_WL2 = 12;
/** The widest window that the peer ever had. */
export const MAX_WND = 13;
/** How far the peer's window is shifted | how far ours is << 8. */
export const SCALES = 14;
/** Of the peer's FIN that came too early. */
export const FIN_SEQ = 15;

/** Words of `recovery`. */
export const CONGESTION = 0;
export const ROUND_TRIP = congestionWords;
/** Time-outs in a row. */
export const RETRIES = congestionWords + roundTripWords;
/** When the first of them was due, or TIME-WAIT began, in milliseconds. */
export const RETRYING_MS = RETRIES + 1;
/** When data was last sent, to begin anew after a pause. */
export const SENT_MS = RETRIES + 2;
/** When TS.Recent was last taken, or the peer last heard. */
export const HEARD_MS = RETRIES + 3;

export class Connections {
  readonly capacity: number;
  readonly hot: Int32Array;
  /** A connection's hot words begin at id << shift. */
  readonly shift: number;
  /** Where each word is from there. The names are those of RFC 9293 3.3.1. */
  readonly state: number;
  readonly flags: number;
  readonly sndUna: number;
  /** Next to be sent; after a time-out it goes back to SND.UNA. */
  readonly sndNxt: number;
  /** Behind all that was ever sent. */
  readonly sndMax: number;
  /** Behind the last byte that the application wrote; our FIN is there. */
  readonly sndEnd: number;
  readonly sndWnd: number;
  /** Bytes of data in a full segment. */
  readonly sndMss: number;
  readonly rcvNxt: number;
  /** The first byte that the application has not read. */
  readonly rcvRead: number;
  /** The right edge of the window that the peer was told. */
  readonly rcvEdge: number;
  /** SEG.ACK of what was last sent. */
  readonly lastAck: number;
  readonly tsRecent: number;
  /** When the retransmission timer is due, in milliseconds of the core's clock; 0: it does not run. */
  readonly dueMs: number;
  readonly peer: Int32Array;
  readonly recovery: Int32Array;
  /** When the handshake was over, in microseconds. */
  readonly establishedUs: Float64Array;
  /** The largest segment that the peer, or the path, takes: without the headers of a segment, with its options. */
  readonly segmentLimit: Uint16Array;
  /** errno of what failed. */
  readonly error: Uint8Array;
  readonly keepAliveMs: Int32Array;
  /** When an ACK outside the window was last answered, in milliseconds of the core's clock. */
  readonly answeredMs: Int32Array;
  /** Probes without an answer. */
  readonly probes: Uint8Array;
  readonly #free: Int32Array;
  #freeCount: number;
  /** Without preallocation: the memory of each connection that there is. */
  readonly #owned: (Int32Array | null)[] | null;

  constructor(capacity: number, parts: { readonly hotLine: boolean; readonly preallocation: boolean }) {
    this.capacity = capacity;
    this.hot = new Int32Array(capacity * lineWords);
    this.shift = parts.hotLine ? lineShift : 0;
    const step = parts.hotLine ? 1 : capacity;
    this.state = 0;
    this.flags = step;
    this.sndUna = 2 * step;
    this.sndNxt = 3 * step;
    this.sndMax = 4 * step;
    this.sndEnd = 5 * step;
    this.sndWnd = 6 * step;
    this.sndMss = 7 * step;
    this.rcvNxt = 8 * step;
    this.rcvRead = 9 * step;
    this.rcvEdge = 10 * step;
    this.lastAck = 11 * step;
    this.tsRecent = 12 * step;
    this.dueMs = 13 * step;
    this.peer = new Int32Array(capacity * lineWords);
    this.recovery = new Int32Array(capacity * lineWords);
    this.establishedUs = new Float64Array(capacity);
    this.segmentLimit = new Uint16Array(capacity);
    this.error = new Uint8Array(capacity);
    this.keepAliveMs = new Int32Array(capacity);
    this.answeredMs = new Int32Array(capacity);
    this.probes = new Uint8Array(capacity);
    this.#free = new Int32Array(capacity);
    for (let id = 0; id < capacity; id++) this.#free[id] = capacity - 1 - id;
    this.#freeCount = capacity;
    this.#owned = parts.preallocation ? null : new Array<Int32Array | null>(capacity).fill(null);
  }

  get inUse(): number {
    return this.capacity - this.#freeCount;
  }

  /** @returns an id, whose words hold what the last connection left; -1: all are in use. */
  take(): number {
    if (this.#freeCount === 0) return -1;
    const id = this.#free[--this.#freeCount];
    if (this.#owned !== null) this.#own(this.#owned, id);
    return id;
  }

  give(id: number): void {
    this.#free[this.#freeCount++] = id;
    if (this.#owned !== null) this.#owned[id] = null;
  }

  /** What a connection without a place of its own in the table costs: its memory, made, cleared and left to the collector. */
  #own(owned: (Int32Array | null)[], id: number): void {
    const words = new Int32Array(3 * lineWords);
    owned[id] = words;
    if (this.shift === lineShift) this.hot.set(words.subarray(0, lineWords), id << lineShift);
    this.peer.set(words.subarray(lineWords, 2 * lineWords), id << lineShift);
    this.recovery.set(words.subarray(2 * lineWords), id << lineShift);
  }
}

/** Where the words of `peer` and of `recovery` of a connection begin. */
export function lineOf(id: number): number {
  return id << lineShift;
}
