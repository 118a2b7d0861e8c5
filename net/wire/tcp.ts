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

const destinationPortAt = 2;
const seqAt = 4;
const ackAt = 8;
const dataOffsetAt = 12;
const flagsAt = 13;
const checksumAt = 16;
const urgentAt = 18;

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
 * @param ip of the datagram; its addresses are part of the checksum.
 * @returns ok, truncated, badDataOffset or badTcpChecksum; `out` is only whole with ok.
 */
export function parseTcp(
  memory: DataView,
  at: number,
  end: number,
  ip: Readonly<Ipv4View>,
  out: TcpView,
): Verdict {
  const length = end - at;
  if (length < tcpHeaderBytes) return Verdict.truncated;
  const headerBytes = (memory.getUint8(at + dataOffsetAt) >>> 4) << 2;
  if (headerBytes < tcpHeaderBytes || headerBytes > length) return Verdict.badDataOffset;
  const pseudo = pseudoHeader(ip.source, ip.destination, ip.protocol, length);
  if (sum16(memory, at, length, pseudo) !== intact) return Verdict.badTcpChecksum;
  out.sourcePort = memory.getUint16(at);
  out.destinationPort = memory.getUint16(at + destinationPortAt);
  out.seq = memory.getInt32(at + seqAt);
  out.ack = memory.getInt32(at + ackAt);
  out.flags = memory.getUint8(at + flagsAt);
  out.window = memory.getUint16(at + dataOffsetAt + 2);
  out.urgent = memory.getUint16(at + urgentAt);
  out.headerBytes = headerBytes;
  out.optionsAt = at + tcpHeaderBytes;
  out.optionBytes = headerBytes - tcpHeaderBytes;
  out.payloadAt = at + headerBytes;
  out.payloadLength = length - headerBytes;
  return Verdict.ok;
}

/**
 * Writes the 20 bytes of a header before options and payload that are in place, checksum included. It takes ports, seq,
 * ack, flags, window, urgent, `optionBytes` and `payloadLength`; of `ip`, addresses and protocol.
 */
export function emitTcp(
  memory: DataView,
  at: number,
  ip: Readonly<Ipv4View>,
  header: Readonly<TcpView>,
): void {
  const { seq, ack, window, urgent } = header;
  const ports = (header.sourcePort << 16) | header.destinationPort;
  const carried = header.optionBytes + header.payloadLength;
  const length = tcpHeaderBytes + carried;
  const offsetFlags = ((tcpHeaderBytes + header.optionBytes) << 10) | header.flags;
  const fixed = words(ports) + words(seq) + words(ack) + offsetFlags + window + urgent;
  const sum = fixed + pseudoHeader(ip.source, ip.destination, ip.protocol, length);
  memory.setInt32(at, ports);
  memory.setInt32(at + seqAt, seq);
  memory.setInt32(at + ackAt, ack);
  memory.setInt32(at + dataOffsetAt, (offsetFlags << 16) | window);
  const all = carried === 0 ? sum : sum16(memory, at + tcpHeaderBytes, carried, sum);
  memory.setInt32(at + checksumAt, (checksum(all) << 16) | urgent);
}

/**
 * Writes the three headers of a frame, both checksums included. Options and payload are in place already, from
 * `segmentOptionsAt` on. Fills in `payloadLength` of `ip`; the rest of the views is the caller's.
 * @returns bytes of the frame.
 */
export function emitSegment(
  memory: DataView,
  at: number,
  ethernet: Readonly<EthernetView>,
  ip: Ipv4View,
  header: Readonly<TcpView>,
): number {
  ip.payloadLength = tcpHeaderBytes + header.optionBytes + header.payloadLength;
  emitEthernet(memory, at, ethernet);
  emitIpv4(memory, at + ethernetHeaderBytes, ip);
  emitTcp(memory, at + ethernetHeaderBytes + ipv4HeaderBytes, ip, header);
  return ethernetHeaderBytes + ipv4HeaderBytes + ip.payloadLength;
}
