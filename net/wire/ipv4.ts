/**
 * IPv4 headers (RFC 791, RFC 1122 3.2.1). Options are skipped by their length. Fragments are refused, never held, so no
 * memory can be bound by them. What is sent has no options, may not be fragmented, and so needs no identification
 * (RFC 6864 4.1). Addresses are int32; a number that a person reads is `address >>> 0`.
 */

import { checksum, intact, sum16, words } from './checksum.ts';
import { Verdict } from './verdict.ts';

export const ipv4HeaderBytes = 20;
export const Protocol = { icmp: 1, tcp: 6 } as const;

const totalLengthAt = 2;
const fragmentAt = 6;
const timeToLiveAt = 8;
const protocolAt = 9;
const sourceAt = 12;
const destinationAt = 16;

/** Version 4, five words of header. */
const plainHeader = 0x4500;
const dontFragment = 0x4000;
/** "More fragments" and the offset: any of them set, and it is a fragment. */
const fragmentBits = 0x3fff;
const sentTimeToLive = 64;

export interface Ipv4View {
  headerBytes: number;
  timeToLive: number;
  protocol: number;
  source: number;
  destination: number;
  payloadAt: number;
  /** After the last byte of the payload; Ethernet's padding is beyond it. */
  payloadEnd: number;
  payloadLength: number;
}

export function ipv4View(): Ipv4View {
  return {
    headerBytes: 0,
    timeToLive: 0,
    protocol: 0,
    source: 0,
    destination: 0,
    payloadAt: 0,
    payloadEnd: 0,
    payloadLength: 0,
  };
}

/**
 * @param end of the frame.
 * @returns ok, truncated, badVersion, badHeaderLength, badIpChecksum, badSource or fragment; `out` is only whole with ok.
 */
export function parseIpv4(memory: DataView, at: number, end: number, out: Ipv4View): Verdict {
  const available = end - at;
  if (available < ipv4HeaderBytes) return Verdict.truncated;
  const versionLength = memory.getUint8(at);
  if (versionLength >>> 4 !== 4) return Verdict.badVersion;
  const headerBytes = (versionLength & 0x0f) << 2;
  const totalLength = memory.getUint16(at + totalLengthAt);
  if (headerBytes < ipv4HeaderBytes || totalLength < headerBytes) return Verdict.badHeaderLength;
  if (totalLength > available) return Verdict.truncated;
  if (sum16(memory, at, headerBytes, 0) !== intact) return Verdict.badIpChecksum;
  if ((memory.getUint16(at + fragmentAt) & fragmentBits) !== 0) return Verdict.fragment;
  const source = memory.getInt32(at + sourceAt);
  if (!isHost(source)) return Verdict.badSource;
  out.headerBytes = headerBytes;
  out.timeToLive = memory.getUint8(at + timeToLiveAt);
  out.protocol = memory.getUint8(at + protocolAt);
  out.source = source;
  out.destination = memory.getInt32(at + destinationAt);
  out.payloadAt = at + headerBytes;
  out.payloadEnd = at + totalLength;
  out.payloadLength = totalLength - headerBytes;
  return Verdict.ok;
}

/** Writes 20 bytes, checksum included, of `protocol`, `source`, `destination` and `payloadLength`. */
export function emitIpv4(memory: DataView, at: number, header: Readonly<Ipv4View>): void {
  const { source, destination } = header;
  const totalLength = ipv4HeaderBytes + header.payloadLength;
  const lifeProtocol = (sentTimeToLive << 8) | header.protocol;
  const sum = plainHeader + totalLength + dontFragment + lifeProtocol + words(source) + words(destination);
  memory.setInt32(at, (plainHeader << 16) | totalLength);
  memory.setInt32(at + 4, dontFragment);
  memory.setInt32(at + timeToLiveAt, (lifeProtocol << 16) | checksum(sum));
  memory.setInt32(at + sourceAt, source);
  memory.setInt32(at + destinationAt, destination);
}

/** An address that one host can have: not 0/8, 127/8, 224/4 or 240/4 (RFC 1122 3.2.1.3). */
export function isHost(address: number): boolean {
  const first = address >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}
