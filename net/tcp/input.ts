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
import { FIN_SEQ, HEARD_MS, IRS, lineOf, ROUND_TRIP } from './connections.ts';
import type { Core } from './core.ts';
import { CONNECTED, ENDED } from './events.ts';
import { accepted, withoutConnection } from './listen.ts';
import { onTimedAck } from './round-trip.ts';
import { wantsSyn, wantsToAck, wantsToSend } from './send.ts';
import { Is, State } from './states.ts';
import { inSynSent } from './syn-sent.ts';
import { isFinReached, takeText } from './text.ts';
import { peerScale } from './window.ts';

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
  const c = core.connections;
  const at = id << c.shift;
  const state = c.hot[at + c.state];
  if (state === State.synSent) {
    inSynSent(core, id, at);
    return;
  }
  if (state === State.timeWait && isNewIncarnation(core, at)) {
    const least = c.hot[at + c.sndMax];
    finish(core, id, at);
    // An application that has not closed the old one keeps its id; the flow is free.
    withoutConnection(core, true, least);
    return;
  }
  if (!isStampGood(core, id, at) || !isInSequence(core, id, at)) return;
  const { flags } = segment;
  if ((flags & (Flag.rst | Flag.syn)) !== 0) {
    if ((flags & Flag.rst) !== 0) takeReset(core, id, at);
    // RFC 5961 4: whoever sent it, the ACK makes a peer that has begun anew reset this one.
    else challenge(core, id);
    return;
  }
  if ((flags & Flag.ack) === 0) {
    core.counters.drops.noAck++;
    return;
  }
  if (state === State.synReceived) {
    if (!completeHandshake(core, id, at)) return;
  } else if (!acknowledge(core, id, at)) return;
  if (state >= State.finWait1 && isOver(core, id, at)) return;
  takeRest(core, id, at);
}

function openOrRefuse(core: Core): void {
  const id = withoutConnection(core, false, 0);
  if (id >= 0) takeRest(core, id, id << core.connections.shift);
}

/** A SYN that can be none of the old connection's segments ends its TIME-WAIT (RFC 9293 3.10.7.4, RFC 6191). */
function isNewIncarnation(core: Core, at: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const { segment, options } = core;
  if ((segment.flags & (Flag.syn | Flag.ack | Flag.rst | Flag.fin)) !== Flag.syn) return false;
  if (core.listening[segment.destinationPort] === 0) return false;
  parseOptions(core.memory, segment.optionsAt, segment.payloadAt, options);
  const isStamped = (hot[at + c.flags] & Is.stamped) !== 0 && options.hasTimestamps;
  if (isStamped && options.timestampValue !== hot[at + c.tsRecent])
    return after(options.timestampValue, hot[at + c.tsRecent]);
  return after(segment.seq, hot[at + c.rcvNxt]);
}

/** RFC 7323 5.3, R1 to R3: an old segment of the same connection is told by its timestamp. */
function isStampGood(core: Core, id: number, at: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const { segment, options } = core;
  if ((hot[at + c.flags] & Is.stamped) === 0) return true;
  parseOptions(core.memory, segment.optionsAt, segment.payloadAt, options);
  const isReset = (segment.flags & Flag.rst) !== 0;
  if (!options.hasTimestamps) {
    if (isReset) return true;
    core.counters.drops.noTimestamp++;
    return false;
  }
  const { timestampValue } = options;
  if (before(timestampValue, hot[at + c.tsRecent])) {
    if (isReset || core.nowMs - c.recovery[lineOf(id) + HEARD_MS] > stampLifeMs) return true;
    core.counters.drops.paws++;
    answerOutside(core, id, at);
    return false;
  }
  if (!after(segment.seq, hot[at + c.lastAck]) && timestampValue !== hot[at + c.tsRecent]) {
    hot[at + c.tsRecent] = timestampValue;
    c.recovery[lineOf(id) + HEARD_MS] = core.nowMs;
  }
  return true;
}

