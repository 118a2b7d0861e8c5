/**
 * How a connection ends (RFC 9293 3.6): by FINs both ways, by a reset, by giving up; and how its id becomes free. An id
 * is the application's from ACCEPTED, or `connect`, until `close` or `abort`; a connection that is over before is CLOSED
 * and keeps its id, with its error, until then.
 */

import type { Core } from './core.ts';
import { FAILED } from './events.ts';
import { Hot, hotOf, lineOf, Peer, Rare, Recovery } from './layout.ts';
import { sendReset } from './output.ts';
import { wantsToSend } from './send.ts';
import { Is, State } from './states.ts';

const { STATE, FLAGS, RCV_NXT, RCV_READ, DUE_MS } = Hot;
const { PORTS, SEND_BUFFER, RECEIVE_BUFFER, HELD_FRAME } = Peer;
const { RETRYING_MS } = Recovery;
const { ERROR } = Rare;
const { ackLater, ackNow, ackTimed, detached, ended, ending, gapped, keptAlive, lossy, queued, resend } = Is;
const { closeWait, closed, established, finWait1, finWait2, lastAck, timeWait } = State;

/** The application will write no more (CLOSE of RFC 9293 3.10.4): our FIN goes behind what was written. */
export function endSending(core: Core, id: number, at: number): void {
  const { hot } = core;
  if ((hot[at + FLAGS] & ending) !== 0) return;
  hot[at + FLAGS] |= ending;
  const state = hot[at + STATE];
  if (state === established) hot[at + STATE] = finWait1;
  else if (state === closeWait) hot[at + STATE] = lastAck;
  else return;
  wantsToSend(core, id);
}

/** Both sides are done: the connection is remembered until nothing of it is on its way any more (RFC 9293 3.6.1). */
export function enterTimeWait(core: Core, id: number, at: number): void {
  const { hot } = core;
  if (hot[at + STATE] === finWait2) core.finWait.cancel(id);
  hot[at + STATE] = timeWait;
  core.recovery[lineOf(id) + RETRYING_MS] = core.nowMs;
  hot[at + DUE_MS] = 0;
  if ((hot[at + FLAGS] & keptAlive) !== 0) core.keepAlive.cancel(id);
  hot[at + FLAGS] &= ~keptAlive;
  core.timeWait.set(id, core.nowMs + Math.max(core.timers.timeWaitMs, 1));
}

/** It is over, without fault: CLOSED, and free if the application is done with it. */
export function finish(core: Core, id: number, at: number): void {
  if ((core.hot[at + FLAGS] & detached) !== 0) free(core, id, at);
  else leave(core, id, at);
}

/** It failed. @param errno what `errorOf` says. */
export function fail(core: Core, id: number, at: number, errno: number): void {
  // An inbound connection that the application was not told of yet never was.
  if ((core.hot[at + FLAGS] & (detached | queued)) !== 0) {
    free(core, id, at);
    return;
  }
  dropInput(core, id, at);
  leave(core, id, at);
  core.rare[lineOf(id) + ERROR] = errno;
  core.events.raise(id, FAILED);
}

/** RST, and it is over. */
export function reset(core: Core, id: number, at: number, errno: number): void {
  sendReset(core, id);
  fail(core, id, at, errno);
}

/** Segments find it no more, no timer runs; what was received may still be read. */
function leave(core: Core, id: number, at: number): void {
  const { hot } = core;
  if (hot[at + STATE] === closed) return;
  const line = lineOf(id);
  const ports = core.peer[line + PORTS];
  core.flows.remove(id);
  core.lists.remove(id);
  if (hot[at + STATE] === timeWait) core.timeWait.cancel(id);
  const is = hot[at + FLAGS];
  if ((is & ackTimed) !== 0) core.delayedAck.cancel(id);
  if (hot[at + STATE] === finWait2) core.finWait.cancel(id);
  if ((is & keptAlive) !== 0) core.keepAlive.cancel(id);
  if ((is & queued) !== 0) core.waiting[ports >>> 16]--;
  hot[at + DUE_MS] = 0;
  hot[at + STATE] = closed;
  hot[at + FLAGS] = is & ~(ackNow | ackLater | ackTimed | keptAlive | queued | resend);
  const buffer = core.peer[line + SEND_BUFFER];
  if (buffer >= 0) {
    core.buffers.give(buffer);
    core.peer[line + SEND_BUFFER] = -1;
  }
  if ((is & lossy) !== 0) core.scoreboard.clear(id);
  if ((is & gapped) !== 0) {
    core.reassembly.clear(id);
    hot[at + FLAGS] &= ~gapped;
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
  const line = lineOf(id);
  const frame = core.peer[line + HELD_FRAME];
  if (frame >= 0) {
    core.peer[line + HELD_FRAME] = -1;
    // The frame under the hand is released by the one who polls.
    if (frame === core.frameAt && core.isFrameKept) core.isFrameKept = false;
    else core.link.release(frame);
  }
  const buffer = core.peer[line + RECEIVE_BUFFER];
  if (buffer >= 0) {
    core.buffers.give(buffer);
    core.peer[line + RECEIVE_BUFFER] = -1;
  }
  const fins = (core.hot[at + FLAGS] & ended) !== 0 ? 1 : 0;
  core.hot[at + RCV_READ] = core.hot[at + RCV_NXT] - fins;
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
  const { timeWait } = core;
  for (let count = timeWait.expire(nowMs); count > 0; count = timeWait.expire(nowMs)) {
    // Nothing of them is in the cache any more, and the places in the table are all over it.
    if (count > 1) core.touched = (core.touched + core.flows.touch(timeWait.expired, count)) | 0;
    for (let index = 0; index < count; index++) {
      const id = timeWait.expired[index];
      finish(core, id, hotOf(id));
    }
  }
}
