/**
 * The data of a segment, and its FIN (RFC 9293 3.10.7.4, seventh and eighth check): taken in order, kept out of order
 * within the window, acknowledged at once or a little later.
 *
 * Data that comes in order to a connection that holds none stays in its frame until the end of the turn: an application
 * that reads at once reads it from there, and no buffer is taken.
 */

import { after, before } from '../wire/sequence.ts';
import { LARGE, SMALL } from './buffer-pool.ts';
import { type Connections, FIN_SEQ, HELD_AT, HELD_FRAME, lineOf, RECEIVE_BUFFER } from './connections.ts';
import { copyToRing } from './copy.ts';
import type { Core } from './core.ts';
import { READABLE } from './events.ts';
import { wantsToAck } from './send.ts';
import { Is } from './states.ts';

/** Bytes of data that came in order and were not read. */
export function unread(c: Connections, at: number): number {
  const hot = c.hot;
  const ended = (hot[at + c.flags] & Is.ended) !== 0 ? 1 : 0;
  return (hot[at + c.rcvNxt] - hot[at + c.rcvRead] - ended) | 0;
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
  const c = core.connections;
  const hot = c.hot;
  const is = hot[at + c.flags];
  if (seq !== hot[at + c.rcvNxt] || (is & Is.gapped) !== 0) {
    takeOutOfOrder(core, id, at, seq, from, length);
    return;
  }
  const peer = c.peer;
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
  hot[at + c.rcvNxt] = seq + length;
  core.counters.bytesIn += length;
  if ((is & Is.detached) === 0) core.events.raise(id, READABLE);
  if ((is & Is.ackLater) !== 0) wantsToAck(core, id);
  else ackLater(core, id, at);
}

/** An ACK is due, but data that the application may write in this turn, or soon, can carry it. */
function ackLater(core: Core, id: number, at: number): void {
  if (core.laterAckCount === core.laterAcks.length) {
    wantsToAck(core, id);
    return;
  }
  const c = core.connections;
  c.hot[at + c.flags] |= Is.ackLater;
  core.laterAcks[core.laterAckCount++] = id;
}

function takeOutOfOrder(core: Core, id: number, at: number, seq: number, from: number, length: number): void {
  const c = core.connections;
  const hot = c.hot;
  // At once: a duplicate ACK tells the peer of the hole, or that it is filled (RFC 5681 4.2).
  wantsToAck(core, id);
  if (!makeRoom(core, id, at, (seq + length) | 0)) {
    core.counters.drops.noMemory++;
    return;
  }
  const gaps = core.reassembly.add(id, seq, (seq + length) | 0);
  if (gaps < 0) {
    core.counters.drops.outOfOrder++;
    return;
  }
  hot[at + c.flags] |= Is.gapped;
  const { gapFrom, gapTo } = core.reassembly;
  const buffer = c.peer[lineOf(id) + RECEIVE_BUFFER];
  const size = core.buffers.sizeOf(buffer);
  for (let gap = 0; gap < gaps; gap++) {
    const start = gapFrom[gap];
    const bytes = (gapTo[gap] - start) | 0;
    const source = from + ((start - seq) | 0);
    copyToRing(core.frameMemory, source, core.bufferMemory, buffer, size, start, bytes);
  }
  const rcvNxt = hot[at + c.rcvNxt];
  if (after(seq, rcvNxt)) return;
  const end = core.reassembly.contiguousEnd(id, rcvNxt);
  core.counters.bytesIn += (end - rcvNxt) | 0;
  hot[at + c.rcvNxt] = end;
  if (core.reassembly.count(id) === 0) hot[at + c.flags] &= ~Is.gapped;
  if ((hot[at + c.flags] & Is.detached) === 0) core.events.raise(id, READABLE);
}

