/** What a stack counts, since it was made. Plain numbers; who wants rates takes differences. */

import { verdictNames } from '../wire/verdict.ts';

/** Causes of a drop that are not the packet's form: those are the verdicts of wire/verdict.ts. */
const causes = [
  /** For no connection, and nothing to say to it: a RST, a FIN for a port that listens, … */
  'noConnection',
  'backlogFull',
  /** No id, no buffer or no frame was free. */
  'noMemory',
  /** Sequence number outside the window, ACK of what was never sent. */
  'outOfWindow',
  'paws',
  /** Timestamps were agreed on, and the segment has none (RFC 7323 3.2). */
  'noTimestamp',
  'noAck',
  'badSyn',
  /** Our own addresses as the source, or a group as the destination. */
  'badAddress',
  /** A next hop that does not answer. */
  'noNeighbour',
  'outOfOrder',
  /** An ICMP message about nothing that is under way. */
  'icmp',
] as const;

export type DropCause = (typeof causes)[number] | (typeof verdictNames)[number];

export interface StackCounters {
  segmentsIn: number;
  segmentsOut: number;
  /** Payload bytes, those sent again included. */
  bytesIn: number;
  bytesOut: number;
  accepted: number;
  connected: number;
  timeoutRetransmissions: number;
  fastRetransmissions: number;
  synRetransmissions: number;
  tailLossProbes: number;
  windowProbes: number;
  cookiesSent: number;
  cookiesAccepted: number;
  resetsSent: number;
  resetsReceived: number;
  challengeAcks: number;
  pings: number;
  arps: number;
  readonly drops: Record<DropCause, number>;
}

export function stackCounters(): StackCounters {
  const drops = Object.fromEntries([...verdictNames, ...causes].map((cause) => [cause, 0]));
  return {
    segmentsIn: 0,
    segmentsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    accepted: 0,
    connected: 0,
    timeoutRetransmissions: 0,
    fastRetransmissions: 0,
    synRetransmissions: 0,
    tailLossProbes: 0,
    windowProbes: 0,
    cookiesSent: 0,
    cookiesAccepted: 0,
    resetsSent: 0,
    resetsReceived: 0,
    challengeAcks: 0,
    pings: 0,
    arps: 0,
    drops: drops as Record<DropCause, number>,
  };
}
