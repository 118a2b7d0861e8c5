/**
 * The data of a segment, and its FIN (RFC 9293 3.10.7.4, seventh and eighth check): taken in order, kept out of order
 * within the window, acknowledged at once or a little later.
 *
 * Data that comes in order to a connection that holds none stays in its frame until the end of the turn: an application
 * that reads at once reads it from there, and no buffer is taken.
 */

import { after, before } from '../wire/sequence.ts';
import { Flag } from '../wire/tcp.ts';
import { LARGE, SMALL } from './buffer-pool.ts';
import { copyToRing } from './copy.ts';
import type { Core } from './core.ts';
import { READABLE } from './events.ts';
import { Hot, hotOf, lineOf, Peer, receivePosition } from './layout.ts';
import { ackAtOnce, wantsToAck } from './send.ts';
import { Is } from './states.ts';

const { FLAGS, SND_MSS, RCV_NXT, RCV_READ } = Hot;
const { RECEIVE_BUFFER, HELD_FRAME, HELD_AT, FIN_SEQ } = Peer;
const { fin: FIN } = Flag;
const { ackLater, ackTimed, detached, ended, finAhead, gapped } = Is;

/** Bytes of data that came in order and were not read. */
export function unread(core: Core, at: number): number {
  const { hot } = core;
  const fins = (hot[at + FLAGS] & ended) !== 0 ? 1 : 0;
  return (hot[at + RCV_NXT] - hot[at + RCV_READ] - fins) | 0;
}

/**
 * @param seq of the first byte that is taken: what came before RCV.NXT, or is beyond the window, was trimmed off.
 * @param from where it is in the frame.
 */
export function takeText(
  core: Core,
  id: number,
  at: number,
  seq: number,
  from: number,
  length: number,
): void {
  const { hot } = core;
  const is = hot[at + FLAGS];
  if (seq !== hot[at + RCV_NXT] || (is & gapped) !== 0) {
    takeOutOfOrder(core, id, at, seq, from, length);
    return;
  }
  const { peer } = core;
  const line = lineOf(id);
  if (
    peer[line + RECEIVE_BUFFER] < 0 &&
    peer[line + HELD_FRAME] < 0 &&
    core.holdingCount < core.holding.length
  ) {
    peer[line + HELD_FRAME] = core.frameAt;
    peer[line + HELD_AT] = from;
    core.holding[core.holdingCount++] = id;
    core.isFrameKept = true;
  } else if (!store(core, id, at, seq, from, length)) return;
  hot[at + RCV_NXT] = seq + length;
  core.counters.bytesIn += length;
  if ((is & detached) === 0) core.events.raise(id, READABLE);
  if ((is & ackLater) === 0) mayAckLater(core, id, at);
  // Every second long segment has an ACK of its own (RFC 9293 3.8.6.3): the sender's window opens by ACKs, and one may be
  // lost. Short ones are rather answered.
  else if (length > hot[at + SND_MSS] >> 1) ackText(core, id, at);
  else wantsToAck(core, id);
}

/** An ACK is due, but data that the application may write in this turn, or soon, can carry it. */
function mayAckLater(core: Core, id: number, at: number): void {
  if (core.laterAckCount === core.laterAcks.length) {
    wantsToAck(core, id);
    return;
  }
  core.hot[at + FLAGS] |= ackLater;
  core.laterAcks[core.laterAckCount++] = id;
}

function takeOutOfOrder(core: Core, id: number, at: number, seq: number, from: number, length: number): void {
  // One for each segment: duplicate ACKs tell the peer of the hole, or that it is filled (RFC 5681 4.2).
  hold(core, id, at, seq, from, length);
  ackText(core, id, at);
}

/** At once, unless a FIN comes with it, whose ACK is that of the data, too. */
function ackText(core: Core, id: number, at: number): void {
  if ((core.segment.flags & FIN) === 0 && (core.hot[at + FLAGS] & finAhead) === 0) ackAtOnce(core, id);
  else wantsToAck(core, id);
}

function hold(core: Core, id: number, at: number, seq: number, from: number, length: number): void {
  const { hot } = core;
  if (!makeRoom(core, id, at, (seq + length) | 0)) {
    core.counters.drops.noMemory++;
    return;
  }
  const gaps = core.reassembly.add(id, seq, (seq + length) | 0);
  if (gaps < 0) {
    core.counters.drops.outOfOrder++;
    return;
  }
  hot[at + FLAGS] |= gapped;
  const { gapFrom, gapTo } = core.reassembly;
  const line = lineOf(id);
  const buffer = core.peer[line + RECEIVE_BUFFER];
  const size = core.buffers.sizeOf(buffer);
  for (let gap = 0; gap < gaps; gap++) {
    const start = gapFrom[gap];
    const bytes = (gapTo[gap] - start) | 0;
    const source = from + ((start - seq) | 0);
    const position = receivePosition(core, line, start);
    copyToRing(core.frameMemory, source, core.bufferMemory, buffer, size, position, bytes);
  }
  const rcvNxt = hot[at + RCV_NXT];
  if (after(seq, rcvNxt)) return;
  const end = core.reassembly.contiguousEnd(id, rcvNxt);
  core.counters.bytesIn += (end - rcvNxt) | 0;
  hot[at + RCV_NXT] = end;
  if (core.reassembly.count(id) === 0) hot[at + FLAGS] &= ~gapped;
  if ((hot[at + FLAGS] & detached) === 0) core.events.raise(id, READABLE);
}

