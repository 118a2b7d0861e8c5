/**
 * Segments of connections, written and handed to the link: headers, options, data out of the send ring. What is sent
 * when is decided elsewhere; here the state of what was sent is kept: last ACK, window told, delayed ACK settled.
 */

import { emitSegment, Flag, segmentOptionsAt } from '../wire/tcp.ts';
import { emitSynOptions, emitTimestamps } from '../wire/tcp-options.ts';
import { copyFromRing } from './copy.ts';
import { type Core, largestUnscaledWindow } from './core.ts';
import { Hot, hotOf, lineOf, Peer, Rare, sendPosition } from './layout.ts';
import { emitOwnSack } from './scoreboard.ts';
import { Is, State } from './states.ts';
import { takeWindow } from './window.ts';

const { STATE, FLAGS, SND_UNA, SND_NXT, RCV_NXT, LAST_ACK, TS_RECENT } = Hot;
const { LOCAL, REMOTE, PORTS, HARDWARE_HIGH, HARDWARE_LOW, SEND_BUFFER } = Peer;
const { SEGMENT_LIMIT } = Rare;
const { ackLater, ackNow, ackTimed, gapped, sackPermitted, scaled, stamped } = Is;
const { synReceived } = State;
const { ack: ACK, rst: RST, syn: SYN } = Flag;

/** All that a header can hold. */
const mostOptionBytes = 40;

/** Our timestamp clock: a millisecond a tick (RFC 7323 5.4). */
export function stampNow(core: Core): number {
  return (core.nowMs + core.stampOffset) | 0;
}

/** A segment that acknowledges, without data. @returns false: the link has no frame free. */
export function sendAck(core: Core, id: number, seq: number): boolean {
  return sendSegment(core, id, seq, ACK, 0);
}

/**
 * A segment of a synchronised connection. @param length bytes of data, from position `seq` of the send ring on.
 * @returns false: the link has no frame free.
 */
export function sendSegment(core: Core, id: number, seq: number, flags: number, length: number): boolean {
  const frame = core.link.allocate();
  if (frame < 0) return false;
  const { hot } = core;
  const at = hotOf(id);
  const is = hot[at + FLAGS];
  const out = core.outSegment;
  const optionsAt = frame + segmentOptionsAt;
  let optionBytes = 0;
  if ((is & stamped) !== 0)
    optionBytes = emitTimestamps(core.memory, optionsAt, stampNow(core), hot[at + TS_RECENT]);
  if ((is & (gapped | sackPermitted)) === (gapped | sackPermitted)) {
    const room = Math.min(mostOptionBytes, core.rare[lineOf(id) + SEGMENT_LIMIT] - length) - optionBytes;
    optionBytes += emitOwnSack(core, id, optionsAt + optionBytes, room);
  }
  if (length > 0) {
    const line = lineOf(id);
    const buffer = core.peer[line + SEND_BUFFER];
    const size = core.buffers.sizeOf(buffer);
    const position = sendPosition(core, line, seq);
    copyFromRing(
      core.bufferMemory,
      buffer,
      size,
      position,
      core.frameMemory,
      optionsAt + optionBytes,
      length,
    );
    core.counters.bytesOut += length;
  }
  out.seq = seq;
  out.ack = hot[at + RCV_NXT];
  out.flags = flags;
  out.window = takeWindow(core, id, at);
  out.optionBytes = optionBytes;
  out.payloadLength = length;
  hot[at + LAST_ACK] = hot[at + RCV_NXT];
  if ((is & (ackNow | ackLater)) !== 0) ackSettled(core, id, at, is);
  transmit(core, id, frame);
  return true;
}

/** The ACK that was due went with a segment. */
function ackSettled(core: Core, id: number, at: number, is: number): void {
  if ((is & ackTimed) !== 0) core.delayedAck.cancel(id);
  core.hot[at + FLAGS] = is & ~(ackNow | ackLater | ackTimed);
}

/** Our SYN, or SYN+ACK. @returns false: the link has no frame free. */
export function sendSyn(core: Core, id: number): boolean {
  const line = lineOf(id);
  if ((core.peer[line + HARDWARE_HIGH] | core.peer[line + HARDWARE_LOW]) === 0) {
    core.resolver.resolve(id);
    return true;
  }
  const frame = core.link.allocate();
  if (frame < 0) return false;
  const { hot } = core;
  const at = hotOf(id);
  const is = hot[at + FLAGS];
  const isAnswer = hot[at + STATE] === synReceived;
  const options = core.outOptions;
  options.mss = core.ownMss;
  options.windowScale = isAnswer && (is & scaled) === 0 ? -1 : core.receiveScale;
  options.hasTimestamps = isAnswer ? (is & stamped) !== 0 : core.offersTimestamps;
  options.sackPermitted = isAnswer ? (is & sackPermitted) !== 0 : core.offersSack;
  options.timestampValue = stampNow(core);
  options.timestampEcho = isAnswer ? hot[at + TS_RECENT] : 0;
  const out = core.outSegment;
  out.seq = hot[at + SND_UNA];
  out.ack = isAnswer ? hot[at + RCV_NXT] : 0;
  out.flags = isAnswer ? SYN | ACK : SYN;
  // Never scaled in a SYN (RFC 7323 2.2).
  out.window = Math.min(core.receiveSpace, largestUnscaledWindow);
  out.optionBytes = emitSynOptions(core.memory, frame + segmentOptionsAt, options);
  out.payloadLength = 0;
  hot[at + LAST_ACK] = hot[at + RCV_NXT];
  if ((is & (ackNow | ackLater)) !== 0) ackSettled(core, id, at, is);
  transmit(core, id, frame);
  return true;
}

/** RST of a connection: in sequence, so that the peer takes it; with ACK, as there is something to acknowledge. */
export function sendReset(core: Core, id: number): void {
  const frame = core.link.allocate();
  if (frame < 0) return;
  const at = hotOf(id);
  const out = core.outSegment;
  out.seq = core.hot[at + SND_NXT];
  out.ack = core.hot[at + RCV_NXT];
  out.flags = RST | ACK;
  out.window = 0;
  out.optionBytes = 0;
  out.payloadLength = 0;
  core.counters.resetsSent++;
  transmit(core, id, frame);
}

/** Who it goes to is the connection's; the rest of `outSegment` is set. */
function transmit(core: Core, id: number, frame: number): void {
  const { peer } = core;
  const line = lineOf(id);
  const out = core.outSegment;
  const ports = peer[line + PORTS];
  out.sourcePort = ports >>> 16;
  out.destinationPort = ports & 0xffff;
  core.outIp.source = peer[line + LOCAL];
  core.outIp.destination = peer[line + REMOTE];
  core.outEthernet.destinationHigh = peer[line + HARDWARE_HIGH];
  core.outEthernet.destinationLow = peer[line + HARDWARE_LOW];
  hand(core, frame);
}

/** Writes the headers of `outSegment` and gives the frame to the link. */
export function hand(core: Core, frame: number): void {
  const { outEthernet, outIp, outSegment, hasChecksums } = core;
  const length = emitSegment(core.memory, frame, outEthernet, outIp, outSegment, hasChecksums);
  core.counters.segmentsOut++;
  core.link.transmit(frame, length);
}
