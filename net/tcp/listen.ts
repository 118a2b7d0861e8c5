/**
 * Segments that belong to no connection (RFC 9293 3.10.7.1 and 3.10.7.2): a SYN for a port that listens begins one; an
 * ACK may bring a SYN cookie back (RFC 4987); all else is refused, or passed over in silence.
 *
 *   SYN ─► room in the backlog ─► SYN-RECEIVED, SYN+ACK
 *       └► none ─► SYN+ACK with a cookie, nothing kept ··· ACK with the cookie ─► ESTABLISHED
 */

import { after } from '../wire/sequence.ts';
import { Flag, segmentOptionsAt } from '../wire/tcp.ts';
import { emitSynOptions, parseOptions } from '../wire/tcp-options.ts';
import { begin, establish, initialSequence, takeSyn } from './begin.ts';
import { refuse } from './challenge.ts';
import { takeId } from './close.ts';
import { type Core, largestUnscaledWindow } from './core.ts';
import { ACCEPTED } from './events.ts';
import { Hot, hotOf, lineOf, Peer } from './layout.ts';
import { hand, stampNow } from './output.ts';
import { wantsSyn } from './send.ts';
import { Is, State } from './states.ts';
import { cookieSackPermitted, cookieTimestamp, cookieWindowScale } from './syn-cookie.ts';

const { STATE, FLAGS } = Hot;
const { PORTS } = Peer;
const { inbound, queued } = Is;
const { synReceived } = State;
const { ack: ACK, fin: FIN, rst: RST, syn: SYN } = Flag;

/** A cookie is good for so long; later, no ACK is looked at as one. */
const cookieLifeMs = 128_000;

/**
 * @param least our initial sequence number must be after this one: of a connection that this one replaces.
 * @returns id of the connection that the segment has established, and whose data is to be looked at; -1: none.
 */
export function withoutConnection(core: Core, replaces: boolean, least: number): number {
  const { segment } = core;
  const flags = segment.flags;
  if (core.listening[segment.destinationPort] === 0) {
    refuse(core);
    return -1;
  }
  if ((flags & RST) !== 0) {
    core.counters.drops.noConnection++;
    return -1;
  }
  if ((flags & ACK) !== 0) return takeCookie(core);
  if ((flags & (SYN | FIN)) !== SYN) {
    core.counters.drops.badSyn++;
    return -1;
  }
  open(core, replaces, least);
  return -1;
}

/** Who the segment that arrives is from. */
function setFlow(core: Core): void {
  const { segment, ip, ethernet, flow } = core;
  flow.localAddress = ip.destination;
  flow.localPort = segment.destinationPort;
  flow.remoteAddress = ip.source;
  flow.remotePort = segment.sourcePort;
  flow.hardwareHigh = ethernet.sourceHigh;
  flow.hardwareLow = ethernet.sourceLow;
}

function open(core: Core, replaces: boolean, least: number): void {
  const { segment } = core;
  const port = segment.destinationPort;
  parseOptions(core.memory, segment.optionsAt, segment.payloadAt, core.options);
  setFlow(core);
  const isFull = core.waiting[port] >= core.backlog;
  const id = isFull ? -1 : takeId(core);
  if (id < 0) {
    if (core.hasCookies) sendCookie(core);
    else if (isFull) core.counters.drops.backlogFull++;
    else core.counters.drops.noMemory++;
    return;
  }
  let iss = initialSequence(core, core.flow);
  if (replaces && !after(iss, least)) iss = (least + 128_000) | 0;
  const at = hotOf(id);
  begin(core, id, core.flow, iss, inbound | queued);
  core.hot[at + STATE] = synReceived;
  core.waiting[port]++;
  takeSyn(core, id, at);
  wantsSyn(core, id);
}

