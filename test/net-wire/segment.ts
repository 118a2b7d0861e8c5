/** Frames to begin a test with: `segment({ flags: Flag.syn })`; and repairs, for a frame that was changed by hand. */

import { type EthernetView, EtherType, ethernetHeaderBytes } from '../../net/wire/ethernet.ts';
import { type Ipv4View, ipv4View, Protocol } from '../../net/wire/ipv4.ts';
import { emitSegment, Flag, segmentOptionsAt, type TcpView, tcpView } from '../../net/wire/tcp.ts';
import { viewOf } from './frame-reader.ts';

export const ipAt = ethernetHeaderBytes;
export const tcpAt = ipAt + 20;

const ethernet: Readonly<EthernetView> = {
  destinationHigh: 0x0200,
  destinationLow: 2,
  sourceHigh: 0x0200,
  sourceLow: 1,
  etherType: EtherType.ipv4,
};

export interface SegmentParts {
  readonly ip?: Partial<Ipv4View>;
  readonly tcp?: Partial<TcpView>;
  /** A multiple of 4 bytes. */
  readonly options?: readonly number[];
  readonly payload?: ArrayLike<number>;
}

/** An Ethernet frame with a TCP segment, as emitSegment() writes it. */
export function segment(parts: SegmentParts = {}): Uint8Array<ArrayBuffer> {
  const { options = [], payload = [] } = parts;
  const frame = new Uint8Array(segmentOptionsAt + options.length + payload.length);
  frame.set(options, segmentOptionsAt);
  frame.set(payload, segmentOptionsAt + options.length);
  const ip = { ...ipv4View(), source: 0xc612_0001 | 0, destination: 0xc612_0101 | 0, ...parts.ip };
  const tcp = { ...tcpView(), sourcePort: 40_000, destinationPort: 80, flags: Flag.ack, ...parts.tcp };
  tcp.optionBytes = options.length;
  tcp.payloadLength = payload.length;
  emitSegment(viewOf(frame), 0, ethernet, { ...ip, protocol: Protocol.tcp }, tcp);
  return frame;
}

/** A copy with some bytes written over. */
export function changed(frame: Uint8Array, at: number, ...bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(frame);
  copy.set(bytes, at);
  return copy;
}

/** Mends both checksums in place, as far as the lengths in the headers let them be found. */
export function mended<Frame extends Uint8Array>(frame: Frame): Frame {
  const headerBytes = (frame[ipAt] & 0x0f) << 2;
  if (frame.length < ipAt + 20 || ipAt + headerBytes > frame.length) return frame;
  writeChecksum(frame, ipAt, ipAt + headerBytes, ipAt + 10, 0);
  const end = ipAt + ((frame[ipAt + 2] << 8) | frame[ipAt + 3]);
  const payloadAt = ipAt + headerBytes;
  if (end > frame.length || headerBytes < 20) return frame;
  const protocol = frame[ipAt + 9];
  const length = end - payloadAt;
  const pseudo = plainSum(frame, ipAt + 12, ipAt + 20) + Protocol.tcp + length;
  if (protocol === Protocol.tcp && length >= 18) writeChecksum(frame, payloadAt, end, payloadAt + 16, pseudo);
  if (protocol === Protocol.icmp && length >= 4) writeChecksum(frame, payloadAt, end, payloadAt + 2, 0);
  return frame;
}

function writeChecksum(frame: Uint8Array, from: number, end: number, at: number, seed: number): void {
  frame[at] = 0;
  frame[at + 1] = 0;
  const sum = plainSum(frame, from, end) + seed;
  const field = 0xffff - (sum === 0 ? 0 : ((sum - 1) % 0xffff) + 1);
  frame[at] = field >>> 8;
  frame[at + 1] = field & 0xff;
}

/** By the letter of RFC 1071, and by nothing of ours: every 16-bit word added, carries kept. */
export function plainSum(bytes: Uint8Array, from: number, end: number): number {
  let sum = 0;
  for (let at = from; at < end; at += 2) sum += bytes[at] * 256 + (at + 1 < end ? bytes[at + 1] : 0);
  return sum;
}
