/**
 * SEGMENT ARRIVES (RFC 9293 3.10.7): finds the connection, and goes through the checks in the RFC's order, as RFC 5961
 * and RFC 7323 have changed them.
 *
 *   no connection ─► listen.ts      SYN-SENT ─► syn-sent.ts      all others:
 *   timestamps (PAWS) ─ sequence number ─ RST ─ SYN ─ ACK ─ data ─ FIN
 */

import { after, before } from '../wire/sequence.ts';
import { Flag } from '../wire/tcp.ts';
import { parseOptions } from '../wire/tcp-options.ts';
import { acknowledge } from './acknowledge.ts';
import { establish } from './begin.ts';
import { challenge, refuse } from './challenge.ts';
import { enterTimeWait, fail, finish, free, reset } from './close.ts';
import type { Core } from './core.ts';
import { CONNECTED, ENDED } from './events.ts';
import { Hot, hotOf, lineOf, Peer, Rare, Recovery } from './layout.ts';
import { accepted, withoutConnection } from './listen.ts';
import { onTimedAck } from './round-trip.ts';
import { wantsSyn, wantsToAck, wantsToSend } from './send.ts';
import { Is, State } from './states.ts';
import { inSynSent } from './syn-sent.ts';
import { isFinReached, takeText } from './text.ts';
import { peerScale } from './window.ts';

const { STATE, FLAGS, SND_UNA, SND_NXT, SND_MAX, SND_END, RCV_NXT, RCV_EDGE, LAST_ACK, TS_RECENT } = Hot;
const { IRS, FIN_SEQ } = Peer;
const { ROUND_TRIP, HEARD_MS } = Recovery;
const { PROBES, ANSWERED_MS } = Rare;
const { ackNow, detached, ended, ending, finAhead, gapped, inbound, keptAlive, stamped } = Is;
const { closeWait, closing, established, finWait1, finWait2, lastAck, synReceived, synSent, timeWait } =
  State;
const { ack: ACK, fin: FIN, rst: RST, syn: SYN } = Flag;

const ECONNRESET = 104;
const ECONNREFUSED = 111;
/** Between two answers to ACKs outside the window. */
const answerEveryMs = 500;
/** A timestamp older than this says nothing (RFC 7323 5.5). */
const stampLifeMs = 24 * 24 * 3600 * 1000;

/** The segment in `core.segment` is whole, and for one of our addresses or for a connection. */
export function segmentArrives(core: Core): void {
  const { segment, ip } = core;
  core.counters.segmentsIn++;
  const id = core.flows.find(ip.destination, segment.destinationPort, ip.source, segment.sourcePort);
  if (id < 0) {
    // LAND: a segment that claims to be from us.
    if (core.addresses.has(ip.source)) core.counters.drops.badAddress++;
    else if (!core.addresses.has(ip.destination)) core.counters.drops.notForUs++;
    else openOrRefuse(core);
    return;
  }
  const at = hotOf(id);
  const state = core.hot[at + STATE];
  if (state === synSent) {
    inSynSent(core, id, at);
    return;
  }
  if (state === timeWait && isNewIncarnation(core, at)) {
    const least = core.hot[at + SND_MAX];
    finish(core, id, at);
    // An application that has not closed the old one keeps its id; the flow is free.
    withoutConnection(core, true, least);
    return;
  }
  if (!isStampGood(core, id, at) || !isInSequence(core, id, at)) return;
  const { flags } = segment;
  if ((flags & (RST | SYN)) !== 0) {
    if ((flags & RST) !== 0) takeReset(core, id, at);
    // RFC 5961 4: whoever sent it, the ACK makes a peer that has begun anew reset this one.
    else challenge(core, id);
    return;
  }
  if ((flags & ACK) === 0) {
    core.counters.drops.noAck++;
    return;
  }
  if (state === synReceived) {
    if (!completeHandshake(core, id, at)) return;
  } else if (!acknowledge(core, id, at)) return;
  if (state >= finWait1 && isOver(core, id, at)) return;
  takeRest(core, id, at);
}

function openOrRefuse(core: Core): void {
  const id = withoutConnection(core, false, 0);
  if (id >= 0) takeRest(core, id, hotOf(id));
}

/** A SYN that can be none of the old connection's segments ends its TIME-WAIT (RFC 9293 3.10.7.4, RFC 6191). */
function isNewIncarnation(core: Core, at: number): boolean {
  const { hot } = core;
  const { segment, options } = core;
  if ((segment.flags & (SYN | ACK | RST | FIN)) !== SYN) return false;
  if (core.listening[segment.destinationPort] === 0) return false;
  parseOptions(core.memory, segment.optionsAt, segment.payloadAt, options);
  const isStamped = (hot[at + FLAGS] & stamped) !== 0 && options.hasTimestamps;
  if (isStamped && options.timestampValue !== hot[at + TS_RECENT])
    return after(options.timestampValue, hot[at + TS_RECENT]);
  return after(segment.seq, hot[at + RCV_NXT]);
}

