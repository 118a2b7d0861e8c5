/**
 * Where the words of a connection lie. Three lines of 64 bytes each:
 *
 *   hot       what every segment needs
 *   peer      who it is, and what is needed when a segment goes out or data waits
 *   recovery  congestion (congestion.ts), round trip (round-trip.ts), and what their timers need
 *   rare      what is looked at when a connection begins or ends
 *
 * To measure what the hot line is worth, its words can lie an array a field instead. Which of the two is a matter of the
 * process, for the offsets are compiled into the code: STAMPEDE_HOT_LINE=off.
 *
 * A file that is hot takes its words out of these objects once, at its top: the engine folds a constant of the same file
 * into the code, but reads an imported one again each time (8 % of a connection's time).
 */

import { congestionWords } from './congestion.ts';
import { roundTripWords } from './round-trip.ts';

export const lineWords = 16;
const lineShift = 4;

/** The hot words are in one line; else each is an array of its own. */
export const hasHotLine = process.env.STAMPEDE_HOT_LINE !== 'off';
/** Connections there can be without the hot line. */
export const mostInColumns = 131_072;
const step = hasHotLine ? 1 : mostInColumns;
const hotShift = hasHotLine ? lineShift : 0;

/** The names are those of RFC 9293 3.3.1, where it has one. */
export const Hot = {
  STATE: 0,
  FLAGS: step,
  SND_UNA: 2 * step,
  /** Next to be sent; after a time-out it goes back to SND.UNA. */
  SND_NXT: 3 * step,
  /** Behind all that was ever sent. */
  SND_MAX: 4 * step,
  /** Behind the last byte that the application wrote; our FIN is there. */
  SND_END: 5 * step,
  SND_WND: 6 * step,
  /** Bytes of data in a full segment. */
  SND_MSS: 7 * step,
  RCV_NXT: 8 * step,
  /** The first byte that the application has not read. */
  RCV_READ: 9 * step,
  /** The right edge of the window that the peer was told. */
  RCV_EDGE: 10 * step,
  /** SEG.ACK of what was last sent. */
  LAST_ACK: 11 * step,
  TS_RECENT: 12 * step,
  /** When the retransmission timer is due, in milliseconds of the core's clock; 0: it does not run. */
  DUE_MS: 13 * step,
} as const;

/** Words of the hot array of a table. */
export function hotWords(capacity: number): number {
  return hasHotLine ? capacity * lineWords : 14 * mostInColumns;
}

/** Addresses are int32. */
export const Peer = {
  LOCAL: 0,
  REMOTE: 1,
  /** Local port << 16 | remote port. */
  PORTS: 2,
  /** Hardware address of the next hop: first 16 bits, last 32. */
  HARDWARE_HIGH: 3,
  HARDWARE_LOW: 4,
  /** Offset in the buffer pool of what was written and is not acknowledged; -1: none. */
  SEND_BUFFER: 5,
  /** Offset in the buffer pool of what came and was not read; -1: none. */
  RECEIVE_BUFFER: 6,
  /** A frame whose data was not copied yet, and where in it the next byte to read is; -1: none. */
  HELD_FRAME: 7,
  HELD_AT: 8,
  /** Our and the peer's initial sequence number. */
  ISS: 9,
  IRS: 10,
  /** SEG.SEQ and SEG.ACK of the segment that the window was last taken from. */
  SND_WL1: 11,
  SND_WL2: 12,
  /** The widest window that the peer ever had. */
  MAX_WND: 13,
  /** How far the peer's window is shifted | how far ours is << 8. */
  SCALES: 14,
  /** Of the peer's FIN that came too early. */
  FIN_SEQ: 15,
} as const;

export const Recovery = {
  CONGESTION: 0,
  ROUND_TRIP: congestionWords,
  /** Time-outs in a row. */
  RETRIES: congestionWords + roundTripWords,
  /** When the first of them was due, or TIME-WAIT began, in milliseconds. */
  RETRYING_MS: congestionWords + roundTripWords + 1,
  /** When data was last sent, to begin anew after a pause. */
  SENT_MS: congestionWords + roundTripWords + 2,
  /** When TS.Recent was last taken, or the peer last heard. */
  HEARD_MS: congestionWords + roundTripWords + 3,
} as const;

export const Rare = {
  /** When the handshake was over, in microseconds: a double, so an index of half the words. */
  ESTABLISHED_US: 0,
  /** The largest segment that the peer, or the path, takes: without the headers of a segment, with its options. */
  SEGMENT_LIMIT: 2,
  /** errno of what failed. */
  ERROR: 3,
  /** Idle time before the first probe; 0: none. */
  KEEP_ALIVE_MS: 4,
  /** Probes without an answer. */
  PROBES: 5,
  /** When an ACK outside the window was last answered. */
  ANSWERED_MS: 6,
  /** When the entry of the retransmission timer is due, which may be before the timer is; -1: there is none. */
  ENTRY_MS: 7,
  /** Behind the last byte that was sent again in this recovery (HighRxt of RFC 6675). */
  HIGH_RXT: 8,
  /** Behind all that had been sent when the first missing segment was sent again. */
  RESENT_MAX: 9,
  /** When that was, on the clock of round trips. */
  RESENT_US: 10,
  /** Behind the last byte of a tail loss probe. */
  PROBE_END: 11,
} as const;

const { ISS, IRS } = Peer;

/** Where the hot words of a connection begin. */
export function hotOf(id: number): number {
  return id << hotShift;
}

/**
 * Where in its ring a byte lies that we send: rings start with the connection's first byte, so that short connections use
 * the same few cache lines of a buffer again and again.
 */
export function sendPosition(core: { readonly peer: Int32Array }, line: number, seq: number): number {
  return (seq - core.peer[line + ISS] - 1) | 0;
}

/** The same of a byte that we receive. */
export function receivePosition(core: { readonly peer: Int32Array }, line: number, seq: number): number {
  return (seq - core.peer[line + IRS] - 1) | 0;
}

/** Where its words of the other lines begin. */
export function lineOf(id: number): number {
  return id << lineShift;
}
