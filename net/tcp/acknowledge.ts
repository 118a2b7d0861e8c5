/** The ACK field of a segment (RFC 9293 3.10.7.4, fifth check; RFC 5961 5): what it acknowledges, and the window it tells. */

import { after, atOrAfter, atOrBefore, before } from '../wire/sequence.ts';
import { challenge } from './challenge.ts';
import { Congestion, Due, enterRecovery, onAck, onAckWithSack, onDuplicateAck, Phase } from './congestion.ts';
import type { Core } from './core.ts';
import { FINISHED, WRITABLE } from './events.ts';
import { Hot, lineOf, Peer, Rare, Recovery } from './layout.ts';
import { stampNow } from './output.ts';
import { firstResent } from './resend.ts';
import { armRetransmission } from './retransmission-timer.ts';
import { onSample, onTimedAck, RoundTrip } from './round-trip.ts';
import { hasSack, lostEdge, takeSack } from './scoreboard.ts';
import { wantsToSend } from './send.ts';
import { Is } from './states.ts';
import { peerScale } from './window.ts';

const { FLAGS, SND_UNA, SND_NXT, SND_MAX, SND_END, SND_WND, SND_MSS, DUE_MS } = Hot;
const { SEND_BUFFER, SND_WL1, SND_WL2, MAX_WND } = Peer;
const { CONGESTION, ROUND_TRIP, RETRIES, RETRYING_MS } = Recovery;
const { GO_ON, RETRANSMIT_RESTART } = Due;
const { CWND, DUPLICATE_ACKS, PHASE, RECOVER } = Congestion;
const { OPEN, RECOVERY } = Phase;
const { HIGH_RXT, PROBE_END, RESENT_MAX, RESENT_US } = Rare;
const { SRTT8, TIMING } = RoundTrip;
const { detached, ending, lossy, probing, resend, sackPermitted, stamped, tailProbed, timedOut, wantsRoom } =
  Is;

const duplicateThreshold = 3;

/** @returns false: the segment is dropped. */
export function acknowledge(core: Core, id: number, at: number): boolean {
  const { hot } = core;
  const ack = core.segment.ack;
  const sndUna = hot[at + SND_UNA];
  if (after(ack, hot[at + SND_MAX]) || before(ack, (sndUna - core.peer[lineOf(id) + MAX_WND]) | 0)) {
    core.counters.drops.outOfWindow++;
    challenge(core, id);
    return false;
  }
  const window = core.segment.window << peerScale(core, id);
  // A peer that answers probes is alive, however long its window is shut; one that was closed has no such patience.
  if ((hot[at + FLAGS] & (probing | detached)) === probing)
    core.recovery[lineOf(id) + RETRYING_MS] = core.nowMs;
  const isNew = after(ack, sndUna);
  const isTold = hasSack(core, hot[at + FLAGS]) && takeSack(core, id, at);
  if (isTold) hot[at + FLAGS] |= lossy;
  if (isNew) advanceUna(core, id, at, ack);
  else if ((hot[at + FLAGS] & sackPermitted) === 0) {
    if (ack === sndUna && isDuplicate(core, at, window)) duplicate(core, id, at);
  }
  if ((hot[at + FLAGS] & lossy) !== 0) judgeLoss(core, id, at, isTold && !isNew);
  // An ACK from before SND.UNA came late: its window was told from there.
  if (!before(ack, sndUna)) updateWindow(core, id, at, window, isNew);
  return true;
}

/** RFC 5681 section 2: nothing but an ACK, of what was acknowledged before, while something is under way. */
function isDuplicate(core: Core, at: number, window: number): boolean {
  const { hot } = core;
  const { payloadLength, flags } = core.segment;
  return (
    payloadLength === 0 &&
    (flags & 3) === 0 &&
    hot[at + SND_UNA] !== hot[at + SND_MAX] &&
    window === hot[at + SND_WND] &&
    (hot[at + FLAGS] & probing) === 0
  );
}

