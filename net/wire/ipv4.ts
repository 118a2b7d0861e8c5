/**
 * IPv4 headers (RFC 791, RFC 1122 3.2.1). Options are skipped by their length. Fragments are refused, never held, so no
 * memory can be bound by them. What is sent has no options, may not be fragmented, and so needs no identification
 * (RFC 6864 4.1). Addresses are int32; a number that a person reads is `address >>> 0`.
 */

import { checksum, fold, intact, sum16, words } from './checksum.ts';
import { Verdict } from './verdict.ts';

export const ipv4HeaderBytes = 20;
export const Protocol = { icmp: 1, tcp: 6 } as const;

/** Identification, flags and fragment offset. */
const fragmentAt = 4;
/** Time to live, protocol, checksum. */
const protocolAt = 8;
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
 * @param end of the frame. @param isChecked false: the link leaves out checksums.
 * @returns ok, truncated, badVersion, badHeaderLength, badIpChecksum, badSource or fragment; `out` is only whole with ok.
 */
export function parseIpv4(
  memory: DataView,
  at: number,
  end: number,
  out: Ipv4View,
  isChecked = true,
): Verdict {
  const available = end - at;
  if (available < ipv4HeaderBytes) return Verdict.truncated;
  const lengths = memory.getInt32(at);
  if (lengths >>> 28 !== 4) return Verdict.badVersion;
  const headerBytes = (lengths >>> 22) & 0x3c;
  const totalLength = lengths & 0xffff;
  if (headerBytes < ipv4HeaderBytes || totalLength < headerBytes) return Verdict.badHeaderLength;
  if (totalLength > available) return Verdict.truncated;
  const fragment = memory.getInt32(at + fragmentAt);
  const protocol = memory.getInt32(at + protocolAt);
  const source = memory.getInt32(at + sourceAt);
  const destination = memory.getInt32(at + destinationAt);
  if (isChecked) {
    const fixed = words(lengths) + words(fragment) + words(protocol) + words(source) + words(destination);
    const options = headerBytes - ipv4HeaderBytes;
    const sum = options === 0 ? fold(fixed) : sum16(memory, at + ipv4HeaderBytes, options, fixed);
    if (sum !== intact) return Verdict.badIpChecksum;
  }
  if ((fragment & fragmentBits) !== 0) return Verdict.fragment;
  if (!isHost(source)) return Verdict.badSource;
  out.headerBytes = headerBytes;
  out.timeToLive = protocol >>> 24;
  out.protocol = (protocol >>> 16) & 0xff;
  out.source = source;
  out.destination = destination;
  out.payloadAt = at + headerBytes;
  out.payloadEnd = at + totalLength;
  out.payloadLength = totalLength - headerBytes;
  return Verdict.ok;
}

/**
 * Writes 20 bytes of `protocol`, `source`, `destination` and `payloadLength`. @param hasChecksum false: 0 in its place.
 */
export function emitIpv4(memory: DataView, at: number, header: Readonly<Ipv4View>, hasChecksum = true): void {
  const { source, destination } = header;
  const totalLength = ipv4HeaderBytes + header.payloadLength;
  const lifeProtocol = (sentTimeToLive << 8) | header.protocol;
  memory.setInt32(at, (plainHeader << 16) | totalLength);
  memory.setInt32(at + fragmentAt, dontFragment);
  const sum = hasChecksum
    ? checksum(plainHeader + totalLength + dontFragment + lifeProtocol + words(source) + words(destination))
    : 0;
  memory.setInt32(at + protocolAt, (lifeProtocol << 16) | sum);
  memory.setInt32(at + sourceAt, source);
  memory.setInt32(at + destinationAt, destination);
}

/** An address that one host can have: not 0/8, 127/8, 224/4 or 240/4 (RFC 1122 3.2.1.3). */
export function isHost(address: number): boolean {
  const first = address >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}
