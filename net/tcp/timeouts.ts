/** Timers that run out (RFC 9293 3.8, 3.10.8; RFC 6298): what is sent again, what is given up. */

import { expireTimeWait, fail, free, reset } from './close.ts';
import { onTimeout } from './congestion.ts';
import { CONGESTION, HEARD_MS, lineOf, RETRIES, RETRYING_MS, ROUND_TRIP } from './connections.ts';
import type { Core } from './core.ts';
import { sendAck } from './output.ts';
import { onBackOff } from './round-trip.ts';
import { armRetransmission, sendProbe, setDue, wantsSyn, wantsToAck, wantsToSend } from './send.ts';
import { Is, State } from './states.ts';

const ETIMEDOUT = 110;

/** Everything that is due at `core.nowMs`. */
export function runTimers(core: Core): void {
  expireRetransmissions(core);
  expireTimeWait(core, core.nowMs);
  expireDelayedAcks(core);
  expireFinWait(core);
  expireKeepAlive(core);
}

/** @returns when the next timer is due, in milliseconds of the core's clock; Infinity: none runs. */
export function nextDueMs(core: Core): number {
  return Math.min(
    core.retransmission.nextDueMs(),
    core.timeWait.nextDueMs(),
    core.delayedAck.nextDueMs(),
    core.finWait.nextDueMs(),
    core.keepAlive.nextDueMs(),
  );
}

function expireRetransmissions(core: Core): void {
  const { retransmission, connections: c } = core;
  for (let count = retransmission.expire(core.nowMs); count > 0; count = retransmission.expire(core.nowMs))
    for (let index = 0; index < count; index++) {
      const id = retransmission.expired[index];
      const at = id << c.shift;
      const dueMs = c.hot[at + c.dueMs];
      core.entryMs[id] = -1;
      if (dueMs === 0) continue;
      if (dueMs > core.nowMs) setDue(core, id, at, dueMs);
      else timeOut(core, id, at);
    }
}

function timeOut(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  const line = lineOf(id);
  const state = hot[at + c.state];
  hot[at + c.dueMs] = 0;
  const retries = c.recovery[line + RETRIES];
  if (state === State.synSent || state === State.synReceived) {
    synTimeOut(core, id, at, retries);
    return;
  }
  const isDetached = (hot[at + c.flags] & Is.detached) !== 0;
  const isProbing = (hot[at + c.flags] & Is.probing) !== 0;
  if (retries === 0 && !isProbing) c.recovery[line + RETRYING_MS] = core.nowMs;
  const patienceMs = isDetached ? core.timers.closedGiveUpMs : core.timers.dataGiveUpMs;
  if (core.nowMs - c.recovery[line + RETRYING_MS] >= patienceMs) {
    reset(core, id, at, ETIMEDOUT);
    return;
  }
  c.recovery[line + RETRIES] = retries + 1;
  onBackOff(c.recovery, line + ROUND_TRIP, core.roundTripLimits);
  if (isProbing) {
    sendProbe(core, id, at);
    armRetransmission(core, id, at);
    return;
  }
  const una = hot[at + c.sndUna];
  const max = hot[at + c.sndMax];
  onTimeout(c.recovery, line + CONGESTION, max, (max - una) | 0, hot[at + c.sndMss], retries > 0);
  hot[at + c.sndNxt] = una;
  hot[at + c.flags] &= ~Is.resend;
  wantsToSend(core, id);
}

function synTimeOut(core: Core, id: number, at: number, retries: number): void {
  const c = core.connections;
  const line = lineOf(id);
  const isInbound = (c.hot[at + c.flags] & Is.inbound) !== 0;
  if (retries >= (isInbound ? core.timers.synAckRetries : core.timers.synRetries)) {
    if (isInbound) free(core, id, at);
    else fail(core, id, at, ETIMEDOUT);
    return;
  }
  c.recovery[line + RETRIES] = retries + 1;
  c.hot[at + c.flags] |= Is.synLost;
  onBackOff(c.recovery, line + ROUND_TRIP, core.roundTripLimits);
  core.counters.synRetransmissions++;
  wantsSyn(core, id);
}

function expireDelayedAcks(core: Core): void {
  const { delayedAck, connections: c } = core;
  for (let count = delayedAck.expire(core.nowMs); count > 0; count = delayedAck.expire(core.nowMs))
    for (let index = 0; index < count; index++) {
      const id = delayedAck.expired[index];
      c.hot[(id << c.shift) + c.flags] &= ~Is.ackTimed;
      wantsToAck(core, id);
    }
}

/** The peer does not end its side, and nobody waits for it. */
function expireFinWait(core: Core): void {
  const { finWait, connections: c } = core;
  for (let count = finWait.expire(core.nowMs); count > 0; count = finWait.expire(core.nowMs))
    for (let index = 0; index < count; index++) {
      const id = finWait.expired[index];
      free(core, id, id << c.shift);
    }
}

/** RFC 9293 3.8.4: a segment with nothing new, which only a peer that has the connection answers with an ACK. */
function expireKeepAlive(core: Core): void {
  const { keepAlive, connections: c, timers } = core;
  for (let count = keepAlive.expire(core.nowMs); count > 0; count = keepAlive.expire(core.nowMs))
    for (let index = 0; index < count; index++) {
      const id = keepAlive.expired[index];
      const at = id << c.shift;
      const idleMs = core.nowMs - c.recovery[lineOf(id) + HEARD_MS];
      const restMs = c.keepAliveMs[id] - idleMs;
      if (restMs > 0) {
        c.probes[id] = 0;
        keepAlive.set(id, core.nowMs + restMs);
      } else if (c.probes[id] >= timers.keepAliveProbes) reset(core, id, at, ETIMEDOUT);
      else {
        c.probes[id]++;
        sendAck(core, id, (c.hot[at + c.sndUna] - 1) | 0);
        keepAlive.set(id, core.nowMs + timers.keepAliveIntervalMs);
      }
    }
}
