/**
 * What to send, and when: as much as the peer's window, the congestion window and Nagle let go (RFC 9293 3.8.6.2.1,
 * 3.7.4), the first segment again when it is lost, one byte when the window is shut.
 *
 *   SND.UNA ······· sent, not acknowledged ······· SND.NXT ····· written, not sent ····· sndEnd [FIN]
 */

import { after } from '../wire/sequence.ts';
import { Flag } from '../wire/tcp.ts';
import { Congestion, congestionWindow, initialWindow, onRestart } from './congestion.ts';
import type { Core } from './core.ts';
import { Hot, hotOf, lineOf, Peer, Rare, Recovery } from './layout.ts';
import { sendAck, sendSegment, sendSyn } from './output.ts';
import { RoundTrip, stopTiming, timeSegment } from './round-trip.ts';
import { Is, State } from './states.ts';
import { ACK as ACKS, CONTROL, DATA } from './transmit-lists.ts';

const { STATE, FLAGS, SND_UNA, SND_NXT, SND_MAX, SND_END, SND_WND, SND_MSS, DUE_MS } = Hot;
const { MAX_WND } = Peer;
const { CONGESTION, ROUND_TRIP, RETRIES, RETRYING_MS, SENT_MS } = Recovery;
const { ENTRY_MS } = Rare;
const { CWND } = Congestion;
const { RTO_US } = RoundTrip;
const { ackNow, ending, nagle, probing, resend } = Is;
const { established, synReceived, synSent } = State;
const { ack: ACK, fin: FIN, psh: PSH } = Flag;

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
  if (list === DATA) return sendData(core, id) && sendDueAck(core, id);
  // Data that is due carries the ACK.
  if (list === ACKS) return core.lists.has(DATA, id) || sendDueAck(core, id);
  // The handshake may have ended since: by a segment that came behind the SYN that asked for this one.
  if (!isOpening(core, id)) return true;
  return sendSyn(core, id) && started(core, id);
}

function isOpening(core: Core, id: number): boolean {
  const state = core.hot[hotOf(id) + STATE];
  return state === synSent || state === synReceived;
}

/** An ACK is still due. */
function sendDueAck(core: Core, id: number): boolean {
  const at = hotOf(id);
  if ((core.hot[at + FLAGS] & ackNow) === 0) return true;
  return sendAck(core, id, acceptableSeq(core, at));
}

/**
 * The sequence number of a segment without data: behind all that was sent, or the peer drops it as old. SND.NXT has gone
 * back after a time-out; with both sides in one, neither would look at the other's ACKs again. What is beyond the peer's
 * window it drops, too: a probe of a shut window does not count.
 */
function acceptableSeq(core: Core, at: number): number {
  const { hot } = core;
  const sndMax = hot[at + SND_MAX];
  if (hot[at + STATE] < established) return sndMax;
  const edge = (hot[at + SND_UNA] + hot[at + SND_WND]) | 0;
  return after(sndMax, edge) ? edge : sndMax;
}

/** A SYN or SYN+ACK went out: it is timed, and sent again. */
function started(core: Core, id: number): boolean {
  const line = lineOf(id);
  const at = hotOf(id);
  if (core.recovery[line + RETRIES] === 0)
    timeSegment(core.recovery, line + ROUND_TRIP, core.hot[at + SND_NXT], core.clockUs);
  armRetransmission(core, id, at);
  return true;
}

/** Something may be sent: at the end of the turn it is. */
export function wantsToSend(core: Core, id: number): void {
  core.lists.add(DATA, id);
}

export function wantsToAck(core: Core, id: number): void {
  core.hot[hotOf(id) + FLAGS] |= ackNow;
  core.lists.add(ACKS, id);
}

export function wantsSyn(core: Core, id: number): void {
  core.lists.add(CONTROL, id);
}

/** @returns false: the link has no frame free; the rest is to be sent later. */
export function sendData(core: Core, id: number): boolean {
  const { hot } = core;
  const at = hotOf(id);
  if (hot[at + STATE] < established) return true;
  if ((hot[at + FLAGS] & resend) !== 0 && !resendFirst(core, id, at)) return false;
  const mss = hot[at + SND_MSS];
  const line = lineOf(id);
  if (hot[at + SND_UNA] === hot[at + SND_MAX]) beginAnew(core, line, mss);
  const cwnd = congestionWindow(core.recovery, line + CONGESTION, mss);
  const window = hot[at + SND_WND];
  const edge = (hot[at + SND_UNA] + Math.min(cwnd, window)) | 0;
  const sndEnd = hot[at + SND_END];
  for (;;) {
    const sndNxt = hot[at + SND_NXT];
    const isEnding = (hot[at + FLAGS] & ending) !== 0;
    const pending = (sndEnd - sndNxt) | 0;
    if (pending < 0 || (pending === 0 && !isEnding)) return true;
    const room = (edge - sndNxt) | 0;
    const length = Math.min(pending, room, mss);
    // A FIN takes a place in the peer's window as a byte does.
    const withFin = isEnding && length === pending && room > length;
    if (length <= 0 && !withFin) break;
    if (length < mss && !withFin && !isWorthSending(core, at, line, length, pending)) break;
    const flags = ACK | (length === pending && length > 0 ? PSH : 0) | (withFin ? FIN : 0);
    if (!sendSegment(core, id, sndNxt, flags, length)) return false;
    advance(core, id, at, sndNxt, length + (withFin ? 1 : 0));
  }
  // All of it waits for the window, and nothing is under way that would bring an ACK.
  if (hot[at + SND_UNA] === hot[at + SND_NXT]) armProbe(core, id, at);
  return true;
}

