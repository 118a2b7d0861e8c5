/** The window that the peer is told: never shrunk, and not opened by a little (RFC 9293 3.8.6.2.2). */

import { type Core, largestUnscaledWindow } from './core.ts';
import { Hot, lineOf, Peer } from './layout.ts';
import { Is } from './states.ts';

const { FLAGS, RCV_NXT, RCV_READ, RCV_EDGE } = Hot;
const { SCALES } = Peer;
const { scaled } = Is;

/** How far our windows to this peer are shifted. */
export function ownScale(core: Core, id: number): number {
  return core.peer[lineOf(id) + SCALES] >> 8;
}

export function peerScale(core: Core, id: number): number {
  return core.peer[lineOf(id) + SCALES] & 0xff;
}

/** The most that may be unread. */
export function receiveSpace(core: Core, flags: number): number {
  return (flags & scaled) !== 0 ? core.receiveSpace : Math.min(core.receiveSpace, largestUnscaledWindow);
}

/** The window field of the next segment; RCV.EDGE moves to what it says. @param at of the hot words. */
export function takeWindow(core: Core, id: number, at: number): number {
  const { hot } = core;
  const flags = hot[at + FLAGS];
  const rcvNxt = hot[at + RCV_NXT];
  const edge = hot[at + RCV_EDGE];
  const space = receiveSpace(core, flags);
  const wanted = (hot[at + RCV_READ] + space) | 0;
  // A FIN needs no room, and may stand right behind the window.
  let window = Math.max((edge - rcvNxt) | 0, 0);
  if (((wanted - edge) | 0) >= Math.min(space >> 1, core.ownMss)) window = (wanted - rcvNxt) | 0;
  if ((flags & scaled) === 0) {
    hot[at + RCV_EDGE] = rcvNxt + window;
    return window;
  }
  const scale = ownScale(core, id);
  const field = (window + (1 << scale) - 1) >> scale;
  hot[at + RCV_EDGE] = rcvNxt + (field << scale);
  return field;
}

/** Enough was read since the window was last told: worth an ACK of its own. */
export function isWindowWorthTelling(core: Core, at: number): boolean {
  const { hot } = core;
  const space = receiveSpace(core, hot[at + FLAGS]);
  const opened = (hot[at + RCV_READ] + space - hot[at + RCV_EDGE]) | 0;
  const left = (hot[at + RCV_EDGE] - hot[at + RCV_NXT]) | 0;
  // ACKs of data tell it anyway; only a sender that may have to wait for more is told at once.
  return opened >= Math.min(space >> 1, 2 * core.ownMss) && opened >= left;
}
