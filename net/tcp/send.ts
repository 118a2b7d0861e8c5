/**
 * What to send, and when: as much as the peer's window, the congestion window and Nagle let go (RFC 9293 3.8.6.2.1,
 * 3.7.4), the first segment again when it is lost, one byte when the window is shut.
 *
 *   SND.UNA ······· sent, not acknowledged ······· SND.NXT ····· written, not sent ····· sndEnd [FIN]
 */

import { after } from '../wire/sequence.ts';
import { Flag } from '../wire/tcp.ts';
import { CWND, congestionWindow, initialWindow, onRestart } from './congestion.ts';
import {
  CONGESTION,
  type Connections,
  lineOf,
  MAX_WND,
  RETRIES,
  RETRYING_MS,
  ROUND_TRIP,
  SENT_MS,
} from './connections.ts';
import type { Core } from './core.ts';
import { sendAck, sendSegment, sendSyn } from './output.ts';
import { RTO_US, stopTiming, timeSegment } from './round-trip.ts';
import { Is, State } from './states.ts';
import { ACK, CONTROL, DATA } from './transmit-lists.ts';

/** Empties the transmit lists, as far as the link has frames. */
export function flushLists(core: Core): void {
  const lists = core.lists;
  for (let list = lists.nextList(); list >= 0; list = lists.nextList()) {
    const id = lists.take(list);
    if (!sendFrom(core, list, id)) {
      lists.add(list, id);
      return;
    }
  }
}

function sendFrom(core: Core, list: number, id: number): boolean {
  if (list === DATA) return sendData(core, id);
  if (list === ACK) {
    // Data that is due carries the ACK.
    if (core.lists.has(DATA, id)) {
      if (!sendData(core, id)) return false;
    }
    return sendDueAck(core, id);
  }
  // The handshake may have ended since: by a segment that came behind the SYN that asked for this one.
  if (!isOpening(core.connections, id)) return true;
  return sendSyn(core, id) && started(core, id);
}

function isOpening(c: Connections, id: number): boolean {
  const state = c.hot[(id << c.shift) + c.state];
  return state === State.synSent || state === State.synReceived;
}

/** An ACK is still due. */
function sendDueAck(core: Core, id: number): boolean {
  const c = core.connections;
  const at = id << c.shift;
  if ((c.hot[at + c.flags] & Is.ackNow) === 0) return true;
  return sendAck(core, id, acceptableSeq(c, at));
}

/**
 * The sequence number of a segment without data: behind all that was sent, or the peer drops it as old. SND.NXT has gone
 * back after a time-out; with both sides in one, neither would look at the other's ACKs again. What is beyond the peer's
 * window it drops, too: a probe of a shut window does not count.
 */
function acceptableSeq(c: Connections, at: number): number {
  const hot = c.hot;
  const sndMax = hot[at + c.sndMax];
  if (hot[at + c.state] < State.established) return sndMax;
  const edge = (hot[at + c.sndUna] + hot[at + c.sndWnd]) | 0;
  return after(sndMax, edge) ? edge : sndMax;
}

/** A SYN or SYN+ACK went out: it is timed, and sent again. */
function started(core: Core, id: number): boolean {
  const c = core.connections;
  const line = lineOf(id);
  const at = id << c.shift;
  if (c.recovery[line + RETRIES] === 0)
    timeSegment(c.recovery, line + ROUND_TRIP, c.hot[at + c.sndNxt], core.clockUs);
  armRetransmission(core, id, at);
  return true;
}

/** Something may be sent: at the end of the turn it is. */
export function wantsToSend(core: Core, id: number): void {
  core.lists.add(DATA, id);
}

export function wantsToAck(core: Core, id: number): void {
  const c = core.connections;
  c.hot[(id << c.shift) + c.flags] |= Is.ackNow;
  core.lists.add(ACK, id);
}

export function wantsSyn(core: Core, id: number): void {
  core.lists.add(CONTROL, id);
}

/** @returns false: the link has no frame free; the rest is to be sent later. */
export function sendData(core: Core, id: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const at = id << c.shift;
  if (hot[at + c.state] < State.established) return true;
  if ((hot[at + c.flags] & Is.resend) !== 0 && !resendFirst(core, id, at)) return false;
  const mss = hot[at + c.sndMss];
  const line = lineOf(id);
  if (hot[at + c.sndUna] === hot[at + c.sndMax]) beginAnew(core, line, mss);
  const cwnd = congestionWindow(c.recovery, line + CONGESTION, mss);
  const window = hot[at + c.sndWnd];
  const edge = (hot[at + c.sndUna] + Math.min(cwnd, window)) | 0;
  const sndEnd = hot[at + c.sndEnd];
  for (;;) {
    const sndNxt = hot[at + c.sndNxt];
    const isEnding = (hot[at + c.flags] & Is.ending) !== 0;
    const pending = (sndEnd - sndNxt) | 0;
    if (pending < 0 || (pending === 0 && !isEnding)) return true;
    const room = (edge - sndNxt) | 0;
    const length = Math.min(pending, room, mss);
    // A FIN takes a place in the peer's window as a byte does.
    const withFin = isEnding && length === pending && room > length;
    if (length <= 0 && !withFin) break;
    if (length < mss && !withFin && !isWorthSending(core, at, line, length, pending)) break;
    const flags = Flag.ack | (length === pending && length > 0 ? Flag.psh : 0) | (withFin ? Flag.fin : 0);
    if (!sendSegment(core, id, sndNxt, flags, length)) return false;
    advance(core, id, at, sndNxt, length + (withFin ? 1 : 0));
  }
  // All of it waits for the window, and nothing is under way that would bring an ACK.
  if (hot[at + c.sndUna] === hot[at + c.sndNxt]) armProbe(core, id, at);
  return true;
}

