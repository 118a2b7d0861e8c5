/**
 * ICMP (RFC 792): echo, and of the messages about a datagram of ours (unreachable, time exceeded, …) what a transport
 * needs to find the connection and to judge whether they are true (RFC 5927): addresses, ports, sequence number.
 */

import { checksum, intact, sum16 } from './checksum.ts';
import { ipv4HeaderBytes, Protocol } from './ipv4.ts';
import { Verdict } from './verdict.ts';

export const icmpHeaderBytes = 8;
export const IcmpType = {
  echoReply: 0,
  unreachable: 3,
  sourceQuench: 4,
  redirect: 5,
  echoRequest: 8,
  timeExceeded: 11,
  parameterProblem: 12,
} as const;
/** Code of `unreachable`: the datagram was too long for `nextHopMtu` (RFC 1191). */
export const fragmentationNeeded = 4;

const checksumAt = 2;
const identifierAt = 4;
const sequenceAt = 6;
/** Of a datagram in question, at least these bytes after its IP header are quoted: ports and sequence number. */
const quotedBytes = 8;
/** Offsets in the quoted IP header. */
const quoted = { fragmentAt: 6, protocolAt: 9, sourceAt: 12, destinationAt: 16 } as const;

export interface IcmpView {
  type: number;
  code: number;
  /** Of an echo. */
  identifier: number;
  sequence: number;
  /** Of `fragmentationNeeded`, in bytes; 0: the router does not say. */
  nextHopMtu: number;
  /** A TCP segment is quoted, and the fields below are of it; int32 where 32 bits. */
  quotesTcp: boolean;
  quotedSource: number;
  quotedDestination: number;
  quotedSourcePort: number;
  quotedDestinationPort: number;
  quotedSeq: number;
}

export function icmpView(): IcmpView {
  return {
    type: 0,
    code: 0,
    identifier: 0,
    sequence: 0,
    nextHopMtu: 0,
    quotesTcp: false,
    quotedSource: 0,
    quotedDestination: 0,
    quotedSourcePort: 0,
    quotedDestinationPort: 0,
    quotedSeq: 0,
  };
}

/** @param end of the datagram. @returns ok, truncated or badIcmpChecksum; `out` is only whole with ok. */
export function parseIcmp(memory: DataView, at: number, end: number, out: IcmpView): Verdict {
  if (end - at < icmpHeaderBytes) return Verdict.truncated;
  if (sum16(memory, at, end - at, 0) !== intact) return Verdict.badIcmpChecksum;
  out.type = memory.getUint8(at);
  out.code = memory.getUint8(at + 1);
  out.identifier = memory.getUint16(at + identifierAt);
  out.sequence = memory.getUint16(at + sequenceAt);
  const isTooLong = out.type === IcmpType.unreachable && out.code === fragmentationNeeded;
  out.nextHopMtu = isTooLong ? out.sequence : 0;
  out.quotesTcp = isAboutDatagram(out.type) && parseQuoted(memory, at + icmpHeaderBytes, end, out);
  return Verdict.ok;
}

function isAboutDatagram(type: number): boolean {
  return (
    type === IcmpType.unreachable ||
    type === IcmpType.sourceQuench ||
    type === IcmpType.redirect ||
    type === IcmpType.timeExceeded ||
    type === IcmpType.parameterProblem
  );
}

/** The datagram is cut short, so its length says nothing, and routers changed it, so its checksum does not either. */
function parseQuoted(memory: DataView, at: number, end: number, out: IcmpView): boolean {
  if (end - at < ipv4HeaderBytes) return false;
  const versionLength = memory.getUint8(at);
  const headerBytes = (versionLength & 0x0f) << 2;
  if (versionLength >>> 4 !== 4 || headerBytes < ipv4HeaderBytes) return false;
  if (end - at < headerBytes + quotedBytes) return false;
  const isFirst = (memory.getUint16(at + quoted.fragmentAt) & 0x1fff) === 0;
  if (memory.getUint8(at + quoted.protocolAt) !== Protocol.tcp || !isFirst) return false;
  out.quotedSource = memory.getInt32(at + quoted.sourceAt);
  out.quotedDestination = memory.getInt32(at + quoted.destinationAt);
  const tcpAt = at + headerBytes;
  out.quotedSourcePort = memory.getUint16(tcpAt);
  out.quotedDestinationPort = memory.getUint16(tcpAt + 2);
  out.quotedSeq = memory.getInt32(tcpAt + 4);
  return true;
}

/**
 * Writes the 8 bytes of an echo before a body that is in place, checksum included: `type`, `identifier`, `sequence`.
 * @param bodyLength bytes after the header, at most what IP carries.
 */
export function emitEcho(memory: DataView, at: number, echo: Readonly<IcmpView>, bodyLength: number): void {
  memory.setInt32(at, echo.type << 24);
  memory.setUint16(at + identifierAt, echo.identifier);
  memory.setUint16(at + sequenceAt, echo.sequence);
  memory.setUint16(at + checksumAt, checksum(sum16(memory, at, icmpHeaderBytes + bodyLength, 0)));
}
