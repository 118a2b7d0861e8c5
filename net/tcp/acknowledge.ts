/** The ACK field of a segment (RFC 9293 3.10.7.4, fifth check; RFC 5961 5): what it acknowledges, and the window it tells. */

import { after, atOrBefore, before } from '../wire/sequence.ts';
import { challenge } from './challenge.ts';
import { GO_ON, onAck, onDuplicateAck, RETRANSMIT_RESTART } from './congestion.ts';
import {
  CONGESTION,
  lineOf,
  MAX_WND,
  RETRIES,
  RETRYING_MS,
  ROUND_TRIP,
  SEND_BUFFER,
  SND_WL1,
  SND_WL2,
} from './connections.ts';
import type { Core } from './core.ts';
import { FINISHED, WRITABLE } from './events.ts';
import { stampNow } from './output.ts';
import { onSample, onTimedAck, TIMING } from './round-trip.ts';
import { armRetransmission, wantsToSend } from './send.ts';
import { Is } from './states.ts';
import { peerScale } from './window.ts';

/** @returns false: the segment is dropped. */
export function acknowledge(core: Core, id: number, at: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const ack = core.segment.ack;
  const sndUna = hot[at + c.sndUna];
  if (after(ack, hot[at + c.sndMax]) || before(ack, (sndUna - c.peer[lineOf(id) + MAX_WND]) | 0)) {
    core.counters.drops.outOfWindow++;
    challenge(core, id);
    return false;
  }
  const window = core.segment.window << peerScale(c, id);
  // A peer that answers probes is alive, however long its window is shut; one that was closed has no such patience.
  if ((hot[at + c.flags] & (Is.probing | Is.detached)) === Is.probing)
    c.recovery[lineOf(id) + RETRYING_MS] = core.nowMs;
  const isNew = after(ack, sndUna);
  if (isNew) advanceUna(core, id, at, ack);
  else if (ack === sndUna && isDuplicate(core, at, window)) duplicate(core, id, at);
  // An ACK from before SND.UNA came late: its window was told from there.
  if (!before(ack, sndUna)) updateWindow(core, id, at, window, isNew);
  return true;
}

/** RFC 5681 section 2: nothing but an ACK, of what was acknowledged before, while something is under way. */
function isDuplicate(core: Core, at: number, window: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const { payloadLength, flags } = core.segment;
  return (
    payloadLength === 0 &&
    (flags & 3) === 0 &&
    hot[at + c.sndUna] !== hot[at + c.sndMax] &&
    window === hot[at + c.sndWnd] &&
    (hot[at + c.flags] & Is.probing) === 0
  );
}

function duplicate(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  const una = hot[at + c.sndUna];
  const max = hot[at + c.sndMax];
  const due = onDuplicateAck(
    c.recovery,
    lineOf(id) + CONGESTION,
    una,
    max,
    (max - una) | 0,
    hot[at + c.sndMss],
  );
  if (due !== GO_ON) hot[at + c.flags] |= Is.resend;
  wantsToSend(core, id);
}

/** New data, or our FIN, is acknowledged. */
function advanceUna(core: Core, id: number, at: number, ack: number): void {
  const c = core.connections;
  const hot = c.hot;
  const line = lineOf(id);
  const acked = (ack - hot[at + c.sndUna]) | 0;
  const flight = (hot[at + c.sndMax] - ack) | 0;
  hot[at + c.sndUna] = ack;
  if (before(hot[at + c.sndNxt], ack)) hot[at + c.sndNxt] = ack;
  takeRoundTrip(core, line, ack);
  c.recovery[line + RETRIES] = 0;
  const due = onAck(c.recovery, line + CONGESTION, ack, acked, flight, hot[at + c.sndMss]);
  if (due !== GO_ON) hot[at + c.flags] |= Is.resend;
  if (flight === 0) hot[at + c.dueMs] = 0;
  else if (due === GO_ON || due === RETRANSMIT_RESTART) armRetransmission(core, id, at);
  const sndEnd = hot[at + c.sndEnd];
  const buffer = c.peer[line + SEND_BUFFER];
  if (buffer >= 0 && atOrBefore(sndEnd, ack)) {
    core.buffers.give(buffer);
    c.peer[line + SEND_BUFFER] = -1;
  }
  const is = hot[at + c.flags];
  if ((is & Is.wantsRoom) !== 0) offerRoom(core, id, at);
  if ((is & Is.ending) !== 0 && after(ack, sndEnd)) {
    if ((is & Is.detached) === 0) core.events.raise(id, FINISHED);
  } else if ((is & Is.resend) !== 0 || hot[at + c.sndNxt] !== sndEnd || (is & Is.ending) !== 0)
    wantsToSend(core, id);
}

/** Of one segment at a time, or, after something was sent again, of the timestamp that comes back (RFC 7323 4). */
function takeRoundTrip(core: Core, line: number, ack: number): void {
  const { recovery } = core.connections;
  const base = line + ROUND_TRIP;
  if (recovery[base + TIMING] !== 0) onTimedAck(recovery, base, ack, core.clockUs, core.roundTripLimits);
  else if (recovery[line + RETRIES] !== 0 && core.options.hasTimestamps && core.segment.optionBytes !== 0) {
    const elapsedMs = (stampNow(core) - core.options.timestampEcho) | 0;
    if (elapsedMs >= 0) onSample(recovery, base, Math.min(elapsedMs, 60_000) * 1000, core.roundTripLimits);
  }
}

/** The application waits for room: tells it when half of the ring is free. */
function offerRoom(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  const held = (hot[at + c.sndEnd] - hot[at + c.sndUna]) | 0;
  if (held > core.buffers.largeBytes >> 1) return;
  hot[at + c.flags] &= ~Is.wantsRoom;
  if ((hot[at + c.flags] & Is.detached) === 0) core.events.raise(id, WRITABLE);
}

/**
 * A segment that is older than the one the window was last taken from says nothing new (SND.WL1, SND.WL2). But one whose
 * ACK is new is not old, though its data was sent before: the old window behind the new SND.UNA would reach too far.
 */
function updateWindow(core: Core, id: number, at: number, window: number, isNew: boolean): void {
  const c = core.connections;
  const peer = c.peer;
  const line = lineOf(id);
  const { seq, ack } = core.segment;
  const last = peer[line + SND_WL1];
  if (!isNew && (before(seq, last) || (seq === last && before(ack, peer[line + SND_WL2])))) return;
  peer[line + SND_WL1] = seq;
  peer[line + SND_WL2] = ack;
  const hot = c.hot;
  const old = hot[at + c.sndWnd];
  if (window === old) return;
  hot[at + c.sndWnd] = window;
  if (window > peer[line + MAX_WND]) peer[line + MAX_WND] = window;
  if (window < old) return;
  if ((hot[at + c.flags] & Is.probing) !== 0) {
    hot[at + c.flags] &= ~Is.probing;
    hot[at + c.dueMs] = 0;
  }
  wantsToSend(core, id);
}
