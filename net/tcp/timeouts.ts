/** Timers that run out (RFC 9293 3.8, 3.10.8; RFC 6298): what is sent again, what is given up. */

import { expireTimeWait, fail, free, reset } from './close.ts';
import { onTimeout } from './congestion.ts';
import type { Core } from './core.ts';
import { Hot, hotOf, lineOf, Peer, Rare, Recovery } from './layout.ts';
import { sendAck } from './output.ts';
import { firstResent, sendProbe, sendTailProbe } from './resend.ts';
import { armRetransmission, setDue } from './retransmission-timer.ts';
import { onBackOff } from './round-trip.ts';
import { wantsSyn, wantsToAck, wantsToSend } from './send.ts';
import { Is, State } from './states.ts';

const { STATE, FLAGS, SND_UNA, SND_NXT, SND_MAX, SND_MSS, DUE_MS } = Hot;
const { CONGESTION, ROUND_TRIP, RETRIES, RETRYING_MS, HEARD_MS } = Recovery;
const { HARDWARE_HIGH, HARDWARE_LOW } = Peer;
const { KEEP_ALIVE_MS, PROBES, ENTRY_MS, HIGH_RXT } = Rare;
const {
  ackTimed,
  detached,
  inbound,
  lossy,
  probing,
  resend,
  sackPermitted,
  synLost,
  tailProbed,
  tailTimed,
  timedOut,
} = Is;
const { synReceived, synSent } = State;

const ETIMEDOUT = 110;
const EHOSTUNREACH = 113;

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
  const { retransmission } = core;
  for (let count = retransmission.expire(core.nowMs); count > 0; count = retransmission.expire(core.nowMs))
    for (let index = 0; index < count; index++) {
      const id = retransmission.expired[index];
      const at = hotOf(id);
      const dueMs = core.hot[at + DUE_MS];
      core.rare[lineOf(id) + ENTRY_MS] = -1;
      if (dueMs === 0) continue;
      if (dueMs > core.nowMs) setDue(core, id, at, dueMs);
      else timeOut(core, id, at);
    }
}

function timeOut(core: Core, id: number, at: number): void {
  const { hot } = core;
  const line = lineOf(id);
  const state = hot[at + STATE];
  hot[at + DUE_MS] = 0;
  const retries = core.recovery[line + RETRIES];
  if (state === synSent || state === synReceived) {
    synTimeOut(core, id, at, retries);
    return;
  }
  if ((hot[at + FLAGS] & tailTimed) !== 0) {
    hot[at + FLAGS] &= ~tailTimed;
    sendTailProbe(core, id, at);
    return;
  }
  const isDetached = (hot[at + FLAGS] & detached) !== 0;
  const isProbing = (hot[at + FLAGS] & probing) !== 0;
  if (retries === 0 && !isProbing) core.recovery[line + RETRYING_MS] = core.nowMs;
  const patienceMs = isDetached ? core.timers.closedGiveUpMs : core.timers.dataGiveUpMs;
  if (core.nowMs - core.recovery[line + RETRYING_MS] >= patienceMs) {
    reset(core, id, at, ETIMEDOUT);
    return;
  }
  core.recovery[line + RETRIES] = retries + 1;
  onBackOff(core.recovery, line + ROUND_TRIP, core.roundTripLimits);
  if (isProbing) {
    sendProbe(core, id, at);
    armRetransmission(core, id, at);
    return;
  }
  const una = hot[at + SND_UNA];
  const max = hot[at + SND_MAX];
  onTimeout(core.recovery, line + CONGESTION, max, (max - una) | 0, hot[at + SND_MSS], retries > 0);
  if ((hot[at + FLAGS] & sackPermitted) === 0) hot[at + SND_NXT] = una;
  else {
    // All that the peer does not have is lost.
    core.rare[line + HIGH_RXT] = una;
    firstResent(core, at, line);
    hot[at + FLAGS] |= timedOut | lossy;
  }
  hot[at + FLAGS] &= ~(resend | tailProbed);
  wantsToSend(core, id);
}

function synTimeOut(core: Core, id: number, at: number, retries: number): void {
  const line = lineOf(id);
  const isInbound = (core.hot[at + FLAGS] & inbound) !== 0;
  if (retries >= (isInbound ? core.timers.synAckRetries : core.timers.synRetries)) {
    if (isInbound) free(core, id, at);
    else fail(core, id, at, isReachable(core, line) ? ETIMEDOUT : EHOSTUNREACH);
    return;
  }
  core.recovery[line + RETRIES] = retries + 1;
  core.hot[at + FLAGS] |= synLost;
  onBackOff(core.recovery, line + ROUND_TRIP, core.roundTripLimits);
  core.counters.synRetransmissions++;
  wantsSyn(core, id);
}

/** The next hop is known; else not even a SYN was sent. */
function isReachable(core: Core, line: number): boolean {
  return (core.peer[line + HARDWARE_HIGH] | core.peer[line + HARDWARE_LOW]) !== 0;
}

function expireDelayedAcks(core: Core): void {
  const { delayedAck } = core;
  for (let count = delayedAck.expire(core.nowMs); count > 0; count = delayedAck.expire(core.nowMs))
    for (let index = 0; index < count; index++) {
      const id = delayedAck.expired[index];
      core.hot[hotOf(id) + FLAGS] &= ~ackTimed;
      wantsToAck(core, id);
    }
}

/** The peer does not end its side, and nobody waits for it. */
function expireFinWait(core: Core): void {
  const { finWait } = core;
  for (let count = finWait.expire(core.nowMs); count > 0; count = finWait.expire(core.nowMs))
    for (let index = 0; index < count; index++) {
      const id = finWait.expired[index];
      free(core, id, hotOf(id));
    }
}

/** RFC 9293 3.8.4: a segment with nothing new, which only a peer that has the connection answers with an ACK. */
function expireKeepAlive(core: Core): void {
  const { keepAlive, timers } = core;
  for (let count = keepAlive.expire(core.nowMs); count > 0; count = keepAlive.expire(core.nowMs))
    for (let index = 0; index < count; index++) {
      const id = keepAlive.expired[index];
      const at = hotOf(id);
      const idleMs = core.nowMs - core.recovery[lineOf(id) + HEARD_MS];
      const restMs = core.rare[lineOf(id) + KEEP_ALIVE_MS] - idleMs;
      if (restMs > 0) {
        core.rare[lineOf(id) + PROBES] = 0;
        keepAlive.set(id, core.nowMs + restMs);
      } else if (core.rare[lineOf(id) + PROBES] >= timers.keepAliveProbes) reset(core, id, at, ETIMEDOUT);
      else {
        core.rare[lineOf(id) + PROBES]++;
        sendAck(core, id, (core.hot[at + SND_UNA] - 1) | 0);
        keepAlive.set(id, core.nowMs + timers.keepAliveIntervalMs);
      }
    }
}