/** All that is to be remembered goes into the sequence number and the timestamp. */
function sendCookie(core: Core): void {
  const frame = core.link.allocate();
  if (frame < 0) {
    core.counters.drops.noMemory++;
    return;
  }
  const { segment, ip, ethernet, options } = core;
  const out = core.outSegment;
  const mss = options.mss === 0 ? 536 : options.mss;
  out.seq = core.cookies.make(
    ip.destination,
    segment.destinationPort,
    ip.source,
    segment.sourcePort,
    segment.seq,
    mss,
    core.nowMs,
  );
  const offered = core.outOptions;
  offered.mss = core.ownMss;
  offered.hasTimestamps = options.hasTimestamps;
  // The same is true of SACK.
  offered.sackPermitted = options.hasTimestamps && options.sackPermitted && core.offersSack;
  // Without a timestamp to bring the peer's scale back, there is no scaling.
  offered.windowScale = options.hasTimestamps && options.windowScale >= 0 ? core.receiveScale : -1;
  offered.timestampValue = cookieTimestamp(stampNow(core), options.windowScale, options.sackPermitted);
  offered.timestampEcho = options.timestampValue;
  out.sourcePort = segment.destinationPort;
  out.destinationPort = segment.sourcePort;
  out.ack = (segment.seq + 1) | 0;
  out.flags = SYN | ACK;
  out.window = Math.min(core.receiveSpace, largestUnscaledWindow);
  out.optionBytes = emitSynOptions(core.memory, frame + segmentOptionsAt, offered);
  out.payloadLength = 0;
  core.outIp.source = ip.destination;
  core.outIp.destination = ip.source;
  core.outEthernet.destinationHigh = ethernet.sourceHigh;
  core.outEthernet.destinationLow = ethernet.sourceLow;
  core.cookieSentMs = core.nowMs;
  core.counters.cookiesSent++;
  hand(core, frame);
}

/** The third segment of a handshake of which nothing was kept; or an ACK out of the blue. */
function takeCookie(core: Core): number {
  const { segment, ip, options } = core;
  const isLate = core.cookieSentMs < 0 || core.nowMs - core.cookieSentMs > cookieLifeMs;
  if (isLate || (segment.flags & SYN) !== 0) {
    refuse(core);
    return -1;
  }
  const remoteIsn = (segment.seq - 1) | 0;
  const cookie = (segment.ack - 1) | 0;
  const port = segment.destinationPort;
  const mss = core.cookies.check(
    ip.destination,
    port,
    ip.source,
    segment.sourcePort,
    remoteIsn,
    cookie,
    core.nowMs,
  );
  if (mss < 0) {
    refuse(core);
    return -1;
  }
  // Its owner has shown that he is there: half-open connections, which may be nobody's, do not keep him out.
  const id = takeId(core);
  if (id < 0) {
    core.counters.drops.noMemory++;
    return -1;
  }
  parseOptions(core.memory, segment.optionsAt, segment.payloadAt, options);
  setFlow(core);
  const at = hotOf(id);
  begin(core, id, core.flow, cookie, inbound | queued);
  core.waiting[port]++;
  options.mss = mss;
  options.windowScale = options.hasTimestamps ? cookieWindowScale(options.timestampEcho) : -1;
  options.sackPermitted = options.hasTimestamps && cookieSackPermitted(options.timestampEcho);
  const { seq } = segment;
  segment.seq = remoteIsn;
  takeSyn(core, id, at);
  segment.seq = seq;
  const scale = Math.max(options.windowScale, 0);
  establish(core, id, at, segment.window << scale);
  accepted(core, id);
  core.counters.cookiesAccepted++;
  return id;
}

/** An inbound connection is there for the application to take. */
export function accepted(core: Core, id: number): void {
  core.counters.accepted++;
  core.events.raise(id, ACCEPTED);
}

/** The application was told: it takes no place of the backlog any more. */
export function taken(core: Core, id: number): void {
  const at = hotOf(id);
  if ((core.hot[at + FLAGS] & queued) === 0) return;
  core.hot[at + FLAGS] &= ~queued;
  core.waiting[core.peer[lineOf(id) + PORTS] >>> 16]--;
}
