/**
 * What routers say about segments of ours (RFC 1122 4.2.3.9). Anybody can say it, so it counts only if the sequence
 * number in it is of a segment that is under way; and even then it ends nothing but a connection that is opening
 * (RFC 5927). Source quench is passed over (RFC 6633).
 */

import { fragmentationNeeded, IcmpType, type IcmpView } from '../wire/icmp.ts';
import { atOrAfter, before } from '../wire/sequence.ts';
import { setMss } from './begin.ts';
import { fail } from './close.ts';
import { lineOf, ROUND_TRIP } from './connections.ts';
import type { Core } from './core.ts';
import { stopTiming } from './round-trip.ts';
import { wantsToSend } from './send.ts';
import { State } from './states.ts';

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
  const c = core.connections;
  const at = id << c.shift;
  const isOurs =
    id >= 0 &&
    atOrAfter(icmp.quotedSeq, c.hot[at + c.sndUna]) &&
    before(icmp.quotedSeq, c.hot[at + c.sndMax]);
  if (!isOurs) {
    core.counters.drops.icmp++;
    return;
  }
  if (icmp.type !== IcmpType.unreachable) return;
  if (icmp.code === fragmentationNeeded) {
    lowerMss(core, id, at, icmp.nextHopMtu);
    return;
  }
  if (c.hot[at + c.state] !== State.synSent) return;
  const isHard = icmp.code === protocolUnreachable || icmp.code === portUnreachable;
  fail(core, id, at, isHard ? ECONNREFUSED : EHOSTUNREACH);
}

/** The path takes less than we thought (RFC 1191): segments become smaller, and the one that was too long goes again. */
function lowerMss(core: Core, id: number, at: number, mtu: number): void {
  const c = core.connections;
  const limit = Math.max(mtu, leastMtu) - headerBytes;
  if (limit >= c.segmentLimit[id]) return;
  c.segmentLimit[id] = limit;
  setMss(core, id, at);
  c.hot[at + c.sndNxt] = c.hot[at + c.sndUna];
  stopTiming(c.recovery, lineOf(id) + ROUND_TRIP);
  wantsToSend(core, id);
}
