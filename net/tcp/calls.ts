/**
 * SEND and RECEIVE of the application (RFC 9293 3.10.2, 3.10.3): bytes into the send ring, bytes out of the receive ring
 * or of the frame they came in.
 */

import { LARGE, SMALL } from './buffer-pool.ts';
import { HELD_AT, HELD_FRAME, lineOf, RECEIVE_BUFFER, SEND_BUFFER } from './connections.ts';
import { copyBytes, copyFromRing, copyToRing, type Memory } from './copy.ts';
import type { Core } from './core.ts';
import { WRITABLE } from './events.ts';
import { wantsToAck, wantsToSend } from './send.ts';
import { Is, State } from './states.ts';
import { giveReceiveBuffer, unread } from './text.ts';
import { isWindowWorthTelling } from './window.ts';

/** @returns bytes copied to target[from, to), and gone from here. */
export function receive(core: Core, id: number, target: Memory, from: number, to: number): number {
  const c = core.connections;
  const at = id << c.shift;
  const length = copyOut(core, id, target, from, to);
  if (length === 0) return 0;
  c.hot[at + c.rcvRead] = c.hot[at + c.rcvRead] + length;
  const line = lineOf(id);
  const frame = c.peer[line + HELD_FRAME];
  if (frame >= 0) {
    c.peer[line + HELD_AT] += length;
    if (unread(c, at) === 0) {
      c.peer[line + HELD_FRAME] = -1;
      core.link.release(frame);
    }
  } else giveReceiveBuffer(core, id, at);
  if (c.hot[at + c.state] !== State.closed && isWindowWorthTelling(core, at)) wantsToAck(core, id);
  return length;
}

/** As `receive`, and leaves the bytes. */
export function copyOut(core: Core, id: number, target: Memory, from: number, to: number): number {
  const c = core.connections;
  const at = id << c.shift;
  const length = Math.min(unread(c, at), to - from);
  if (length <= 0) return 0;
  const line = lineOf(id);
  if (c.peer[line + HELD_FRAME] >= 0)
    copyBytes(core.frameMemory, c.peer[line + HELD_AT], target, from, length);
  else {
    const ring = c.peer[line + RECEIVE_BUFFER];
    const size = core.buffers.sizeOf(ring);
    copyFromRing(core.bufferMemory, ring, size, c.hot[at + c.rcvRead], target, from, length);
  }
  return length;
}

/** @returns bytes taken of source[from, to); fewer when there is no room: WRITABLE follows. */
export function send(core: Core, id: number, source: Memory, from: number, to: number): number {
  const c = core.connections;
  const hot = c.hot;
  const at = id << c.shift;
  if (!isSending(core, at)) return 0;
  const held = heldToSend(core, at);
  const length = Math.min(to - from, makeSendRoom(core, id, held, to - from) - held);
  if (length < to - from) hot[at + c.flags] |= Is.wantsRoom;
  if (length <= 0) return 0;
  const ring = c.peer[lineOf(id) + SEND_BUFFER];
  const position = hot[at + c.sndEnd];
  copyToRing(source, from, core.bufferMemory, ring, core.buffers.sizeOf(ring), position, length);
  hot[at + c.sndEnd] = position + length;
  if (hot[at + c.state] >= State.established) wantsToSend(core, id);
  return length;
}

/** Whether the application may write. @param at of the hot words. */
export function isSending(core: Core, at: number): boolean {
  const c = core.connections;
  const state = c.hot[at + c.state];
  const isOpen = state !== State.closed && (state <= State.established || state === State.closeWait);
  return isOpen && (c.hot[at + c.flags] & Is.ending) === 0;
}

/** Bytes written and not acknowledged. */
export function heldToSend(core: Core, at: number): number {
  const c = core.connections;
  const hot = c.hot;
  // A SYN is not in the ring.
  const syn = hot[at + c.state] < State.established ? 1 : 0;
  return (hot[at + c.sndEnd] - hot[at + c.sndUna] - syn) | 0;
}

/** @param more bytes that are to be written beside `held`. @returns size of the send ring; 0: there is none. */
function makeSendRoom(core: Core, id: number, held: number, more: number): number {
  const c = core.connections;
  const line = lineOf(id);
  const { buffers } = core;
  const buffer = c.peer[line + SEND_BUFFER];
  if (buffer < 0) {
    let taken = buffers.take(more > buffers.smallBytes ? LARGE : SMALL);
    if (taken < 0 && more > buffers.smallBytes) taken = buffers.take(SMALL);
    c.peer[line + SEND_BUFFER] = taken;
    if (taken < 0) starve(core, id);
    return taken < 0 ? 0 : buffers.sizeOf(taken);
  }
  const size = buffers.sizeOf(buffer);
  if (held + more <= size || size === buffers.largeBytes) return size;
  const first = (c.hot[(id << c.shift) + c.sndEnd] - held) | 0;
  const grown = buffers.grow(buffer, first, held);
  if (grown < 0) return size;
  c.peer[line + SEND_BUFFER] = grown;
  return buffers.largeBytes;
}

/** No buffer is free, and nothing of this connection is under way whose ACK would tell it of room. */
function starve(core: Core, id: number): void {
  const c = core.connections;
  const at = (id << c.shift) + c.flags;
  if ((c.hot[at] & Is.starved) !== 0 || core.starvedCount === core.starved.length) return;
  c.hot[at] |= Is.starved;
  core.starved[core.starvedCount++] = id;
}

/** Connections that could not take a buffer are told when there is one again. */
export function feedStarved(core: Core): void {
  const probe = core.buffers.take(SMALL);
  if (probe < 0) return;
  core.buffers.give(probe);
  const c = core.connections;
  for (let index = 0; index < core.starvedCount; index++) {
    const id = core.starved[index];
    const at = (id << c.shift) + c.flags;
    if ((c.hot[at] & Is.starved) === 0) continue;
    c.hot[at] &= ~(Is.starved | Is.wantsRoom);
    if ((c.hot[at] & Is.detached) === 0) core.events.raise(id, WRITABLE);
  }
  core.starvedCount = 0;
}
