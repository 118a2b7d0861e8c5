/**
 * When to send again: the retransmission time-out of RFC 6298 with Karn's algorithm, and the timing of one
 * segment at a time for peers without timestamps. It holds nothing: its words lie in the caller's Int32Array,
 * `roundTripWords` of them from `base` on. The clock is microseconds as an int32, `nowUs | 0`, and may wrap.
 */

import { before } from '../wire/sequence.ts';

/** Words of a connection. */
export const RoundTrip = {
  /** Smoothed round-trip time × 8, its variation × 4: Jacobson's scales, so that shifts divide. */
  SRTT8: 0,
  RTTVAR4: 1,
  /** The time-out now, back-off included, in microseconds. */
  RTO_US: 2,
  /** Behind the last byte of the segment that is timed, and when it was sent. */
  TIMED_END: 3,
  TIMED_AT_US: 4,
  /** 1: a segment is timed. */
  TIMING: 5,
} as const;
export const roundTripWords = 6;

const { SRTT8, RTTVAR4, RTO_US, TIMED_END, TIMED_AT_US, TIMING } = RoundTrip;

export interface RoundTripLimits {
  readonly minRtoUs: number;
  readonly maxRtoUs: number;
  /** Before anything was measured. */
  readonly initialRtoUs: number;
}

/** RFC 6298 has a minimum of 1 s; 200 ms is what Linux has, and what the machines that it meets expect. */
export const roundTripLimits: RoundTripLimits = {
  minRtoUs: 200_000,
  maxRtoUs: 60_000_000,
  initialRtoUs: 1_000_000,
};

/** Of data, if the SYN or SYN+ACK had to be sent again (RFC 6298 5.7). */
const rtoAfterLostSynUs = 3_000_000;
/** A longer round trip is as good as this: × 8 it must stay an int32. */
const longestUs = 60_000_000;

export function startRoundTrip(words: Int32Array, base: number, limits: RoundTripLimits): void {
  words[base + SRTT8] = 0;
  words[base + RTTVAR4] = 0;
  words[base + RTO_US] = limits.initialRtoUs;
  words[base + TIMING] = 0;
}

/** The handshake is done, a SYN or SYN+ACK was sent twice: back-off ends, at 3 s if nothing was measured. */
export function afterLostSyn(words: Int32Array, base: number, limits: RoundTripLimits): void {
  if (words[base + SRTT8] === 0) words[base + RTO_US] = Math.min(rtoAfterLostSynUs, limits.maxRtoUs);
  else words[base + RTO_US] = timeOut(words, base, limits);
}

/** A round trip was measured, of a segment that was sent once. */
export function onSample(words: Int32Array, base: number, rttUs: number, limits: RoundTripLimits): void {
  const rtt = Math.min(Math.max(rttUs, 1), longestUs);
  const srtt8 = words[base + SRTT8];
  if (srtt8 === 0) {
    words[base + SRTT8] = rtt << 3;
    words[base + RTTVAR4] = rtt << 1;
  } else {
    const error = rtt - (srtt8 >> 3);
    words[base + RTTVAR4] += Math.abs(error) - (words[base + RTTVAR4] >> 2);
    words[base + SRTT8] = Math.max(srtt8 + error, 1);
  }
  words[base + RTO_US] = timeOut(words, base, limits);
}

/** The timer ran out: twice as long from now on; nothing under way is timed any more (RFC 6298 5.5, Karn). */
export function onBackOff(words: Int32Array, base: number, limits: RoundTripLimits): void {
  words[base + RTO_US] = Math.min(2 * words[base + RTO_US], limits.maxRtoUs);
  words[base + TIMING] = 0;
}

/** A segment is sent for the first time. @param end the sequence number behind it. */
export function timeSegment(words: Int32Array, base: number, end: number, clockUs: number): void {
  if (words[base + TIMING] !== 0) return;
  words[base + TIMING] = 1;
  words[base + TIMED_END] = end;
  words[base + TIMED_AT_US] = clockUs;
}

/** Something is sent again: an ACK would not say of which of the two it is. */
export function stopTiming(words: Int32Array, base: number): void {
  words[base + TIMING] = 0;
}

/** An ACK of new data: takes the sample, if it covers the segment that is timed. */
export function onTimedAck(
  words: Int32Array,
  base: number,
  ack: number,
  clockUs: number,
  limits: RoundTripLimits,
): void {
  if (words[base + TIMING] === 0 || before(ack, words[base + TIMED_END])) return;
  words[base + TIMING] = 0;
  onSample(words, base, (clockUs - words[base + TIMED_AT_US]) | 0, limits);
}

function timeOut(words: Int32Array, base: number, limits: RoundTripLimits): number {
  // RTTVAR × 4 is the K × RTTVAR of the RFC.
  const rto = (words[base + SRTT8] >> 3) + words[base + RTTVAR4];
  return Math.min(Math.max(rto, limits.minRtoUs), limits.maxRtoUs);
}