/** Into the receive ring, in order. @returns false: there is no buffer; the peer will send it again. */
function store(core: Core, id: number, at: number, seq: number, from: number, length: number): boolean {
  if (!makeRoom(core, id, at, (seq + length) | 0)) {
    core.counters.drops.noMemory++;
    return false;
  }
  const buffer = core.connections.peer[lineOf(id) + RECEIVE_BUFFER];
  const size = core.buffers.sizeOf(buffer);
  copyToRing(core.frameMemory, from, core.bufferMemory, buffer, size, seq, length);
  return true;
}

/** A ring that reaches from the first unread byte to `end`. */
function makeRoom(core: Core, id: number, at: number, end: number): boolean {
  const c = core.connections;
  const peer = c.peer;
  const line = lineOf(id);
  const { buffers } = core;
  if (peer[line + HELD_FRAME] >= 0 && !settle(core, id, at)) return false;
  const start = c.hot[at + c.rcvRead];
  const needed = (end - start) | 0;
  if (needed > buffers.largeBytes) return false;
  const buffer = peer[line + RECEIVE_BUFFER];
  if (buffer >= 0) {
    const size = buffers.sizeOf(buffer);
    if (needed <= size) return true;
    // Ranges out of order lie behind RCV.NXT: the whole ring moves.
    const grown = buffers.grow(buffer, start, size);
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
  const c = core.connections;
  const peer = c.peer;
  const line = lineOf(id);
  const frame = peer[line + HELD_FRAME];
  const length = unread(c, at);
  if (length > 0) {
    const { buffers } = core;
    const taken = buffers.take(length > buffers.smallBytes ? LARGE : SMALL);
    if (taken < 0) return false;
    peer[line + RECEIVE_BUFFER] = taken;
    const size = buffers.sizeOf(taken);
    const position = c.hot[at + c.rcvRead];
    copyToRing(core.frameMemory, peer[line + HELD_AT], core.bufferMemory, taken, size, position, length);
  }
  peer[line + HELD_FRAME] = -1;
  core.link.release(frame);
  return true;
}

/** The turn is over: nobody reads from frames any more. */
export function settleAll(core: Core): void {
  const c = core.connections;
  let kept = 0;
  for (let index = 0; index < core.holdingCount; index++) {
    const id = core.holding[index];
    // Read to its end meanwhile, or freed: an id that is listed twice is settled once.
    if (c.peer[lineOf(id) + HELD_FRAME] < 0) continue;
    if (!settle(core, id, id << c.shift)) core.holding[kept++] = id;
  }
  core.holdingCount = kept;
}

/** ACKs that nothing took along in this turn wait for their timer. */
export function settleAcks(core: Core): void {
  const c = core.connections;
  for (let index = 0; index < core.laterAckCount; index++) {
    const id = core.laterAcks[index];
    const at = id << c.shift;
    if ((c.hot[at + c.flags] & (Is.ackLater | Is.ackTimed)) !== Is.ackLater) continue;
    c.hot[at + c.flags] |= Is.ackTimed;
    core.delayedAck.set(id, core.nowMs + Math.max(core.timers.delayedAckMs, 1));
  }
  core.laterAckCount = 0;
}

/** A FIN that is behind missing data waits for it. @returns whether everything before it has come. */
export function isFinReached(core: Core, id: number, at: number, finSeq: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const rcvNxt = hot[at + c.rcvNxt];
  if (finSeq === rcvNxt) return true;
  if (before(finSeq, rcvNxt)) return false;
  hot[at + c.flags] |= Is.finAhead;
  c.peer[lineOf(id) + FIN_SEQ] = finSeq;
  return false;
}

/** What `read` has left is nothing: the ring goes back to the pool. */
export function giveReceiveBuffer(core: Core, id: number, at: number): void {
  const c = core.connections;
  const line = lineOf(id);
  const buffer = c.peer[line + RECEIVE_BUFFER];
  if (buffer < 0 || (c.hot[at + c.flags] & Is.gapped) !== 0) return;
  if (unread(c, at) > 0) return;
  core.buffers.give(buffer);
  c.peer[line + RECEIVE_BUFFER] = -1;
}