/** RFC 7323 5.3, R1 to R3: an old segment of the same connection is told by its timestamp. */
function isStampGood(core: Core, id: number, at: number): boolean {
  const { hot } = core;
  const { segment, options } = core;
  if ((hot[at + FLAGS] & stamped) === 0) return true;
  parseOptions(core.memory, segment.optionsAt, segment.payloadAt, options);
  const isReset = (segment.flags & RST) !== 0;
  if (!options.hasTimestamps) {
    if (isReset) return true;
    core.counters.drops.noTimestamp++;
    return false;
  }
  const { timestampValue } = options;
  if (before(timestampValue, hot[at + TS_RECENT])) {
    if (isReset || core.nowMs - core.recovery[lineOf(id) + HEARD_MS] > stampLifeMs) return true;
    core.counters.drops.paws++;
    answerOutside(core, id, at);
    return false;
  }
  if (!after(segment.seq, hot[at + LAST_ACK]) && timestampValue !== hot[at + TS_RECENT]) {
    hot[at + TS_RECENT] = timestampValue;
    core.recovery[lineOf(id) + HEARD_MS] = core.nowMs;
  }
  return true;
}

/** First check: some of it is within the window. What is before RCV.NXT is trimmed, what is behind the window, too. */
function isInSequence(core: Core, id: number, at: number): boolean {
  const { hot } = core;
  const { segment } = core;
  const { flags } = segment;
  const rcvNxt = hot[at + RCV_NXT];
  if (segment.seq === rcvNxt && segment.payloadLength <= ((hot[at + RCV_EDGE] - rcvNxt) | 0)) return true;
  if ((flags & RST) !== 0) return isResetInWindow(core, at);
  if ((flags & SYN) !== 0 && segment.seq === core.peer[lineOf(id) + IRS]) return isSynAgain(core, id, at);
  const lead = (rcvNxt - segment.seq) | 0;
  if (lead > 0) {
    if (lead >= segment.payloadLength + (flags & FIN)) {
      outside(core, id, at);
      return false;
    }
    segment.seq = rcvNxt;
    segment.payloadAt += lead;
    segment.payloadLength -= lead;
    wantsToAck(core, id);
  }
  const room = (hot[at + RCV_EDGE] - segment.seq) | 0;
  if (room < 0 || (room === 0 && segment.seq !== rcvNxt)) {
    outside(core, id, at);
    return false;
  }
  if (segment.payloadLength > room) {
    // A window that is shut still lets ACKs and resets in (RFC 9293 3.10.7.4).
    segment.payloadLength = room;
    segment.flags &= ~FIN;
    wantsToAck(core, id);
  }
  return true;
}

/**
 * A reset is judged by where it begins, and never trimmed: else one with data would reach RCV.NXT from anywhere before it,
 * and a guess would be worth as many numbers as it has bytes (RFC 5961 3).
 */
function isResetInWindow(core: Core, at: number): boolean {
  const ahead = (core.segment.seq - core.hot[at + RCV_NXT]) | 0;
  if (ahead >= 0 && ahead <= ((core.hot[at + RCV_EDGE] - core.hot[at + RCV_NXT]) | 0)) return true;
  core.counters.drops.outOfWindow++;
  return false;
}

/**
 * Not acceptable: an ACK tells the peer where we are (RFC 9293 3.10.7.4, in SYN-RECEIVED, too: a peer that has begun anew
 * from the same port resets the old connection by it, and need not wait for our SYN+ACK to come again).
 */
function outside(core: Core, id: number, at: number): void {
  core.counters.drops.outOfWindow++;
  answerOutside(core, id, at);
}

function answerOutside(core: Core, id: number, at: number): void {
  // What carries data, a SYN or a FIN is always answered; a bare ACK seldom: two sides that each hold the other's
  // numbers for wrong must not answer each other for ever.
  if (core.segment.payloadLength > 0 || (core.segment.flags & (SYN | FIN)) !== 0) wantsToAck(core, id);
  else if (core.nowMs - core.rare[lineOf(id) + ANSWERED_MS] >= answerEveryMs) {
    core.rare[lineOf(id) + ANSWERED_MS] = core.nowMs;
    wantsToAck(core, id);
  }
  if (core.hot[at + STATE] === timeWait && (core.segment.flags & FIN) !== 0) enterTimeWait(core, id, at);
}

/** The peer's SYN came again. @returns whether the rest of the segment is to be looked at. */
function isSynAgain(core: Core, id: number, at: number): boolean {
  const { segment } = core;
  if (core.hot[at + STATE] !== synReceived) {
    outside(core, id, at);
    return false;
  }
  if ((segment.flags & ACK) === 0) {
    // Ours was lost.
    wantsSyn(core, id);
    return false;
  }
  // Both sides opened at once: its SYN+ACK acknowledges our SYN (RFC 9293 3.5, figure 8).
  segment.flags &= ~SYN;
  segment.seq = core.hot[at + RCV_NXT];
  return true;
}

