/**
 * The timer of what is under way: a time-out (RFC 6298), a tail loss probe before it (RFC 8985 7), or, when the window
 * is shut, the next window probe. A connection has one of the three at a time.
 */

import { Congestion, Phase } from './congestion.ts';
import type { Core } from './core.ts';
import { Hot, lineOf, Rare, Recovery } from './layout.ts';
import { RoundTrip } from './round-trip.ts';
import { Is } from './states.ts';

const { FLAGS, SND_UNA, SND_MAX, SND_MSS, DUE_MS } = Hot;
const { CONGESTION, ROUND_TRIP, RETRIES, RETRYING_MS } = Recovery;
const { ENTRY_MS } = Rare;
const { PHASE } = Congestion;
const { OPEN } = Phase;
const { RTO_US, SRTT8 } = RoundTrip;
const { probing, sackPermitted, tailProbed, tailTimed, timedOut } = Is;

const leastProbeMs = 10;

/** What is under way is given its time anew. */
export function armRetransmission(core: Core, id: number, at: number): void {
  const { hot } = core;
  const rtoMs = ((core.recovery[lineOf(id) + ROUND_TRIP + RTO_US] + 999) / 1000) | 0;
  hot[at + FLAGS] &= ~tailTimed;
  setDue(core, id, at, core.nowMs + rtoMs);
  if ((hot[at + FLAGS] & sackPermitted) !== 0) armTailProbe(core, id, at);
}

/** If what is under way is worth a probe before its time-out. */
export function armTailProbe(core: Core, id: number, at: number): void {
  const { hot } = core;
  // A single segment that is lost is a matter of the time-out: its ACK may be delayed for as long.
  const flight = (hot[at + SND_MAX] - hot[at + SND_UNA]) | 0;
  if (flight <= hot[at + SND_MSS]) return;
  const dueMs = core.nowMs + tailProbeMs(core, id, hot[at + FLAGS]);
  if (dueMs >= hot[at + DUE_MS]) return;
  hot[at + FLAGS] |= tailTimed;
  setDue(core, id, at, dueMs);
}

/** Two round trips; Infinity: there is nothing to probe for, or it was done. */
function tailProbeMs(core: Core, id: number, is: number): number {
  const { recovery } = core;
  const line = lineOf(id);
  const srtt8 = recovery[line + ROUND_TRIP + SRTT8];
  const isQuiet = recovery[line + CONGESTION + PHASE] === OPEN && recovery[line + RETRIES] === 0;
  if (!isQuiet || (is & (tailProbed | timedOut | probing)) !== 0 || srtt8 === 0)
    return Number.POSITIVE_INFINITY;
  return Math.max((srtt8 / 4000) | 0, leastProbeMs);
}

/** The window is shut, or open by too little: a probe will be due, later and later (RFC 9293 3.8.6.1). */
export function armProbe(core: Core, id: number, at: number): void {
  core.hot[at + FLAGS] |= probing;
  core.recovery[lineOf(id) + RETRYING_MS] = core.nowMs;
  armRetransmission(core, id, at);
}

/**
 * The entry of the timer is only touched when it would be too late: one that is early is found to be so when it is due,
 * and set anew then. So a short connection costs no entry at all.
 */
export function setDue(core: Core, id: number, at: number, dueMs: number): void {
  core.hot[at + DUE_MS] = dueMs;
  const entryMs = core.rare[lineOf(id) + ENTRY_MS];
  if (entryMs >= 0 && entryMs <= dueMs) return;
  core.rare[lineOf(id) + ENTRY_MS] = dueMs;
  core.retransmission.set(id, dueMs);
}