/** Sender's silly window avoidance, and Nagle. The segment is not full. */
function isWorthSending(core: Core, at: number, line: number, length: number, pending: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  if (length === pending)
    return (hot[at + c.flags] & Is.nagle) === 0 || hot[at + c.sndUna] === hot[at + c.sndNxt];
  return length >= c.peer[line + MAX_WND] >> 1;
}

/** Data or FIN went out, from `seq` on. */
function advance(core: Core, id: number, at: number, seq: number, length: number): void {
  const c = core.connections;
  const hot = c.hot;
  const end = (seq + length) | 0;
  const line = lineOf(id);
  hot[at + c.sndNxt] = end;
  if (after(end, hot[at + c.sndMax])) {
    // Sent for the first time.
    if (seq === hot[at + c.sndMax]) timeSegment(c.recovery, line + ROUND_TRIP, end, core.clockUs);
    hot[at + c.sndMax] = end;
  } else core.counters.timeoutRetransmissions++;
  c.recovery[line + SENT_MS] = core.nowMs;
  if (hot[at + c.dueMs] === 0 || (hot[at + c.flags] & Is.probing) !== 0) {
    hot[at + c.flags] &= ~Is.probing;
    armRetransmission(core, id, at);
  }
}

/** The segment at SND.UNA again: the hole that duplicate ACKs tell of. */
function resendFirst(core: Core, id: number, at: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const seq = hot[at + c.sndUna];
  const sent = (hot[at + c.sndMax] - seq) | 0;
  if (sent > 0) {
    const data = (hot[at + c.sndEnd] - seq) | 0;
    const length = Math.min(sent, Math.max(data, 0), hot[at + c.sndMss]);
    const withFin = sent > data && length === Math.max(data, 0);
    const flags = Flag.ack | (withFin ? Flag.fin : 0);
    if (!sendSegment(core, id, seq, flags, length)) return false;
    core.counters.fastRetransmissions++;
    stopTiming(c.recovery, lineOf(id) + ROUND_TRIP);
  }
  hot[at + c.flags] &= ~Is.resend;
  return true;
}

/** After a pause longer than the time-out, the congestion window says nothing about the network any more. */
function beginAnew(core: Core, line: number, mss: number): void {
  const { recovery } = core.connections;
  if (recovery[line + CONGESTION + CWND] <= initialWindow(mss)) return;
  const idleMs = core.nowMs - recovery[line + SENT_MS];
  if (idleMs * 1000 > recovery[line + ROUND_TRIP + RTO_US]) onRestart(recovery, line + CONGESTION, mss);
}

/** One byte, or the FIN, into a window that is shut, or what fits one that is small (RFC 9293 3.8.6.1). */
export function sendProbe(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  const seq = hot[at + c.sndUna];
  const most = Math.max(Math.min(hot[at + c.sndWnd], hot[at + c.sndMss]), 1);
  const length = Math.min((hot[at + c.sndEnd] - seq) | 0, most);
  if (!sendSegment(core, id, seq, Flag.ack | (length === 0 ? Flag.fin : Flag.psh), length)) return;
  core.counters.windowProbes++;
  const end = (seq + Math.max(length, 1)) | 0;
  if (after(end, hot[at + c.sndMax])) hot[at + c.sndMax] = end;
}

export function armRetransmission(core: Core, id: number, at: number): void {
  const c = core.connections;
  const rtoMs = Math.ceil(c.recovery[lineOf(id) + ROUND_TRIP + RTO_US] / 1000);
  setDue(core, id, at, core.nowMs + rtoMs);
}

/** The window is shut, or open by too little: a probe will be due, later and later (RFC 9293 3.8.6.1). */
function armProbe(core: Core, id: number, at: number): void {
  const c = core.connections;
  if (c.hot[at + c.dueMs] !== 0) return;
  c.hot[at + c.flags] |= Is.probing;
  c.recovery[lineOf(id) + RETRYING_MS] = core.nowMs;
  armRetransmission(core, id, at);
}

/**
 * The retransmission timer. Its entry is only touched when it would be too late: one that is early is found to be so
 * when it is due, and set anew then. So a short connection costs no entry at all.
 */
export function setDue(core: Core, id: number, at: number, dueMs: number): void {
  const c = core.connections;
  c.hot[at + c.dueMs] = dueMs;
  const entryMs = core.entryMs[id];
  if (entryMs >= 0 && entryMs <= dueMs) return;
  core.entryMs[id] = dueMs;
  core.retransmission.set(id, dueMs);
}
