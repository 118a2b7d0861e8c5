/** The window that the peer is told: never shrunk, and not opened by a little (RFC 9293 3.8.6.2.2). */

import { type Connections, lineOf, SCALES } from './connections.ts';
import { type Core, largestUnscaledWindow } from './core.ts';
import { Is } from './states.ts';

/** How far our windows to this peer are shifted. */
export function ownScale(connections: Connections, id: number): number {
  return connections.peer[lineOf(id) + SCALES] >> 8;
}

export function peerScale(connections: Connections, id: number): number {
  return connections.peer[lineOf(id) + SCALES] & 0xff;
}

/** The most that may be unread. */
export function receiveSpace(core: Core, flags: number): number {
  return (flags & Is.scaled) !== 0 ? core.receiveSpace : Math.min(core.receiveSpace, largestUnscaledWindow);
}

/** The window field of the next segment; RCV.EDGE moves to what it says. @param at of the hot words. */
export function takeWindow(core: Core, id: number, at: number): number {
  const c = core.connections;
  const hot = c.hot;
  const flags = hot[at + c.flags];
  const rcvNxt = hot[at + c.rcvNxt];
  const edge = hot[at + c.rcvEdge];
  const space = receiveSpace(core, flags);
  const wanted = (hot[at + c.rcvRead] + space) | 0;
  let window = (edge - rcvNxt) | 0;
  if (((wanted - edge) | 0) >= Math.min(space >> 1, core.ownMss)) window = (wanted - rcvNxt) | 0;
  if ((flags & Is.scaled) === 0) {
    hot[at + c.rcvEdge] = rcvNxt + window;
    return window;
  }
  const scale = ownScale(c, id);
  const field = (window + (1 << scale) - 1) >> scale;
  hot[at + c.rcvEdge] = rcvNxt + (field << scale);
  return field;
}

/** Enough was read since the window was last told: worth an ACK of its own. */
export function isWindowWorthTelling(core: Core, at: number): boolean {
  const c = core.connections;
  const hot = c.hot;
  const space = receiveSpace(core, hot[at + c.flags]);
  const opened = (hot[at + c.rcvRead] + space - hot[at + c.rcvEdge]) | 0;
  return opened >= Math.min(space >> 1, 2 * core.ownMss);
}