/** Into the receive ring, in order. @returns false: there is no buffer; the peer will send it again. */
function store(core: Core, id: number, at: number, seq: number, from: number, length: number): boolean {
  if (!makeRoom(core, id, at, (seq + length) | 0)) {
    core.counters.drops.noMemory++;
    return false;
  }
  const line = lineOf(id);
  const buffer = core.peer[line + RECEIVE_BUFFER];
  const size = core.buffers.sizeOf(buffer);
  const position = receivePosition(core, line, seq);
  copyToRing(core.frameMemory, from, core.bufferMemory, buffer, size, position, length);
  return true;
}

/** A ring that reaches from the first unread byte to `end`. */
function makeRoom(core: Core, id: number, at: number, end: number): boolean {
  const { peer } = core;
  const line = lineOf(id);
  const { buffers } = core;
  if (peer[line + HELD_FRAME] >= 0 && !settle(core, id, at)) return false;
  const start = core.hot[at + RCV_READ];
  const needed = (end - start) | 0;
  if (needed > buffers.largeBytes) return false;
  const buffer = peer[line + RECEIVE_BUFFER];
  if (buffer >= 0) {
    const size = buffers.sizeOf(buffer);
    if (needed <= size) return true;
    // Ranges out of order lie behind RCV.NXT: the whole ring moves.
    const grown = buffers.grow(buffer, receivePosition(core, line, start), size);
    if (grown >= 0) peer[line + RECEIVE_BUFFER] = grown;
    return grown >= 0;
  }
  const taken = buffers.take(needed > buffers.smallBytes ? LARGE : SMALL);
  peer[line + RECEIVE_BUFFER] = taken;
  return taken >= 0;
}

/**
 * The rest of a held frame goes into a ring, and the frame back to the link. @returns false: there is no buffer, and
 * the frame is held on.
 */
export function settle(core: Core, id: number, at: number): boolean {
  const { peer } = core;
  const line = lineOf(id);
  const frame = peer[line + HELD_FRAME];
  const length = unread(core, at);
  if (length > 0) {
    const { buffers } = core;
    const taken = buffers.take(length > buffers.smallBytes ? LARGE : SMALL);
    if (taken < 0) return false;
    peer[line + RECEIVE_BUFFER] = taken;
    const size = buffers.sizeOf(taken);
    const position = receivePosition(core, line, core.hot[at + RCV_READ]);
    copyToRing(core.frameMemory, peer[line + HELD_AT], core.bufferMemory, taken, size, position, length);
  }
  peer[line + HELD_FRAME] = -1;
  core.link.release(frame);
  return true;
}

/** The turn is over: nobody reads from frames any more. */
export function settleAll(core: Core): void {
  let kept = 0;
  for (let index = 0; index < core.holdingCount; index++) {
    const id = core.holding[index];
    // Read to its end meanwhile, or freed: an id that is listed twice is settled once.
    if (core.peer[lineOf(id) + HELD_FRAME] < 0) continue;
    if (!settle(core, id, hotOf(id))) core.holding[kept++] = id;
  }
  core.holdingCount = kept;
}

/** ACKs that nothing took along in this turn wait for their timer. */
export function settleAcks(core: Core): void {
  for (let index = 0; index < core.laterAckCount; index++) {
    const id = core.laterAcks[index];
    const at = hotOf(id);
    if ((core.hot[at + FLAGS] & (ackLater | ackTimed)) !== ackLater) continue;
    core.hot[at + FLAGS] |= ackTimed;
    core.delayedAck.set(id, core.nowMs + Math.max(core.timers.delayedAckMs, 1));
  }
  core.laterAckCount = 0;
}

/** A FIN that is behind missing data waits for it. @returns whether everything before it has come. */
export function isFinReached(core: Core, id: number, at: number, finSeq: number): boolean {
  const { hot } = core;
  const rcvNxt = hot[at + RCV_NXT];
  if (finSeq === rcvNxt) return true;
  if (before(finSeq, rcvNxt)) return false;
  hot[at + FLAGS] |= finAhead;
  core.peer[lineOf(id) + FIN_SEQ] = finSeq;
  return false;
}

/** What `read` has left is nothing: the ring goes back to the pool. */
export function giveReceiveBuffer(core: Core, id: number, at: number): void {
  const line = lineOf(id);
  const buffer = core.peer[line + RECEIVE_BUFFER];
  if (buffer < 0 || (core.hot[at + FLAGS] & gapped) !== 0) return;
  if (unread(core, at) > 0) return;
  core.buffers.give(buffer);
  core.peer[line + RECEIVE_BUFFER] = -1;
}