/** First check: some of it is within the window. What is before RCV.NXT is trimmed, what is behind the window, too. */
function isInSequence(core: Core, id: number, at: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const { segment } = core;
  const { flags } = segment;
  const rcvNxt = hot[at + c.rcvNxt];
  if (segment.seq === rcvNxt && segment.payloadLength <= ((hot[at + c.rcvEdge] - rcvNxt) | 0)) return true;
  if ((flags & Flag.syn) !== 0 && segment.seq === c.peer[lineOf(id) + IRS]) return isSynAgain(core, id, at);
  const lead = (rcvNxt - segment.seq) | 0;
  if (lead > 0) {
    if (lead >= segment.payloadLength + (flags & Flag.fin)) {
      outside(core, id, at);
      return false;
    }
    segment.seq = rcvNxt;
    segment.payloadAt += lead;
    segment.payloadLength -= lead;
    wantsToAck(core, id);
  }
  const room = (hot[at + c.rcvEdge] - segment.seq) | 0;
  if (room < 0 || (room === 0 && segment.seq !== rcvNxt)) {
    outside(core, id, at);
    return false;
  }
  if (segment.payloadLength > room) {
    // A window that is shut still lets ACKs and resets in (RFC 9293 3.10.7.4).
    segment.payloadLength = room;
    segment.flags &= ~Flag.fin;
    wantsToAck(core, id);
  }
  return true;
}

/** Not acceptable: an ACK tells the peer where we are; a reset is passed over. */
function outside(core: Core, id: number, at: number): void {
  core.counters.drops.outOfWindow++;
  if ((core.segment.flags & Flag.rst) === 0) answerOutside(core, id, at);
}

function answerOutside(core: Core, id: number, at: number): void {
  const c = core.connections;
  const state = c.hot[at + c.state];
  if (state === State.synReceived) return;
  // What carries data, a SYN or a FIN is always answered; a bare ACK seldom: two sides that each hold the other's
  // numbers for wrong must not answer each other for ever.
  if (core.segment.payloadLength > 0 || (core.segment.flags & (Flag.syn | Flag.fin)) !== 0)
    wantsToAck(core, id);
  else if (core.nowMs - c.answeredMs[id] >= answerEveryMs) {
    c.answeredMs[id] = core.nowMs;
    wantsToAck(core, id);
  }
  if (state === State.timeWait && (core.segment.flags & Flag.fin) !== 0) enterTimeWait(core, id, at);
}

/** The peer's SYN came again. @returns whether the rest of the segment is to be looked at. */
function isSynAgain(core: Core, id: number, at: number): boolean {
  const c = core.connections;
  const { segment } = core;
  if (c.hot[at + c.state] !== State.synReceived) {
    outside(core, id, at);
    return false;
  }
  if ((segment.flags & Flag.ack) === 0) {
    // Ours was lost.
    wantsSyn(core, id);
    return false;
  }
  // Both sides opened at once: its SYN+ACK acknowledges our SYN (RFC 9293 3.5, figure 8).
  segment.flags &= ~Flag.syn;
  segment.seq = c.hot[at + c.rcvNxt];
  return true;
}

/** Second check (RFC 5961 3): only a reset at exactly RCV.NXT is believed. */
function takeReset(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  if (core.segment.seq !== hot[at + c.rcvNxt]) {
    challenge(core, id);
    return;
  }
  core.counters.resetsReceived++;
  const state = hot[at + c.state];
  // RFC 1337: a reset must not end TIME-WAIT early.
  if (state === State.timeWait) return;
  if (state === State.synReceived && (hot[at + c.flags] & Is.inbound) !== 0) free(core, id, at);
  else fail(core, id, at, state === State.synReceived ? ECONNREFUSED : ECONNRESET);
}

