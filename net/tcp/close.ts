/**
 * How a connection ends (RFC 9293 3.6): by FINs both ways, by a reset, by giving up; and how its id becomes free. An id
 * is the application's from ACCEPTED, or `connect`, until `close` or `abort`; a connection that is over before is CLOSED
 * and keeps its id, with its error, until then.
 */

import {
  HELD_FRAME,
  LOCAL,
  lineOf,
  PORTS,
  RECEIVE_BUFFER,
  REMOTE,
  RETRYING_MS,
  SEND_BUFFER,
} from './connections.ts';
import type { Core } from './core.ts';
import { ACCEPTED, FAILED } from './events.ts';
import { sendReset } from './output.ts';
import { wantsToSend } from './send.ts';
import { Is, State } from './states.ts';

/** The application will write no more (CLOSE of RFC 9293 3.10.4): our FIN goes behind what was written. */
export function endSending(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  if ((hot[at + c.flags] & Is.ending) !== 0) return;
  hot[at + c.flags] |= Is.ending;
  const state = hot[at + c.state];
  if (state === State.established) hot[at + c.state] = State.finWait1;
  else if (state === State.closeWait) hot[at + c.state] = State.lastAck;
  else return;
  wantsToSend(core, id);
}

/** Both sides are done: the connection is remembered until nothing of it is on its way any more (RFC 9293 3.6.1). */
export function enterTimeWait(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  hot[at + c.state] = State.timeWait;
  c.recovery[lineOf(id) + RETRYING_MS] = core.nowMs;
  hot[at + c.dueMs] = 0;
  if ((hot[at + c.flags] & Is.detached) !== 0) core.finWait.cancel(id);
  if ((hot[at + c.flags] & Is.keptAlive) !== 0) core.keepAlive.cancel(id);
  hot[at + c.flags] &= ~Is.keptAlive;
  core.timeWait.set(id, core.nowMs + Math.max(core.timers.timeWaitMs, 1));
}

/** It is over, without fault: CLOSED, and free if the application is done with it. */
export function finish(core: Core, id: number, at: number): void {
  if ((core.connections.hot[at + core.connections.flags] & Is.detached) !== 0) free(core, id, at);
  else leave(core, id, at);
}

/** It failed. @param errno what `errorOf` says. */
export function fail(core: Core, id: number, at: number, errno: number): void {
  const c = core.connections;
  // An inbound connection that the application was not told of yet never was.
  const isUnknown = (core.events.pending(id) & ACCEPTED) !== 0;
  if ((c.hot[at + c.flags] & Is.detached) !== 0 || isUnknown) {
    free(core, id, at);
    return;
  }
  dropInput(core, id, at);
  leave(core, id, at);
  c.error[id] = errno;
  core.events.raise(id, FAILED);
}

/** RST, and it is over. */
export function reset(core: Core, id: number, at: number, errno: number): void {
  sendReset(core, id);
  fail(core, id, at, errno);
}

/** Segments find it no more, no timer runs; what was received may still be read. */
function leave(core: Core, id: number, at: number): void {
  const c = core.connections;
  const hot = c.hot;
  if (hot[at + c.state] === State.closed) return;
  const line = lineOf(id);
  const ports = c.peer[line + PORTS];
  core.flows.remove(c.peer[line + LOCAL], ports >>> 16, c.peer[line + REMOTE], ports & 0xffff);
  core.lists.remove(id);
  if (hot[at + c.state] === State.timeWait) core.timeWait.cancel(id);
  const is = hot[at + c.flags];
  if ((is & Is.ackTimed) !== 0) core.delayedAck.cancel(id);
  if ((is & Is.detached) !== 0) core.finWait.cancel(id);
  if ((is & Is.keptAlive) !== 0) core.keepAlive.cancel(id);
  if ((is & Is.queued) !== 0) core.waiting[ports >>> 16]--;
  hot[at + c.dueMs] = 0;
  hot[at + c.state] = State.closed;
  hot[at + c.flags] = is & ~(Is.ackNow | Is.ackLater | Is.ackTimed | Is.keptAlive | Is.queued | Is.resend);
  const buffer = c.peer[line + SEND_BUFFER];
  if (buffer >= 0) {
    core.buffers.give(buffer);
    c.peer[line + SEND_BUFFER] = -1;
  }
  if ((is & Is.gapped) !== 0) {
    core.reassembly.clear(id);
    hot[at + c.flags] &= ~Is.gapped;
  }
}

/** The id is free, with all that it held. */
export function free(core: Core, id: number, at: number): void {
  leave(core, id, at);
  dropInput(core, id, at);
  core.events.forget(id);
  core.connections.give(id);
}

/** What came and was not read is let go. */
export function dropInput(core: Core, id: number, at: number): void {
  const c = core.connections;
  const line = lineOf(id);
  const frame = c.peer[line + HELD_FRAME];
  if (frame >= 0) {
    c.peer[line + HELD_FRAME] = -1;
    // The frame under the hand is released by the one who polls.
    if (frame === core.frameAt && core.isFrameKept) core.isFrameKept = false;
    else core.link.release(frame);
  }
  const buffer = c.peer[line + RECEIVE_BUFFER];
  if (buffer >= 0) {
    core.buffers.give(buffer);
    c.peer[line + RECEIVE_BUFFER] = -1;
  }
  const ended = (c.hot[at + c.flags] & Is.ended) !== 0 ? 1 : 0;
  c.hot[at + c.rcvRead] = c.hot[at + c.rcvNxt] - ended;
}

/**
 * Room for one more connection: if the table is full, those that have been in TIME-WAIT for longest give up their ids.
 * @returns an id; -1: none.
 */
export function takeId(core: Core): number {
  const id = core.connections.take();
  if (id >= 0 || core.timeWait.size === 0) return id;
  expireTimeWait(core, core.timeWait.nextDueMs());
  return core.connections.take();
}

/** Connections in TIME-WAIT that are due are over. */
export function expireTimeWait(core: Core, nowMs: number): void {
  const { connections, timeWait } = core;
  for (let count = timeWait.expire(nowMs); count > 0; count = timeWait.expire(nowMs))
    for (let index = 0; index < count; index++) {
      const id = timeWait.expired[index];
      finish(core, id, id << connections.shift);
    }
}
