/**
 * How much may be under way: slow start and congestion avoidance (RFC 5681; RFC 9438 4.3), fast retransmit and fast
 * recovery as NewReno (RFC 6582), limited transmit (RFC 3042), an initial window of ten segments (RFC 6928).
 *
 *   OPEN ── third duplicate ACK ──► RECOVERY ── ACK beyond RECOVER ──► OPEN
 *     └──────────── timeout ────────────┴──► OPEN, with a window of one segment
 *
 * It holds nothing: its words lie in the caller's Int32Array, `congestionWords` of them from `base` on. It
 * sends nothing: each function says what is due. Sequence numbers are int32, sizes are bytes.
 */

import { after, atOrBefore } from '../wire/sequence.ts';

/** Words of a connection. */
export const Congestion = {
  CWND: 0,
  SSTHRESH: 1,
  /** NewReno's: an ACK beyond it acknowledges all that was sent when the last loss was noticed. */
  RECOVER: 2,
  DUPLICATE_ACKS: 3,
  /** Bytes acknowledged in congestion avoidance since the window last grew; in RECOVERY, 1 after the first partial ACK. */
  ACKED: 4,
  PHASE: 5,
} as const;
export const congestionWords = 6;

export const Phase = { OPEN: 0, RECOVERY: 1 } as const;

export const Due = {
  /** Nothing but what the window allows. */
  GO_ON: 0,
  /** The first unacknowledged segment again. */
  RETRANSMIT: 1,
  /** The same, and the retransmission timer starts anew: the first partial ACK of a recovery (RFC 6582 3.2, step 3). */
  RETRANSMIT_RESTART: 2,
} as const;

const { CWND, SSTHRESH, RECOVER, DUPLICATE_ACKS, ACKED, PHASE } = Congestion;
const { OPEN, RECOVERY } = Phase;
const { GO_ON, RETRANSMIT, RETRANSMIT_RESTART } = Due;

const duplicateThreshold = 3;
/** Bytes acknowledged count, so that a peer that acknowledges many segments at once does not slow us down (RFC 9406 4.2). */
const slowStartSegments = 8;
const largestWindow = 2 ** 30;

/** RFC 6928, section 2: ten segments, or 14,600 bytes of larger ones, but at least two. */
export function initialWindow(mss: number): number {
  return Math.min(10 * mss, Math.max(2 * mss, 14_600));
}

/** The handshake is done. @param synLost a SYN or SYN+ACK was sent again: one segment (RFC 5681 3.1). */
export function startCongestion(
  words: Int32Array,
  base: number,
  mss: number,
  sndNxt: number,
  synLost: boolean,
): void {
  words[base + CWND] = synLost ? mss : initialWindow(mss);
  words[base + SSTHRESH] = largestWindow;
  words[base + RECOVER] = sndNxt - 1;
  words[base + DUPLICATE_ACKS] = 0;
  words[base + ACKED] = 0;
  words[base + PHASE] = OPEN;
}

/** Bytes that may be under way: cwnd, and one segment for each of the first two duplicate ACKs (RFC 3042). */
export function congestionWindow(words: Int32Array, base: number, mss: number): number {
  const cwnd = words[base + CWND];
  return words[base + PHASE] === OPEN ? cwnd + words[base + DUPLICATE_ACKS] * mss : cwnd;
}

/**
 * An ACK of new data. @param ack SND.UNA now. @param acked bytes it acknowledged. @param flight bytes that
 * are still under way.
 */
export function onAck(
  words: Int32Array,
  base: number,
  ack: number,
  acked: number,
  flight: number,
  mss: number,
): number {
  const recovering = words[base + PHASE] === RECOVERY;
  const partial = recovering && atOrBefore(ack, words[base + RECOVER]);
  if (partial) {
    const first = words[base + ACKED] === 0;
    words[base + ACKED] = 1;
    const deflated = words[base + CWND] - acked + (acked >= mss ? mss : 0);
    words[base + CWND] = Math.max(deflated, mss);
    return first ? RETRANSMIT_RESTART : RETRANSMIT;
  }
  words[base + DUPLICATE_ACKS] = 0;
  if (recovering) {
    words[base + CWND] = Math.min(words[base + SSTHRESH], Math.max(flight, mss) + mss);
    words[base + ACKED] = 0;
    words[base + PHASE] = OPEN;
  } else {
    // After a time-out an ACK may be of much that had come before: it counts as one segment (RFC 3465 2.3).
    const most = after(ack, words[base + RECOVER]) ? slowStartSegments * mss : mss;
    grow(words, base, acked, flight, mss, most);
  }
  return GO_ON;
}

