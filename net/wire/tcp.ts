/**
 * TCP headers (RFC 9293 3.1). Sequence numbers are int32, see sequence.ts. Options and payload are not read here: the
 * view says where they are. To send, they are written first, in place; the header comes last, with the checksum.
 */

import { checksum, intact, pseudoHeader, sum16, words } from './checksum.ts';
import { type EthernetView, emitEthernet, ethernetHeaderBytes } from './ethernet.ts';
import { emitIpv4, type Ipv4View, ipv4HeaderBytes } from './ipv4.ts';
import { Verdict } from './verdict.ts';

export const tcpHeaderBytes = 20;
/** Where options, and without them the payload, begin in a frame that is sent. */
export const segmentOptionsAt = ethernetHeaderBytes + ipv4HeaderBytes + tcpHeaderBytes;

export const Flag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const;

const seqAt = 4;
const ackAt = 8;
/** Data offset, flags, window. */
const offsetFlagsAt = 12;
/** Checksum, urgent pointer. */
const checksumAt = 16;

export interface TcpView {
  sourcePort: number;
  destinationPort: number;
  seq: number;
  ack: number;
  /** Bits of `Flag`. */
  flags: number;
  /** As in the header: not scaled. */
  window: number;
  urgent: number;
  headerBytes: number;
  optionsAt: number;
  /** A multiple of 4, at most 40. */
  optionBytes: number;
  payloadAt: number;
  payloadLength: number;
}

export function tcpView(): TcpView {
  return {
    sourcePort: 0,
    destinationPort: 0,
    seq: 0,
    ack: 0,
    flags: 0,
    window: 0,
    urgent: 0,
    headerBytes: 0,
    optionsAt: 0,
    optionBytes: 0,
    payloadAt: 0,
    payloadLength: 0,
  };
}

/**
 * @param end of the datagram, not of the frame: `payloadEnd` of the IP header.
 * @param ip of the datagram; its addresses are part of the checksum. @param isChecked false: the link leaves it out.
 * @returns ok, truncated, badDataOffset or badTcpChecksum; `out` is only whole with ok.
 */
export function parseTcp(
  memory: DataView,
  at: number,
  end: number,
  ip: Readonly<Ipv4View>,
  out: TcpView,
  isChecked = true,
): Verdict {
  const length = end - at;
  if (length < tcpHeaderBytes) return Verdict.truncated;
  const offsetFlags = memory.getInt32(at + offsetFlagsAt);
  const headerBytes = (offsetFlags >>> 26) & 0x3c;
  if (headerBytes < tcpHeaderBytes || headerBytes > length) return Verdict.badDataOffset;
  const ports = memory.getInt32(at);
  const seq = memory.getInt32(at + seqAt);
  const ack = memory.getInt32(at + ackAt);
  const checked = memory.getInt32(at + checksumAt);
  if (isChecked) {
    const fixed = words(ports) + words(seq) + words(ack) + words(offsetFlags) + words(checked);
    const sum = fixed + pseudoHeader(ip.source, ip.destination, ip.protocol, length);
    if (sum16(memory, at + tcpHeaderBytes, length - tcpHeaderBytes, sum) !== intact)
      return Verdict.badTcpChecksum;
  }
  out.sourcePort = ports >>> 16;
  out.destinationPort = ports & 0xffff;
  out.seq = seq;
  out.ack = ack;
  out.flags = (offsetFlags >>> 16) & 0xff;
  out.window = offsetFlags & 0xffff;
  out.urgent = checked & 0xffff;
  out.headerBytes = headerBytes;
  out.optionsAt = at + tcpHeaderBytes;
  out.optionBytes = headerBytes - tcpHeaderBytes;
  out.payloadAt = at + headerBytes;
  out.payloadLength = length - headerBytes;
  return Verdict.ok;
}

/**
 * Writes the three headers of a frame. Options and payload are in place already, from
 * `segmentOptionsAt` on. It takes `ethernet` whole; of `ip` addresses and protocol, and fills in its `payloadLength`; of
 * `tcp` ports, seq, ack, flags, window, urgent, `optionBytes` and `payloadLength`.
 *
 * The sum is made of the fields, not read back. A header kept ready for each connection would save some 5 ns of 28, and
 * cost each connection a cache line.
 * @param hasChecksums false: 0 in the place of both.
 * @returns bytes of the frame.
 */
export function emitSegment(
  memory: DataView,
  at: number,
  ethernet: Readonly<EthernetView>,
  ip: Ipv4View,
  tcp: Readonly<TcpView>,
  hasChecksums = true,
): number {
  const { seq, ack, window, urgent, optionBytes } = tcp;
  const carried = optionBytes + tcp.payloadLength;
  const length = tcpHeaderBytes + carried;
  ip.payloadLength = length;
  emitEthernet(memory, at, ethernet);
  emitIpv4(memory, at + ethernetHeaderBytes, ip, hasChecksums);

  const tcpAt = at + ethernetHeaderBytes + ipv4HeaderBytes;
  const ports = (tcp.sourcePort << 16) | tcp.destinationPort;
  const offsetFlags = ((tcpHeaderBytes + optionBytes) << 10) | tcp.flags;
  memory.setInt32(tcpAt, ports);
  memory.setInt32(tcpAt + seqAt, seq);
  memory.setInt32(tcpAt + ackAt, ack);
  memory.setInt32(tcpAt + offsetFlagsAt, (offsetFlags << 16) | window);
  let checked = 0;
  if (hasChecksums) {
    const fixed = words(ports) + words(seq) + words(ack) + offsetFlags + window + urgent;
    const sum = fixed + pseudoHeader(ip.source, ip.destination, ip.protocol, length);
    checked = checksum(carried === 0 ? sum : sum16(memory, tcpAt + tcpHeaderBytes, carried, sum));
  }
  memory.setInt32(tcpAt + checksumAt, (checked << 16) | urgent);
  return ethernetHeaderBytes + ipv4HeaderBytes + length;
}
