/**
 * What the peer has, of what is under way, though it could not acknowledge it (SACK, RFC 2018), and what follows from it
 * (RFC 6675): how much is really under way, and what is lost and goes next.
 *
 *   SND.UNA ── missing ──[ has ]── missing ──[ has ]── not known ── SND.MAX
 *             └─ lost, when three ranges or more than two segments came behind it ─┘
 *
 * After a time-out, all that is missing is lost. So it is before a segment that was sent again to see whether the end of
 * a transfer was lost (RFC 8985 7), when the peer has that one.
 */

import { emitSack, mostSackBlocks, readSack, sackBytes } from '../wire/sack.ts';
import { after, atOrBefore, before } from '../wire/sequence.ts';
import { timestampsBytes } from '../wire/tcp-options.ts';
import { Congestion } from './congestion.ts';
import type { Core } from './core.ts';
import { Hot, lineOf, Rare, Recovery } from './layout.ts';
import { Is } from './states.ts';

const { FLAGS, SND_UNA, SND_MAX, SND_MSS } = Hot;
const { HIGH_RXT, PROBE_END } = Rare;
const { CONGESTION } = Recovery;
const { RECOVER } = Congestion;
const { sackPermitted, stamped, tailProbed, timedOut } = Is;

const duplicateThreshold = 3;

/** Reads what the segment that arrives says. @returns whether it says anything new. */
export function takeSack(core: Core, id: number, at: number): boolean {
  const { hot, segment, sack, scoreboard } = core;
  readSack(core.memory, segment.optionsAt, segment.payloadAt, sack);
  const una = after(segment.ack, hot[at + SND_UNA]) ? segment.ack : hot[at + SND_UNA];
  const max = hot[at + SND_MAX];
  let isNew = false;
  for (let block = 0; block < sack.count; block++) {
    const from = sack.from[block];
    const to = sack.to[block];
    // What is before SND.UNA is a duplicate that came (RFC 2883), or old.
    if (atOrBefore(from, una) || atOrBefore(to, from) || after(to, max)) continue;
    if (scoreboard.add(id, from, to) > 0) isNew = true;
  }
  return isNew;
}

/** Options that a segment can have a SACK option beside. */
export function hasSack(core: Core, is: number): boolean {
  const least = (is & stamped) !== 0 ? timestampsBytes : 0;
  return (is & sackPermitted) !== 0 && core.segment.optionBytes > least;
}

/** Everything before this, that the peer has not, is lost. Not after SND.MAX; SND.UNA: nothing is known to be. */
export function lostEdge(core: Core, id: number, at: number): number {
  const { hot, scoreboard } = core;
  const line = lineOf(id);
  const una = hot[at + SND_UNA];
  if ((hot[at + FLAGS] & timedOut) !== 0) return core.recovery[line + CONGESTION + RECOVER];
  const count = scoreboard.count(id);
  if (count === 0) return una;
  const isProbe = (hot[at + FLAGS] & tailProbed) !== 0;
  if (isProbe && atOrBefore(core.rare[line + PROBE_END], scoreboard.to(id, count - 1)))
    return scoreboard.from(id, count - 1);
  const enough = (duplicateThreshold - 1) * hot[at + SND_MSS];
  let bytes = 0;
  for (let range = count - 1; range >= 0; range--) {
    bytes += (scoreboard.to(id, range) - scoreboard.from(id, range)) | 0;
    if (bytes > enough || count - range >= duplicateThreshold) return scoreboard.from(id, range);
  }
  return una;
}

/** Bytes that are under way: sent and neither with the peer nor lost, and those that were sent again (RFC 6675 4, Pipe). */
export function pipe(core: Core, id: number, at: number): number {
  const { hot } = core;
  const una = hot[at + SND_UNA];
  const max = hot[at + SND_MAX];
  const edge = lostEdge(core, id, at);
  const again = core.rare[lineOf(id) + HIGH_RXT];
  const first = after(edge, una) ? edge : una;
  return missing(core, id, first, max) + (after(again, una) ? missing(core, id, una, again) : 0);
}

/** Bytes of [from, to) that the peer has not. */
function missing(core: Core, id: number, from: number, to: number): number {
  const { scoreboard } = core;
  let bytes = Math.max((to - from) | 0, 0);
  for (let range = scoreboard.count(id) - 1; range >= 0; range--) {
    const start = scoreboard.from(id, range);
    const end = scoreboard.to(id, range);
    const first = after(start, from) ? start : from;
    const last = before(end, to) ? end : to;
    bytes -= Math.max((last - first) | 0, 0);
  }
  return bytes;
}

/**
 * The first bytes that are lost and were not sent again (RFC 6675 4, NextSeg, rule 1).
 * @returns whether there are any; from `core.holeFrom` to before `core.holeTo`.
 */
export function findHole(core: Core, id: number, at: number): boolean {
  const { hot, scoreboard } = core;
  const una = hot[at + SND_UNA];
  const again = core.rare[lineOf(id) + HIGH_RXT];
  const edge = lostEdge(core, id, at);
  let from = after(again, una) ? again : una;
  let to = edge;
  const count = scoreboard.count(id);
  for (let range = 0; range < count; range++) {
    const start = scoreboard.from(id, range);
    const end = scoreboard.to(id, range);
    if (atOrBefore(end, from)) continue;
    if (after(start, from)) {
      if (before(start, to)) to = start;
      break;
    }
    from = end;
  }
  core.holeFrom = from;
  core.holeTo = to;
  return before(from, to);
}

/**
 * Says in a segment which bytes came out of order: the range that came last first, then the others from the lowest on.
 * @param room bytes there are for it. @returns bytes of the option; 0: there is nothing to say, or no room.
 */
export function emitOwnSack(core: Core, id: number, at: number, room: number): number {
  const { reassembly, sack } = core;
  const held = reassembly.count(id);
  const fits = (room - sackBytes(0)) >> 3;
  const most = Math.min(held, fits, mostSackBlocks);
  if (most <= 0) return 0;
  const latest = reassembly.latest(id);
  sack.from[0] = reassembly.from(id, latest);
  sack.to[0] = reassembly.to(id, latest);
  let count = 1;
  for (let range = 0; range < held && count < most; range++) {
    if (range === latest) continue;
    sack.from[count] = reassembly.from(id, range);
    sack.to[count++] = reassembly.to(id, range);
  }
  sack.count = count;
  return emitSack(core.memory, at, sack);
}
