/** A connection begins: its lines are filled; and is established: what the handshake agreed on takes effect. */

import { timestampsBytes } from '../wire/tcp-options.ts';
import { endSending } from './close.ts';
import { startCongestion } from './congestion.ts';
import {
  CONGESTION,
  FIN_SEQ,
  HARDWARE_HIGH,
  HARDWARE_LOW,
  HEARD_MS,
  HELD_AT,
  HELD_FRAME,
  IRS,
  ISS,
  LOCAL,
  lineOf,
  MAX_WND,
  PORTS,
  RECEIVE_BUFFER,
  REMOTE,
  RETRIES,
  RETRYING_MS,
  ROUND_TRIP,
  SCALES,
  SEND_BUFFER,
  SENT_MS,
  SND_WL1,
  SND_WL2,
} from './connections.ts';
import type { Core, Flow } from './core.ts';
import { sequenceClock } from './initial-sequence.ts';
import { afterLostSyn, startRoundTrip } from './round-trip.ts';
import { Is, State } from './states.ts';

/** A peer that says nothing takes this much (RFC 9293 3.7.1). */
const defaultMss = 536;
/** A peer that asks for less gets this: it must not make us send a header a byte. */
const leastMss = 64;

/** All words of a connection that is about to open; nothing was received. @param iss our initial sequence number. */
export function begin(core: Core, id: number, flow: Readonly<Flow>, iss: number, flags: number): void {
  const c = core.connections;
  const hot = c.hot;
  const at = id << c.shift;
  const line = lineOf(id);
  hot[at + c.flags] = flags;
  hot[at + c.sndUna] = iss;
  hot[at + c.sndNxt] = iss + 1;
  hot[at + c.sndMax] = iss + 1;
  hot[at + c.sndEnd] = iss + 1;
  hot[at + c.sndWnd] = 0;
  hot[at + c.sndMss] = defaultMss;
  hot[at + c.rcvNxt] = 0;
  hot[at + c.rcvRead] = 0;
  hot[at + c.rcvEdge] = 0;
  hot[at + c.lastAck] = 0;
  hot[at + c.tsRecent] = 0;
  hot[at + c.dueMs] = 0;
  const { peer, recovery } = c;
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
  c.establishedUs[id] = -1;
  c.error[id] = 0;
  c.segmentLimit[id] = 0;
  c.keepAliveMs[id] = 0;
  c.probes[id] = 0;
  c.answeredMs[id] = -1_000_000;
  core.flows.insert(flow.localAddress, flow.localPort, flow.remoteAddress, flow.remotePort, id);
}

/** Of the peer's SYN that arrives: its sequence number, its window, what its options offer. */
export function takeSyn(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  const line = lineOf(id);
  const { segment, options } = core;
  const next = (segment.seq + 1) | 0;
  c.peer[line + IRS] = segment.seq;
  hot[at + c.rcvNxt] = next;
  hot[at + c.rcvRead] = next;
  hot[at + c.lastAck] = next;
  hot[at + c.rcvEdge] = next + Math.min(core.receiveSpace, 65_535);
  let is = hot[at + c.flags];
  if (options.windowScale >= 0) {
    is |= Is.scaled;
    c.peer[line + SCALES] = options.windowScale | (core.receiveScale << 8);
  }
  if (options.hasTimestamps && (core.offersTimestamps || (is & Is.inbound) !== 0)) {
    is |= Is.stamped;
    hot[at + c.tsRecent] = options.timestampValue;
  }
  if (options.sackPermitted) is |= Is.sackPermitted;
  hot[at + c.flags] = is;
  setWindow(core, id, at, segment.window);
  c.segmentLimit[id] = Math.min(
    Math.max(options.mss === 0 ? defaultMss : options.mss, leastMss),
    core.ownMss,
  );
  setMss(core, id, at);
}

function setWindow(core: Core, id: number, at: number, window: number): void {
  const c = core.connections;
  const line = lineOf(id);
  c.hot[at + c.sndWnd] = window;
  c.peer[line + MAX_WND] = Math.max(c.peer[line + MAX_WND], window);
  c.peer[line + SND_WL1] = core.segment.seq;
  c.peer[line + SND_WL2] = core.segment.ack;
}

/** Data in a full segment: what the peer, and the path, take, less our options (RFC 6691). */
export function setMss(core: Core, id: number, at: number): void {
  const c = core.connections;
  const isStamped = (c.hot[at + c.flags] & Is.stamped) !== 0;
  c.hot[at + c.sndMss] = c.segmentLimit[id] - (isStamped ? timestampsBytes : 0);
}

/** The handshake is over, by the segment that arrives. @param window of it, scaled if it is to be. */
export function establish(core: Core, id: number, at: number, window: number): void {
  const c = core.connections;
  const hot = c.hot;
  const line = lineOf(id);
  const is = hot[at + c.flags];
  const una = (c.peer[line + ISS] + 1) | 0;
  hot[at + c.sndUna] = una;
  hot[at + c.state] = State.established;
  hot[at + c.dueMs] = 0;
  c.recovery[line + RETRIES] = 0;
  c.establishedUs[id] = core.time[0];
  setWindow(core, id, at, window);
  const isLost = (is & Is.synLost) !== 0;
  if (isLost) afterLostSyn(c.recovery, line + ROUND_TRIP, core.roundTripLimits);
  startCongestion(c.recovery, line + CONGESTION, hot[at + c.sndMss], hot[at + c.sndNxt], isLost);
  if (core.timers.keepAliveMs > 0) setKeepAlive(core, id, at, core.timers.keepAliveMs);
  if ((is & Is.ending) !== 0) {
    hot[at + c.flags] &= ~Is.ending;
    endSending(core, id, at);
  }
}

/** @param idleMs 0: no probes. */
export function setKeepAlive(core: Core, id: number, at: number, idleMs: number): void {
  const c = core.connections;
  c.keepAliveMs[id] = idleMs;
  c.probes[id] = 0;
  c.recovery[lineOf(id) + HEARD_MS] = core.nowMs;
  if (idleMs > 0) {
    c.hot[at + c.flags] |= Is.keptAlive;
    core.keepAlive.set(id, core.nowMs + idleMs);
  } else {
    c.hot[at + c.flags] &= ~Is.keptAlive;
    core.keepAlive.cancel(id);
  }
}

/** Our initial sequence number (RFC 6528). */
export function initialSequence(core: Core, flow: Readonly<Flow>): number {
  const { localAddress, localPort, remoteAddress, remotePort } = flow;
  const clock = sequenceClock(core.time[0]);
  return core.sequences.of(localAddress, localPort, remoteAddress, remotePort, clock);
}