/** Second check (RFC 5961 3): only a reset at exactly RCV.NXT is believed. */
function takeReset(core: Core, id: number, at: number): void {
  const { hot } = core;
  if (core.segment.seq !== hot[at + RCV_NXT]) {
    challenge(core, id);
    return;
  }
  core.counters.resetsReceived++;
  const state = hot[at + STATE];
  // RFC 1337: a reset must not end TIME-WAIT early.
  if (state === timeWait) return;
  if (state === synReceived && (hot[at + FLAGS] & inbound) !== 0) free(core, id, at);
  else fail(core, id, at, state === synReceived ? ECONNREFUSED : ECONNRESET);
}

/** SYN-RECEIVED: the ACK of our SYN. */
function completeHandshake(core: Core, id: number, at: number): boolean {
  const { hot } = core;
  const { segment } = core;
  if (segment.ack !== hot[at + SND_NXT]) {
    core.counters.drops.outOfWindow++;
    // One answer, though what was trimmed off asks for an ACK, too.
    hot[at + FLAGS] &= ~ackNow;
    refuse(core);
    return false;
  }
  const base = lineOf(id) + ROUND_TRIP;
  onTimedAck(core.recovery, base, segment.ack, core.clockUs, core.roundTripLimits);
  const isInbound = (hot[at + FLAGS] & inbound) !== 0;
  if (isInbound && core.listening[segment.destinationPort] === 0) {
    reset(core, id, at, ECONNRESET);
    return false;
  }
  establish(core, id, at, segment.window << peerScale(core, id));
  if (isInbound) accepted(core, id);
  else {
    core.counters.connected++;
    // Closed in SYN-RECEIVED: the application does not want to know.
    if ((hot[at + FLAGS] & detached) === 0) core.events.raise(id, CONNECTED);
    wantsToSend(core, id);
  }
  return true;
}

/** Fifth check, of states that wait for our FIN to be acknowledged. @returns true: there is no more to look at. */
function isOver(core: Core, id: number, at: number): boolean {
  const { hot } = core;
  const state = hot[at + STATE];
  if (state === timeWait) {
    inTimeWait(core, id, at);
    return true;
  }
  if ((hot[at + FLAGS] & ending) === 0 || !after(hot[at + SND_UNA], hot[at + SND_END])) return false;
  if (state === finWait1) {
    hot[at + STATE] = finWait2;
    if ((hot[at + FLAGS] & detached) !== 0) core.finWait.set(id, core.nowMs + core.timers.finWait2Ms);
  } else if (state === closing) enterTimeWait(core, id, at);
  else if (state === lastAck) {
    finish(core, id, at);
    return true;
  }
  return false;
}

/** The peer did not get our last ACK, or sends what it must not. */
function inTimeWait(core: Core, id: number, at: number): void {
  const { flags, payloadLength } = core.segment;
  if ((flags & FIN) === 0 && payloadLength === 0) return;
  wantsToAck(core, id);
  if ((flags & FIN) !== 0) enterTimeWait(core, id, at);
}

/** Data and FIN. */
function takeRest(core: Core, id: number, at: number): void {
  const { hot } = core;
  const { segment } = core;
  const state = hot[at + STATE];
  if ((hot[at + FLAGS] & keptAlive) !== 0) heard(core, id);
  const isReceiving = state === established || state === finWait1 || state === finWait2;
  if (!isReceiving) return;
  if (segment.payloadLength > 0) {
    if ((hot[at + FLAGS] & detached) !== 0) {
      // Nobody will read it (RFC 1122 4.2.2.13).
      reset(core, id, at, ECONNRESET);
      return;
    }
    takeText(core, id, at, segment.seq, segment.payloadAt, segment.payloadLength);
  }
  if ((segment.flags & FIN) !== 0) {
    if (isFinReached(core, id, at, (segment.seq + segment.payloadLength) | 0)) takeFin(core, id, at);
  } else if ((hot[at + FLAGS] & finAhead) !== 0 && core.peer[lineOf(id) + FIN_SEQ] === hot[at + RCV_NXT])
    takeFin(core, id, at);
}

/** Eighth check: everything of the peer has come. */
function takeFin(core: Core, id: number, at: number): void {
  const { hot } = core;
  // What a peer that contradicts itself sent behind its end.
  if ((hot[at + FLAGS] & gapped) !== 0) core.reassembly.clear(id);
  hot[at + RCV_NXT] = hot[at + RCV_NXT] + 1;
  hot[at + FLAGS] = (hot[at + FLAGS] | ended) & ~(finAhead | gapped);
  wantsToAck(core, id);
  const state = hot[at + STATE];
  if (state === established) hot[at + STATE] = closeWait;
  else if (state === finWait1) hot[at + STATE] = closing;
  else if (state === finWait2) enterTimeWait(core, id, at);
  if ((hot[at + FLAGS] & detached) === 0) core.events.raise(id, ENDED);
}

/** The peer lives. */
function heard(core: Core, id: number): void {
  core.recovery[lineOf(id) + HEARD_MS] = core.nowMs;
  core.rare[lineOf(id) + PROBES] = 0;
}