/** As `onAck`, of a peer that says what it has (RFC 6675): the window stays where the recovery put it until that is over. */
export function onAckWithSack(
  words: Int32Array,
  base: number,
  ack: number,
  acked: number,
  flight: number,
  mss: number,
): void {
  words[base + DUPLICATE_ACKS] = 0;
  const isOver = after(ack, words[base + RECOVER]);
  if (words[base + PHASE] === OPEN)
    grow(words, base, acked, flight, mss, isOver ? slowStartSegments * mss : mss);
  else if (isOver) words[base + PHASE] = OPEN;
}

/** A loss was noticed by what the peer has. @param flight bytes sent and not acknowledged. */
export function enterRecovery(
  words: Int32Array,
  base: number,
  sndMax: number,
  flight: number,
  mss: number,
): void {
  words[base + SSTHRESH] = reduced(flight, mss);
  words[base + CWND] = words[base + SSTHRESH];
  words[base + RECOVER] = sndMax - 1;
  words[base + ACKED] = 0;
  words[base + PHASE] = RECOVERY;
}

/**
 * A window that the sender did not fill says nothing about the network: it stays (RFC 7661).
 * @param most bytes that one ACK adds in slow start.
 */
function grow(
  words: Int32Array,
  base: number,
  acked: number,
  flight: number,
  mss: number,
  most: number,
): void {
  const cwnd = words[base + CWND];
  const used = flight + acked;
  if (cwnd < words[base + SSTHRESH]) {
    if (cwnd < 2 * used) words[base + CWND] = Math.min(cwnd + Math.min(acked, most), largestWindow);
    return;
  }
  if (used + mss <= cwnd) return;
  const total = words[base + ACKED] + acked;
  // Half a segment a round trip.
  const round = 2 * cwnd;
  if (total < round) {
    words[base + ACKED] = total;
    return;
  }
  words[base + ACKED] = Math.min(total - round, round);
  words[base + CWND] = Math.min(cwnd + mss, largestWindow);
}

/**
 * A duplicate ACK as RFC 5681 section 2 has it. @param ack SND.UNA. @param flight bytes under way.
 * @returns RETRANSMIT: the first unacknowledged segment is lost.
 */
export function onDuplicateAck(
  words: Int32Array,
  base: number,
  ack: number,
  sndNxt: number,
  flight: number,
  mss: number,
): number {
  if (words[base + PHASE] === RECOVERY) {
    words[base + CWND] = Math.min(words[base + CWND] + mss, largestWindow);
    return GO_ON;
  }
  // Duplicates of what was sent before a timeout or a recovery are no new loss (RFC 6582 3.2, step 1).
  if (atOrBefore(ack, words[base + RECOVER])) return GO_ON;
  if (++words[base + DUPLICATE_ACKS] < duplicateThreshold) return GO_ON;
  const sentByLimitedTransmit = (duplicateThreshold - 1) * mss;
  words[base + SSTHRESH] = reduced(Math.max(flight - sentByLimitedTransmit, 0), mss);
  words[base + CWND] = words[base + SSTHRESH] + duplicateThreshold * mss;
  words[base + RECOVER] = sndNxt - 1;
  words[base + ACKED] = 0;
  words[base + PHASE] = RECOVERY;
  return RETRANSMIT;
}

/**
 * The retransmission timer ran out: one segment, then slow start. @param flight bytes under way. @param again
 * it ran out for the same segment before: ssthresh stays (RFC 5681 3.1).
 */
export function onTimeout(
  words: Int32Array,
  base: number,
  sndNxt: number,
  flight: number,
  mss: number,
  again: boolean,
): void {
  if (!again) words[base + SSTHRESH] = reduced(flight, mss);
  words[base + CWND] = mss;
  // One further than after a fast retransmit: what is sent twice now makes duplicates of the ACK of it all.
  words[base + RECOVER] = sndNxt;
  words[base + DUPLICATE_ACKS] = 0;
  words[base + ACKED] = 0;
  words[base + PHASE] = OPEN;
}

/** Data goes out after nothing did for longer than the RTO: the initial window at most (RFC 5681 4.1). */
export function onRestart(words: Int32Array, base: number, mss: number): void {
  words[base + CWND] = Math.min(words[base + CWND], initialWindow(mss));
  words[base + ACKED] = 0;
}

/** To seven tenths, against half a segment more a round trip: as fair as a half against one, and sooner back (RFC 9438 4.3). */
function reduced(flight: number, mss: number): number {
  return Math.max(((flight * 7) / 10) | 0, 2 * mss);
}
