/**
 * Answers to segments that cannot be right: an ACK that says where we are (RFC 5961), so that a peer that is real learns
 * it, and one who guesses learns nothing; or a RST, where there is no connection. Both are limited.
 */

import { Flag } from '../wire/tcp.ts';
import type { Core } from './core.ts';
import { hand } from './output.ts';
import { wantsToAck } from './send.ts';

const { ack: ACK, fin: FIN, rst: RST, syn: SYN } = Flag;

/** RFC 5961 section 10. Which of them an attacker's segments took must not be seen: the number is drawn anew each second. */
const challengesPerSecond = 1_000;

/** ACK of a segment that does not fit; the connection lives on. */
export function challenge(core: Core, id: number): void {
  if (core.nowMs - core.challengeMs >= 1000) {
    core.challengeMs = core.nowMs;
    core.challengesLeft = (challengesPerSecond >> 1) + (core.random() % challengesPerSecond);
  }
  if (core.challengesLeft === 0) return;
  core.challengesLeft--;
  core.counters.challengeAcks++;
  wantsToAck(core, id);
}

/**
 * RST to the segment that arrives, of which there is no connection (RFC 9293 3.10.7.1). Never to a RST. One answer a
 * segment, and no longer than it.
 */
export function refuse(core: Core): void {
  const { segment, ip, ethernet } = core;
  if ((segment.flags & RST) !== 0) {
    core.counters.drops.noConnection++;
    return;
  }
  const frame = core.link.allocate();
  if (frame < 0) {
    core.counters.drops.noMemory++;
    return;
  }
  const out = core.outSegment;
  out.sourcePort = segment.destinationPort;
  out.destinationPort = segment.sourcePort;
  if ((segment.flags & ACK) !== 0) {
    out.seq = segment.ack;
    out.ack = 0;
    out.flags = RST;
  } else {
    const length = segment.payloadLength + (segment.flags & FIN) + ((segment.flags & SYN) >> 1);
    out.seq = 0;
    out.ack = (segment.seq + length) | 0;
    out.flags = RST | ACK;
  }
  out.window = 0;
  out.optionBytes = 0;
  out.payloadLength = 0;
  core.outIp.source = ip.destination;
  core.outIp.destination = ip.source;
  core.outEthernet.destinationHigh = ethernet.sourceHigh;
  core.outEthernet.destinationLow = ethernet.sourceLow;
  core.counters.resetsSent++;
  hand(core, frame);
}