/** SYN-RECEIVED: the ACK of our SYN. */
function completeHandshake(core: Core, id: number, at: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const { segment } = core;
  if (segment.ack !== hot[at + c.sndNxt]) {
    core.counters.drops.outOfWindow++;
    refuse(core);
    return false;
  }
  const base = lineOf(id) + ROUND_TRIP;
  onTimedAck(c.recovery, base, segment.ack, core.clockUs, core.roundTripLimits);
  const isInbound = (hot[at + c.flags] & Is.inbound) !== 0;
  if (isInbound && core.listening[segment.destinationPort] === 0) {
    reset(core, id, at, ECONNRESET);
    return false;
  }
  establish(core, id, at, segment.window << peerScale(c, id));
  if (isInbound) accepted(core, id);
  else {
    core.counters.connected++;
    core.events.raise(id, CONNECTED);
    wantsToSend(core, id);
  }
  return true;
}

/** Fifth check, of states that wait for our FIN to be acknowledged. @returns true: there is no more to look at. */
function isOver(core: Core, id: number, at: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const state = hot[at + c.state];
  if (state === State.timeWait) {
    inTimeWait(core, id, at);
    return true;
  }
  if ((hot[at + c.flags] & Is.ending) === 0 || !after(hot[at + c.sndUna], hot[at + c.sndEnd])) return false;
  if (state === State.finWait1) {
    hot[at + c.state] = State.finWait2;
    if ((hot[at + c.flags] & Is.detached) !== 0) core.finWait.set(id, core.nowMs + core.timers.finWait2Ms);
  } else if (state === State.closing) enterTimeWait(core, id, at);
  else if (state === State.lastAck) {
    finish(core, id, at);
    return true;
  }
  return false;
}

/** The peer did not get our last ACK, or sends what it must not. */
function inTimeWait(core: Core, id: number, at: number): void {
  const { flags, payloadLength } = core.segment;
  if ((flags & Flag.fin) === 0 && payloadLength === 0) return;
  wantsToAck(core, id);
  if ((flags & Flag.fin) !== 0) enterTimeWait(core, id, at);
}

/** Data and FIN. */
function takeRest(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  const { segment } = core;
  const state = hot[at + c.state];
  if ((hot[at + c.flags] & Is.keptAlive) !== 0) heard(core, id);
  const isReceiving = state === State.established || state === State.finWait1 || state === State.finWait2;
  if (!isReceiving) return;
  if (segment.payloadLength > 0) {
    if ((hot[at + c.flags] & Is.detached) !== 0) {
      // Nobody will read it (RFC 1122 4.2.2.13).
      reset(core, id, at, ECONNRESET);
      return;
    }
    takeText(core, id, at, segment.seq, segment.payloadAt, segment.payloadLength);
  }
  if ((segment.flags & Flag.fin) !== 0) {
    if (isFinReached(core, id, at, (segment.seq + segment.payloadLength) | 0)) takeFin(core, id, at);
  } else if ((hot[at + c.flags] & Is.finAhead) !== 0 && c.peer[lineOf(id) + FIN_SEQ] === hot[at + c.rcvNxt])
    takeFin(core, id, at);
}

/** Eighth check: everything of the peer has come. */
function takeFin(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  hot[at + c.rcvNxt] = hot[at + c.rcvNxt] + 1;
  hot[at + c.flags] = (hot[at + c.flags] | Is.ended) & ~Is.finAhead;
  wantsToAck(core, id);
  const state = hot[at + c.state];
  if (state === State.established) hot[at + c.state] = State.closeWait;
  else if (state === State.finWait1) hot[at + c.state] = State.closing;
  else if (state === State.finWait2) enterTimeWait(core, id, at);
  if ((hot[at + c.flags] & Is.detached) === 0) core.events.raise(id, ENDED);
}

/** The peer lives. */
function heard(core: Core, id: number): void {
  core.connections.recovery[lineOf(id) + HEARD_MS] = core.nowMs;
  core.connections.probes[id] = 0;
}