/** Sender's silly window avoidance, and Nagle. The segment is not full. */
function isWorthSending(core: Core, at: number, line: number, length: number, pending: number): boolean {
  const { hot } = core;
  if (length === pending) return (hot[at + FLAGS] & nagle) === 0 || hot[at + SND_UNA] === hot[at + SND_NXT];
  return length >= core.peer[line + MAX_WND] >> 1;
}

/** Data or FIN went out, from `seq` on. */
function advance(core: Core, id: number, at: number, seq: number, length: number): void {
  const { hot } = core;
  const end = (seq + length) | 0;
  const line = lineOf(id);
  hot[at + SND_NXT] = end;
  if (after(end, hot[at + SND_MAX])) {
    // Sent for the first time.
    if (seq === hot[at + SND_MAX]) timeSegment(core.recovery, line + ROUND_TRIP, end, core.clockUs);
    hot[at + SND_MAX] = end;
  } else core.counters.timeoutRetransmissions++;
  core.recovery[line + SENT_MS] = core.nowMs;
  if (hot[at + DUE_MS] === 0 || (hot[at + FLAGS] & probing) !== 0) {
    hot[at + FLAGS] &= ~probing;
    armRetransmission(core, id, at);
  }
}

/** The segment at SND.UNA again: the hole that duplicate ACKs tell of. */
function resendFirst(core: Core, id: number, at: number): boolean {
  const { hot } = core;
  const seq = hot[at + SND_UNA];
  const sent = (hot[at + SND_MAX] - seq) | 0;
  if (sent > 0) {
    const data = (hot[at + SND_END] - seq) | 0;
    const length = Math.min(sent, Math.max(data, 0), hot[at + SND_MSS]);
    const withFin = sent > data && length === Math.max(data, 0);
    const flags = ACK | (withFin ? FIN : 0);
    if (!sendSegment(core, id, seq, flags, length)) return false;
    core.counters.fastRetransmissions++;
    stopTiming(core.recovery, lineOf(id) + ROUND_TRIP);
  }
  hot[at + FLAGS] &= ~resend;
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
  const { hot } = core;
  const seq = hot[at + SND_UNA];
  const most = Math.max(Math.min(hot[at + SND_WND], hot[at + SND_MSS]), 1);
  const length = Math.min((hot[at + SND_END] - seq) | 0, most);
  if (!sendSegment(core, id, seq, ACK | (length === 0 ? FIN : PSH), length)) return;
  core.counters.windowProbes++;
  const end = (seq + Math.max(length, 1)) | 0;
  if (after(end, hot[at + SND_MAX])) hot[at + SND_MAX] = end;
}

export function armRetransmission(core: Core, id: number, at: number): void {
  const rtoMs = ((core.recovery[lineOf(id) + ROUND_TRIP + RTO_US] + 999) / 1000) | 0;
  setDue(core, id, at, core.nowMs + rtoMs);
}

/** The window is shut, or open by too little: a probe will be due, later and later (RFC 9293 3.8.6.1). */
function armProbe(core: Core, id: number, at: number): void {
  if (core.hot[at + DUE_MS] !== 0) return;
  core.hot[at + FLAGS] |= probing;
  core.recovery[lineOf(id) + RETRYING_MS] = core.nowMs;
  armRetransmission(core, id, at);
}

/**
 * The retransmission timer. Its entry is only touched when it would be too late: one that is early is found to be so
 * when it is due, and set anew then. So a short connection costs no entry at all.
 */
export function setDue(core: Core, id: number, at: number, dueMs: number): void {
  core.hot[at + DUE_MS] = dueMs;
  const entryMs = core.rare[lineOf(id) + ENTRY_MS];
  if (entryMs >= 0 && entryMs <= dueMs) return;
  core.rare[lineOf(id) + ENTRY_MS] = dueMs;
  core.retransmission.set(id, dueMs);
}
