/** A connection begins: its lines are filled; and is established: what the handshake agreed on takes effect. */

import { timestampsBytes } from '../wire/tcp-options.ts';
import { endSending } from './close.ts';
import { startCongestion } from './congestion.ts';
import type { Core, Flow } from './core.ts';
import { sequenceClock } from './initial-sequence.ts';
import { Hot, hotOf, lineOf, Peer, Rare, Recovery } from './layout.ts';
import { afterLostSyn, startRoundTrip } from './round-trip.ts';
import { Is, State } from './states.ts';

const {
  STATE,
  FLAGS,
  SND_UNA,
  SND_NXT,
  SND_MAX,
  SND_END,
  SND_WND,
  SND_MSS,
  RCV_NXT,
  RCV_READ,
  RCV_EDGE,
  LAST_ACK,
  TS_RECENT,
  DUE_MS,
} = Hot;
const {
  LOCAL,
  REMOTE,
  PORTS,
  HARDWARE_HIGH,
  HARDWARE_LOW,
  SEND_BUFFER,
  RECEIVE_BUFFER,
  HELD_FRAME,
  HELD_AT,
  ISS,
  IRS,
  SND_WL1,
  SND_WL2,
  MAX_WND,
  SCALES,
  FIN_SEQ,
} = Peer;
const { CONGESTION, ROUND_TRIP, RETRIES, RETRYING_MS, SENT_MS, HEARD_MS } = Recovery;
const { SEGMENT_LIMIT, ERROR, KEEP_ALIVE_MS, PROBES, ANSWERED_MS, ESTABLISHED_US } = Rare;
const { ending, inbound, keptAlive, sackPermitted, scaled, stamped, synLost } = Is;
const { established } = State;

/** A peer that says nothing takes this much (RFC 9293 3.7.1). */
const defaultMss = 536;
/** A peer that asks for less gets this: it must not make us send a header a byte. */
const leastMss = 64;

/** All words of a connection that is about to open; nothing was received. @param iss our initial sequence number. */
export function begin(core: Core, id: number, flow: Readonly<Flow>, iss: number, flags: number): void {
  const { hot } = core;
  const at = hotOf(id);
  const line = lineOf(id);
  hot[at + FLAGS] = flags;
  hot[at + SND_UNA] = iss;
  hot[at + SND_NXT] = iss + 1;
  hot[at + SND_MAX] = iss + 1;
  hot[at + SND_END] = iss + 1;
  hot[at + SND_WND] = 0;
  hot[at + SND_MSS] = defaultMss;
  hot[at + RCV_NXT] = 0;
  hot[at + RCV_READ] = 0;
  hot[at + RCV_EDGE] = 0;
  hot[at + LAST_ACK] = 0;
  hot[at + TS_RECENT] = 0;
  hot[at + DUE_MS] = 0;
  const { peer, recovery } = core;
  peer[line + LOCAL] = flow.localAddress;
  peer[line + REMOTE] = flow.remoteAddress;
  peer[line + PORTS] = (flow.localPort << 16) | flow.remotePort;
  peer[line + HARDWARE_HIGH] = flow.hardwareHigh;
  peer[line + HARDWARE_LOW] = flow.hardwareLow;
  peer[line + SEND_BUFFER] = -1;
  peer[line + RECEIVE_BUFFER] = -1;
  peer[line + HELD_FRAME] = -1;
  peer[line + HELD_AT] = 0;
  peer[line + ISS] = iss;
  peer[line + IRS] = 0;
  peer[line + SND_WL1] = 0;
  peer[line + SND_WL2] = 0;
  peer[line + MAX_WND] = 0;
  peer[line + SCALES] = 0;
  peer[line + FIN_SEQ] = 0;
  startRoundTrip(recovery, line + ROUND_TRIP, core.roundTripLimits);
  recovery[line + RETRIES] = 0;
  recovery[line + RETRYING_MS] = 0;
  recovery[line + SENT_MS] = core.nowMs;
  recovery[line + HEARD_MS] = core.nowMs;
  core.rareDoubles[(lineOf(id) >> 1) + ESTABLISHED_US] = -1;
  core.rare[lineOf(id) + ERROR] = 0;
  core.rare[lineOf(id) + SEGMENT_LIMIT] = 0;
  core.rare[lineOf(id) + KEEP_ALIVE_MS] = 0;
  core.rare[lineOf(id) + PROBES] = 0;
  core.rare[lineOf(id) + ANSWERED_MS] = -1_000_000;
  core.flows.insert(id);
}