function duplicate(core: Core, id: number, at: number): void {
  const { hot } = core;
  const una = hot[at + SND_UNA];
  const max = hot[at + SND_MAX];
  const line = lineOf(id);
  const due = onDuplicateAck(
    core.recovery,
    line + CONGESTION,
    una,
    max,
    flightSize(core, line, at),
    hot[at + SND_MSS],
  );
  if (due !== GO_ON) hot[at + FLAGS] |= resend;
  wantsToSend(core, id);
}

/**
 * Bytes under way (FlightSize of RFC 5681). ACKs of one turn are all taken before anything is sent: what they let out
 * counts, as it would have been under way by now.
 */
function flightSize(core: Core, line: number, at: number): number {
  const { hot } = core;
  const una = hot[at + SND_UNA];
  const sent = (hot[at + SND_MAX] - una) | 0;
  const written = (hot[at + SND_END] - una) | 0;
  return Math.max(sent, Math.min(written, core.recovery[line + CONGESTION + CWND], hot[at + SND_WND]));
}

/** What is acknowledged needs no scoreboard; a recovery, or a probe, may be over with it. */
function pruneLoss(core: Core, id: number, at: number, ack: number): void {
  const { hot, rare } = core;
  const line = lineOf(id);
  core.scoreboard.contiguousEnd(id, ack);
  let is = hot[at + FLAGS];
  if ((is & tailProbed) !== 0 && atOrAfter(ack, rare[line + PROBE_END])) is &= ~tailProbed;
  if ((is & timedOut) !== 0 && atOrAfter(ack, core.recovery[line + CONGESTION + RECOVER])) is &= ~timedOut;
  const isOpen = core.recovery[line + CONGESTION + PHASE] === OPEN;
  if (isOpen && (is & timedOut) === 0 && core.scoreboard.count(id) === 0) is &= ~lossy;
  // When the next hole was last sent is not known: at the latest now.
  firstResent(core, at, line);
  hot[at + FLAGS] = is;
}

/**
 * The first segment was sent again, and the peer has more now, but not that one: if what it has was sent later, or so
 * much later came that it must have been (after RFC 8985 6.2, for one segment).
 */
function isLostAgain(core: Core, id: number, line: number): boolean {
  const { recovery, rare, scoreboard } = core;
  if (after(scoreboard.to(id, scoreboard.count(id) - 1), rare[line + RESENT_MAX])) return true;
  const srttUs = recovery[line + ROUND_TRIP + SRTT8] >> 3;
  return ((core.clockUs - rare[line + RESENT_US]) | 0) > srttUs + (srttUs >> 2);
}

/**
 * Whether something is lost that was not known to be: a first segment, which begins a recovery (RFC 6675 5), or one that
 * was sent again and lost again, when so much came that was sent after it.
 * @param isDuplicate the segment acknowledges nothing new, but says of more that came.
 */
function judgeLoss(core: Core, id: number, at: number, isDuplicate: boolean): void {
  const { hot, recovery, rare, scoreboard } = core;
  const line = lineOf(id);
  const base = line + CONGESTION;
  const una = hot[at + SND_UNA];
  const max = hot[at + SND_MAX];
  const mss = hot[at + SND_MSS];
  if (isDuplicate) recovery[base + DUPLICATE_ACKS]++;
  wantsToSend(core, id);
  if (scoreboard.count(id) === 0) return;
  if (recovery[base + PHASE] === RECOVERY || (hot[at + FLAGS] & timedOut) !== 0) {
    if (isDuplicate && isLostAgain(core, id, line)) hot[at + FLAGS] |= resend;
    return;
  }
  const isLost = recovery[base + DUPLICATE_ACKS] >= duplicateThreshold || after(lostEdge(core, id, at), una);
  if (!isLost) return;
  enterRecovery(recovery, base, max, flightSize(core, line, at), mss);
  rare[line + HIGH_RXT] = una;
  hot[at + FLAGS] |= resend;
}

