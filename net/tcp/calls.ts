/**
 * SEND and RECEIVE of the application (RFC 9293 3.10.2, 3.10.3): bytes into the send ring, bytes out of the receive ring
 * or of the frame they came in.
 */

import { LARGE, SMALL } from './buffer-pool.ts';
import { copyBytes, copyFromRing, copyToRing, type Memory } from './copy.ts';
import type { Core } from './core.ts';
import { WRITABLE } from './events.ts';
import { Hot, hotOf, lineOf, Peer, receivePosition, sendPosition } from './layout.ts';
import { wantsToAck, wantsToSend } from './send.ts';
import { Is, State } from './states.ts';
import { giveReceiveBuffer, unread } from './text.ts';
import { isWindowWorthTelling } from './window.ts';

const { STATE, FLAGS, SND_UNA, SND_END, RCV_READ } = Hot;
const { SEND_BUFFER, RECEIVE_BUFFER, HELD_FRAME, HELD_AT } = Peer;
const { detached, ending, starved, wantsRoom } = Is;
const { closeWait, closed, established } = State;

/** @returns bytes copied to target[from, to), and gone from here. */
export function receive(core: Core, id: number, target: Memory, from: number, to: number): number {
  const at = hotOf(id);
  const length = copyOut(core, id, target, from, to);
  if (length === 0) return 0;
  core.hot[at + RCV_READ] = core.hot[at + RCV_READ] + length;
  const line = lineOf(id);
  const frame = core.peer[line + HELD_FRAME];
  if (frame >= 0) {
    core.peer[line + HELD_AT] += length;
    if (unread(core, at) === 0) {
      core.peer[line + HELD_FRAME] = -1;
      core.link.release(frame);
    }
  } else giveReceiveBuffer(core, id, at);
  if (core.hot[at + STATE] !== closed && isWindowWorthTelling(core, at)) wantsToAck(core, id);
  return length;
}

/** As `receive`, and leaves the bytes. */
export function copyOut(core: Core, id: number, target: Memory, from: number, to: number): number {
  const at = hotOf(id);
  const length = Math.min(unread(core, at), to - from);
  if (length <= 0) return 0;
  const line = lineOf(id);
  if (core.peer[line + HELD_FRAME] >= 0)
    copyBytes(core.frameMemory, core.peer[line + HELD_AT], target, from, length);
  else {
    const ring = core.peer[line + RECEIVE_BUFFER];
    const size = core.buffers.sizeOf(ring);
    const position = receivePosition(core, line, core.hot[at + RCV_READ]);
    copyFromRing(core.bufferMemory, ring, size, position, target, from, length);
  }
  return length;
}

/** @returns bytes taken of source[from, to); fewer when there is no room: WRITABLE follows. */
export function send(core: Core, id: number, source: Memory, from: number, to: number): number {
  const { hot } = core;
  const at = hotOf(id);
  if (!isSending(core, at)) return 0;
  const held = heldToSend(core, at);
  const length = Math.min(to - from, makeSendRoom(core, id, held, to - from) - held);
  if (length < to - from) hot[at + FLAGS] |= wantsRoom;
  if (length <= 0) return 0;
  const ring = core.peer[lineOf(id) + SEND_BUFFER];
  const end = hot[at + SND_END];
  const position = sendPosition(core, lineOf(id), end);
  copyToRing(source, from, core.bufferMemory, ring, core.buffers.sizeOf(ring), position, length);
  hot[at + SND_END] = end + length;
  if (hot[at + STATE] >= established) wantsToSend(core, id);
  return length;
}

/** Whether the application may write. @param at of the hot words. */
export function isSending(core: Core, at: number): boolean {
  const state = core.hot[at + STATE];
  const isOpen = state !== closed && (state <= established || state === closeWait);
  return isOpen && (core.hot[at + FLAGS] & ending) === 0;
}

/** Bytes written and not acknowledged. */
export function heldToSend(core: Core, at: number): number {
  const { hot } = core;
  // A SYN is not in the ring.
  const syn = hot[at + STATE] < established ? 1 : 0;
  return (hot[at + SND_END] - hot[at + SND_UNA] - syn) | 0;
}

/** @param more bytes that are to be written beside `held`. @returns size of the send ring; 0: there is none. */
function makeSendRoom(core: Core, id: number, held: number, more: number): number {
  const line = lineOf(id);
  const { buffers } = core;
  const buffer = core.peer[line + SEND_BUFFER];
  if (buffer < 0) {
    let taken = buffers.take(more > buffers.smallBytes ? LARGE : SMALL);
    if (taken < 0 && more > buffers.smallBytes) taken = buffers.take(SMALL);
    core.peer[line + SEND_BUFFER] = taken;
    if (taken < 0) starve(core, id);
    return taken < 0 ? 0 : buffers.sizeOf(taken);
  }
  const size = buffers.sizeOf(buffer);
  if (held + more <= size || size === buffers.largeBytes) return size;
  const first = sendPosition(core, line, (core.hot[hotOf(id) + SND_END] - held) | 0);
  const grown = buffers.grow(buffer, first, held);
  if (grown < 0) return size;
  core.peer[line + SEND_BUFFER] = grown;
  return buffers.largeBytes;
}

/** No buffer is free, and nothing of this connection is under way whose ACK would tell it of room. */
function starve(core: Core, id: number): void {
  const at = hotOf(id) + FLAGS;
  if ((core.hot[at] & starved) !== 0 || core.starvedCount === core.starved.length) return;
  core.hot[at] |= starved;
  core.starved[core.starvedCount++] = id;
}

/** Connections that could not take a buffer are told when there is one again. */
export function feedStarved(core: Core): void {
  const probe = core.buffers.take(SMALL);
  if (probe < 0) return;
  core.buffers.give(probe);
  for (let index = 0; index < core.starvedCount; index++) {
    const id = core.starved[index];
    const at = hotOf(id) + FLAGS;
    if ((core.hot[at] & starved) === 0) continue;
    core.hot[at] &= ~(starved | wantsRoom);
    if ((core.hot[at] & detached) === 0) core.events.raise(id, WRITABLE);
  }
  core.starvedCount = 0;
}
