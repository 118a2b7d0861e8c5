/**
 * What routers say about segments of ours (RFC 1122 4.2.3.9). Anybody can say it, so it counts only if the sequence
 * number in it is of a segment that is under way; and even then it ends nothing but a connection that is opening
 * (RFC 5927). Source quench is passed over (RFC 6633).
 */

import { fragmentationNeeded, IcmpType, type IcmpView } from '../wire/icmp.ts';
import { atOrAfter, before } from '../wire/sequence.ts';
import { setMss } from './begin.ts';
import { fail } from './close.ts';
import type { Core } from './core.ts';
import { Hot, hotOf, lineOf, Rare, Recovery } from './layout.ts';
import { stopTiming } from './round-trip.ts';
import { wantsToSend } from './send.ts';
import { State } from './states.ts';

const { STATE, SND_UNA, SND_NXT, SND_MAX } = Hot;
const { ROUND_TRIP } = Recovery;
const { SEGMENT_LIMIT } = Rare;
const { established, synSent } = State;

const ECONNREFUSED = 111;
const EHOSTUNREACH = 113;
const protocolUnreachable = 2;
const portUnreachable = 3;
const headerBytes = 40;
/** No path that carries IPv4 is worth less (RFC 791 asks for 576 of hosts; Linux's least, too, is 552). */
const leastMtu = 552;

export function icmpArrives(core: Core, icmp: Readonly<IcmpView>): void {
  const id = icmp.quotesTcp
    ? core.flows.find(
        icmp.quotedSource,
        icmp.quotedSourcePort,
        icmp.quotedDestination,
        icmp.quotedDestinationPort,
      )
    : -1;
  const at = hotOf(id);
  const isOurs =
    id >= 0 &&
    atOrAfter(icmp.quotedSeq, core.hot[at + SND_UNA]) &&
    before(icmp.quotedSeq, core.hot[at + SND_MAX]);
  if (!isOurs) {
    core.counters.drops.icmp++;
    return;
  }
  if (icmp.type !== IcmpType.unreachable) return;
  if (icmp.code === fragmentationNeeded) {
    lowerMss(core, id, at, icmp.nextHopMtu);
    return;
  }
  if (core.hot[at + STATE] !== synSent) return;
  const isHard = icmp.code === protocolUnreachable || icmp.code === portUnreachable;
  fail(core, id, at, isHard ? ECONNREFUSED : EHOSTUNREACH);
}

/** The path takes less than we thought (RFC 1191): segments become smaller, and the one that was too long goes again. */
function lowerMss(core: Core, id: number, at: number, mtu: number): void {
  const limit = Math.max(mtu, leastMtu) - headerBytes;
  if (limit >= core.rare[lineOf(id) + SEGMENT_LIMIT]) return;
  core.rare[lineOf(id) + SEGMENT_LIMIT] = limit;
  setMss(core, id, at);
  // A SYN is no longer than any path takes: it goes again by its timer alone, and SND.NXT stays behind it.
  if (core.hot[at + STATE] < established) return;
  core.hot[at + SND_NXT] = core.hot[at + SND_UNA];
  stopTiming(core.recovery, lineOf(id) + ROUND_TRIP);
  wantsToSend(core, id);
}