/** New data, or our FIN, is acknowledged. */
function advanceUna(core: Core, id: number, at: number, ack: number): void {
  const { hot } = core;
  const line = lineOf(id);
  const acked = (ack - hot[at + SND_UNA]) | 0;
  const flight = (hot[at + SND_MAX] - ack) | 0;
  hot[at + SND_UNA] = ack;
  if (before(hot[at + SND_NXT], ack)) hot[at + SND_NXT] = ack;
  takeRoundTrip(core, at, line, ack);
  core.recovery[line + RETRIES] = 0;
  const isSack = (hot[at + FLAGS] & sackPermitted) !== 0;
  const size = flightSize(core, line, at);
  let due: number = GO_ON;
  if (isSack) onAckWithSack(core.recovery, line + CONGESTION, ack, acked, size, hot[at + SND_MSS]);
  else due = onAck(core.recovery, line + CONGESTION, ack, acked, size, hot[at + SND_MSS]);
  if (due !== GO_ON) hot[at + FLAGS] |= resend;
  if ((hot[at + FLAGS] & (lossy | tailProbed)) !== 0) pruneLoss(core, id, at, ack);
  if (flight === 0) hot[at + DUE_MS] = 0;
  else if (due === GO_ON || due === RETRANSMIT_RESTART) armRetransmission(core, id, at);
  const sndEnd = hot[at + SND_END];
  const buffer = core.peer[line + SEND_BUFFER];
  if (buffer >= 0 && atOrBefore(sndEnd, ack)) {
    core.buffers.give(buffer);
    core.peer[line + SEND_BUFFER] = -1;
  }
  const is = hot[at + FLAGS];
  if ((is & wantsRoom) !== 0) offerRoom(core, id, at);
  if ((is & ending) !== 0 && after(ack, sndEnd)) {
    if ((is & detached) === 0) core.events.raise(id, FINISHED);
  } else if ((is & (resend | lossy)) !== 0 || hot[at + SND_NXT] !== sndEnd || (is & ending) !== 0)
    wantsToSend(core, id);
}

/** Of one segment at a time, or, after something was sent again, of the timestamp that comes back (RFC 7323 4). */
function takeRoundTrip(core: Core, at: number, line: number, ack: number): void {
  const { recovery } = core;
  const base = line + ROUND_TRIP;
  if (recovery[base + TIMING] !== 0) onTimedAck(recovery, base, ack, core.clockUs, core.roundTripLimits);
  else if (recovery[line + RETRIES] !== 0 && (core.hot[at + FLAGS] & stamped) !== 0) {
    const elapsedMs = (stampNow(core) - core.options.timestampEcho) | 0;
    if (elapsedMs >= 0) onSample(recovery, base, Math.min(elapsedMs, 60_000) * 1000, core.roundTripLimits);
  }
}

/** The application waits for room: tells it when there is an eighth of the ring, so that the path does not run dry. */
function offerRoom(core: Core, id: number, at: number): void {
  const { hot } = core;
  const held = (hot[at + SND_END] - hot[at + SND_UNA]) | 0;
  const { largeBytes } = core.buffers;
  if (held > largeBytes - (largeBytes >> 3)) return;
  hot[at + FLAGS] &= ~wantsRoom;
  if ((hot[at + FLAGS] & detached) === 0) core.events.raise(id, WRITABLE);
}

/**
 * A segment that is older than the one the window was last taken from says nothing new (SND.WL1, SND.WL2). But one whose
 * ACK is new is not old, though its data was sent before: the old window behind the new SND.UNA would reach too far.
 */
function updateWindow(core: Core, id: number, at: number, window: number, isNew: boolean): void {
  const { peer } = core;
  const line = lineOf(id);
  const { seq, ack } = core.segment;
  const last = peer[line + SND_WL1];
  if (!isNew && (before(seq, last) || (seq === last && before(ack, peer[line + SND_WL2])))) return;
  peer[line + SND_WL1] = seq;
  peer[line + SND_WL2] = ack;
  const { hot } = core;
  const old = hot[at + SND_WND];
  if (window === old) return;
  hot[at + SND_WND] = window;
  if (window > peer[line + MAX_WND]) peer[line + MAX_WND] = window;
  if (window < old) return;
  if ((hot[at + FLAGS] & probing) !== 0) {
    hot[at + FLAGS] &= ~probing;
    hot[at + DUE_MS] = 0;
  }
  wantsToSend(core, id);
}