/** Of the peer's SYN that arrives: its sequence number, its window, what its options offer. */
export function takeSyn(core: Core, id: number, at: number): void {
  const { hot } = core;
  const line = lineOf(id);
  const { segment, options } = core;
  const next = (segment.seq + 1) | 0;
  core.peer[line + IRS] = segment.seq;
  hot[at + RCV_NXT] = next;
  hot[at + RCV_READ] = next;
  hot[at + LAST_ACK] = next;
  hot[at + RCV_EDGE] = next + Math.min(core.receiveSpace, 65_535);
  let is = hot[at + FLAGS];
  if (options.windowScale >= 0) {
    is |= scaled;
    core.peer[line + SCALES] = options.windowScale | (core.receiveScale << 8);
  }
  if (options.hasTimestamps && (core.offersTimestamps || (is & inbound) !== 0)) {
    is |= stamped;
    hot[at + TS_RECENT] = options.timestampValue;
  }
  if (options.sackPermitted && core.offersSack) is |= sackPermitted;
  hot[at + FLAGS] = is;
  setWindow(core, id, at, segment.window);
  core.rare[lineOf(id) + SEGMENT_LIMIT] = Math.min(
    Math.max(options.mss === 0 ? defaultMss : options.mss, leastMss),
    core.ownMss,
  );
  setMss(core, id, at);
}

function setWindow(core: Core, id: number, at: number, window: number): void {
  const line = lineOf(id);
  core.hot[at + SND_WND] = window;
  core.peer[line + MAX_WND] = Math.max(core.peer[line + MAX_WND], window);
  core.peer[line + SND_WL1] = core.segment.seq;
  core.peer[line + SND_WL2] = core.segment.ack;
}

/** Data in a full segment: what the peer, and the path, take, less our options (RFC 6691). */
export function setMss(core: Core, id: number, at: number): void {
  const isStamped = (core.hot[at + FLAGS] & stamped) !== 0;
  core.hot[at + SND_MSS] = core.rare[lineOf(id) + SEGMENT_LIMIT] - (isStamped ? timestampsBytes : 0);
}

/** The handshake is over, by the segment that arrives. @param window of it, scaled if it is to be. */
export function establish(core: Core, id: number, at: number, window: number): void {
  const { hot } = core;
  const line = lineOf(id);
  const is = hot[at + FLAGS];
  const una = (core.peer[line + ISS] + 1) | 0;
  hot[at + SND_UNA] = una;
  hot[at + STATE] = established;
  hot[at + DUE_MS] = 0;
  core.recovery[line + RETRIES] = 0;
  core.rareDoubles[(lineOf(id) >> 1) + ESTABLISHED_US] = core.time[0];
  setWindow(core, id, at, window);
  const isLost = (is & synLost) !== 0;
  if (isLost) afterLostSyn(core.recovery, line + ROUND_TRIP, core.roundTripLimits);
  startCongestion(core.recovery, line + CONGESTION, hot[at + SND_MSS], hot[at + SND_NXT], isLost);
  if (core.timers.keepAliveMs > 0) setKeepAlive(core, id, at, core.timers.keepAliveMs);
  if ((is & ending) !== 0) {
    hot[at + FLAGS] &= ~ending;
    endSending(core, id, at);
  }
}

/** @param idleMs 0: no probes. */
export function setKeepAlive(core: Core, id: number, at: number, idleMs: number): void {
  core.rare[lineOf(id) + KEEP_ALIVE_MS] = idleMs;
  core.rare[lineOf(id) + PROBES] = 0;
  core.recovery[lineOf(id) + HEARD_MS] = core.nowMs;
  if (idleMs > 0) {
    core.hot[at + FLAGS] |= keptAlive;
    core.keepAlive.set(id, core.nowMs + idleMs);
  } else {
    core.hot[at + FLAGS] &= ~keptAlive;
    core.keepAlive.cancel(id);
  }
}

/** Our initial sequence number (RFC 6528). */
export function initialSequence(core: Core, flow: Readonly<Flow>): number {
  const { localAddress, localPort, remoteAddress, remotePort } = flow;
  const clock = sequenceClock(core.time[0]);
  return core.sequences.of(localAddress, localPort, remoteAddress, remotePort, clock);
}
