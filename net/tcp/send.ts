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
import { Hot, hotOf, lineOf, Peer, Recovery } from './layout.ts';
import { sendAck, sendSegment, sendSyn } from './output.ts';
import { resendFirst, resendLost } from './resend.ts';
import { armProbe, armRetransmission, armTailProbe } from './retransmission-timer.ts';
import { RoundTrip, timeSegment } from './round-trip.ts';
import { pipe } from './scoreboard.ts';
import { Is, State } from './states.ts';
import { ACK as ACKS, CONTROL, DATA } from './transmit-lists.ts';

const { STATE, FLAGS, SND_UNA, SND_NXT, SND_MAX, SND_END, SND_WND, SND_MSS, DUE_MS } = Hot;
const { MAX_WND } = Peer;
const { CONGESTION, ROUND_TRIP, RETRIES, SENT_MS } = Recovery;
const { CWND } = Congestion;
const { RTO_US } = RoundTrip;
const { ackNow, ending, lossy, nagle, probing, resend, sackPermitted, tailTimed } = Is;
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

/** An ACK that says what is so now, and cannot be put together with those of later segments of this turn. */
export function ackAtOnce(core: Core, id: number): void {
  core.hot[hotOf(id) + FLAGS] |= ackNow;
  if (!sendDueAck(core, id)) core.lists.add(ACKS, id);
}

export function wantsSyn(core: Core, id: number): void {
  core.lists.add(CONTROL, id);
}

/** @returns false: the link has no frame free; the rest is to be sent later. */
export function sendData(core: Core, id: number): boolean {
  const { hot } = core;
  const at = hotOf(id);
  if (hot[at + STATE] < established) return true;
  const is = hot[at + FLAGS];
  if ((is & resend) !== 0 && !resendFirst(core, id, at)) return false;
  if ((is & lossy) !== 0 && !resendLost(core, id, at)) return false;
  if (!sendNew(core, id, at)) return false;
  // Something waits for the window, and nothing is under way that would bring an ACK.
  const fin = (is & ending) === 0 ? 0 : 1;
  if (hot[at + DUE_MS] === 0 && hot[at + SND_UNA] !== ((hot[at + SND_END] + fin) | 0)) armProbe(core, id, at);
  return true;
}

/** From SND.NXT on, as far as both windows let it. */
function sendNew(core: Core, id: number, at: number): boolean {
  const { hot } = core;
  const mss = hot[at + SND_MSS];
  const line = lineOf(id);
  if (hot[at + SND_UNA] === hot[at + SND_MAX]) beginAnew(core, line, mss);
  const edge = sendEdge(core, id, at, line, mss);
  const sndEnd = hot[at + SND_END];
  const isEnding = (hot[at + FLAGS] & ending) !== 0;
  for (;;) {
    const sndNxt = hot[at + SND_NXT];
    const pending = (sndEnd - sndNxt) | 0;
    if (pending < 0 || (pending === 0 && !isEnding)) return true;
    const room = (edge - sndNxt) | 0;
    const length = Math.min(pending, room, mss);
    // A FIN takes a place in the peer's window as a byte does.
    const withFin = isEnding && length === pending && room > length;
    if (length <= 0 && !withFin) return true;
    if (length < mss && !withFin && !isWorthSending(core, at, line, length, pending)) return true;
    const flags = ACK | (length === pending && length > 0 ? PSH : 0) | (withFin ? FIN : 0);
    if (!sendSegment(core, id, sndNxt, flags, length)) return false;
    advance(core, id, at, sndNxt, length + (withFin ? 1 : 0));
  }
}

/** Behind the last byte that may be sent now. */
function sendEdge(core: Core, id: number, at: number, line: number, mss: number): number {
  const { hot, recovery } = core;
  const una = hot[at + SND_UNA];
  const window = hot[at + SND_WND];
  const is = hot[at + FLAGS];
  if ((is & lossy) === 0) {
    // With SACK, what the peer has is not under way; without it, its duplicate ACKs stand for that (RFC 3042).
    const isSack = (is & sackPermitted) !== 0;
    const cwnd = isSack
      ? recovery[line + CONGESTION + CWND]
      : congestionWindow(recovery, line + CONGESTION, mss);
    return (una + Math.min(cwnd, window)) | 0;
  }
  const beyond = (hot[at + SND_NXT] - una) | 0;
  const more = recovery[line + CONGESTION + CWND] - pipe(core, id, at);
  return (una + Math.min(beyond + more, window)) | 0;
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
  } else if ((hot[at + FLAGS] & (sackPermitted | tailTimed)) === sackPermitted) armTailProbe(core, id, at);
}

/** After a pause longer than the time-out, the congestion window says nothing about the network any more. */
function beginAnew(core: Core, line: number, mss: number): void {
  const { recovery } = core.connections;
  if (recovery[line + CONGESTION + CWND] <= initialWindow(mss)) return;
  const idleMs = core.nowMs - recovery[line + SENT_MS];
  if (idleMs * 1000 > recovery[line + ROUND_TRIP + RTO_US]) onRestart(recovery, line + CONGESTION, mss);
}
