/**
 * What is sent again: the first segment that is missing, all that is lost as far as the congestion window lets it
 * (RFC 6675 5), the end of what is under way, to see whether it was lost (RFC 8985 7), a byte into a window that is shut.
 */

import { after } from '../wire/sequence.ts';
import { Flag } from '../wire/tcp.ts';
import { Congestion, Phase } from './congestion.ts';
import type { Core } from './core.ts';
import { Hot, lineOf, Rare, Recovery } from './layout.ts';
import { sendSegment } from './output.ts';
import { armRetransmission } from './retransmission-timer.ts';
import { stopTiming } from './round-trip.ts';
import { findHole, pipe } from './scoreboard.ts';
import { Is } from './states.ts';

const { FLAGS, SND_UNA, SND_MAX, SND_END, SND_WND, SND_MSS, DUE_MS } = Hot;
const { CONGESTION, ROUND_TRIP } = Recovery;
const { HIGH_RXT, RESENT_MAX, RESENT_US, PROBE_END } = Rare;
const { CWND, PHASE } = Congestion;
const { RECOVERY } = Phase;
const { resend, tailProbed, timedOut } = Is;
const { ack: ACK, fin: FIN, psh: PSH } = Flag;

/** The segment at SND.UNA. @returns false: the link has no frame free. */
export function resendFirst(core: Core, id: number, at: number): boolean {
  const { hot } = core;
  const una = hot[at + SND_UNA];
  const line = lineOf(id);
  const first = core.scoreboard.count(id) === 0 ? hot[at + SND_MAX] : core.scoreboard.from(id, 0);
  const length = Math.min((first - una) | 0, hot[at + SND_MSS], hot[at + SND_WND]);
  if (length > 0) {
    if (!sendAgain(core, id, at, una, length)) return false;
    const end = (una + length) | 0;
    if (after(end, core.rare[line + HIGH_RXT])) core.rare[line + HIGH_RXT] = end;
    firstResent(core, at, line);
  }
  hot[at + FLAGS] &= ~resend;
  return true;
}

/** All that is lost and was not sent again, as long as the window allows. @returns false: the link has no frame free. */
export function resendLost(core: Core, id: number, at: number): boolean {
  const { hot, recovery } = core;
  const line = lineOf(id);
  const isTimedOut = (hot[at + FLAGS] & timedOut) !== 0;
  if (!isTimedOut && recovery[line + CONGESTION + PHASE] !== RECOVERY) return true;
  const mss = hot[at + SND_MSS];
  const edge = (hot[at + SND_UNA] + hot[at + SND_WND]) | 0;
  const room = recovery[line + CONGESTION + CWND] - mss;
  for (let under = pipe(core, id, at); under <= room && findHole(core, id, at); ) {
    const from = core.holeFrom;
    const length = Math.min((core.holeTo - from) | 0, mss, (edge - from) | 0);
    if (length <= 0) return true;
    if (!sendAgain(core, id, at, from, length)) return false;
    if (from === hot[at + SND_UNA]) firstResent(core, at, line);
    core.rare[line + HIGH_RXT] = from + length;
    under += length;
  }
  return true;
}

/** The first segment that is missing is on its way again: from now on it may be lost again. */
export function firstResent(core: Core, at: number, line: number): void {
  core.rare[line + RESENT_MAX] = core.hot[at + SND_MAX];
  core.rare[line + RESENT_US] = core.clockUs;
}

/** @param length sequence numbers, our FIN counted as one. */
function sendAgain(core: Core, id: number, at: number, seq: number, length: number): boolean {
  const { hot } = core;
  const data = Math.min((hot[at + SND_END] - seq) | 0, length);
  const flags = ACK | (data < length ? FIN : 0);
  if (!sendSegment(core, id, seq, flags, data)) return false;
  if ((hot[at + FLAGS] & timedOut) !== 0) core.counters.timeoutRetransmissions++;
  else core.counters.fastRetransmissions++;
  stopTiming(core.recovery, lineOf(id) + ROUND_TRIP);
  if (hot[at + DUE_MS] === 0) armRetransmission(core, id, at);
  return true;
}

/** The last segment that was sent, once more: if the ones before it came, so does its ACK, and else their SACK. */
export function sendTailProbe(core: Core, id: number, at: number): void {
  const { hot } = core;
  const end = hot[at + SND_MAX];
  const length = Math.min((end - hot[at + SND_UNA]) | 0, hot[at + SND_MSS]);
  hot[at + FLAGS] |= tailProbed;
  core.rare[lineOf(id) + PROBE_END] = end;
  core.counters.tailLossProbes++;
  if (!sendAgain(core, id, at, (end - length) | 0, length)) armRetransmission(core, id, at);
}

/** One byte, or the FIN, into a window that is shut, or what fits one that is small (RFC 9293 3.8.6.1). */
export function sendProbe(core: Core, id: number, at: number): void {
  const { hot } = core;
  const seq = hot[at + SND_UNA];
  const most = Math.max(Math.min(hot[at + SND_WND], hot[at + SND_MSS]), 1);
  const length = Math.min((hot[at + SND_END] - seq) | 0, most);
  if (!sendSegment(core, id, seq, ACK | (length === 0 ? FIN : PSH), length)) return;
  core.counters.windowProbes++;
  const end = (seq + Math.max(length, 1)) | 0;
  if (after(end, hot[at + SND_MAX])) hot[at + SND_MAX] = end;
}
