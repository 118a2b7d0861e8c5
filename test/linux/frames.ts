/** Frames for the tests of links: TCP segments that carry a number, so that each is known again. */

import type { KernelLink } from '../../net/links/link.ts';
import { frameBatch } from '../../net/links/link.ts';

export interface FrameFields {
  readonly toHardware: Uint8Array;
  readonly fromHardware: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly fromPort: number;
  readonly toPort: number;
  /** 4 bytes of payload. */
  readonly number: number;
}

export const testFrameBytes = 14 + 20 + 20 + 4;
const numberAt = testFrameBytes - 4;

/** A segment with valid checksums. */
export function segmentFrame(fields: FrameFields): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(testFrameBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(fields.toHardware, 0);
  bytes.set(fields.fromHardware, 6);
  view.setUint16(12, 0x0800);
  bytes.set([0x45, 0, 0, testFrameBytes - 14, 0, 0, 0x40, 0, 64, 6, 0, 0], 14);
  view.setUint32(26, fields.from);
  view.setUint32(30, fields.to);
  view.setUint16(24, checksumOf(view, 14, 34, 0));
  view.setUint16(34, fields.fromPort);
  view.setUint16(36, fields.toPort);
  bytes.set([0x50, 0x10, 0xff, 0xff], 46);
  view.setUint32(numberAt, fields.number);
  view.setUint16(50, checksumOf(view, 34, testFrameBytes, pseudoSum(view, 14)));
  return bytes;
}

/** Whether the checksums of an IPv4 TCP frame hold. */
export function checksumsHold(memory: Uint8Array<ArrayBuffer>, at: number): boolean {
  const view = new DataView(memory.buffer, memory.byteOffset + at);
  const header = 14 + (view.getUint8(14) & 0xf) * 4;
  return (
    checksumOf(view, 14, header, 0) === 0 &&
    checksumOf(view, header, 14 + view.getUint16(16), pseudoSum(view, 14)) === 0
  );
}

/** RFC 1071, of [from, end). */
function checksumOf(view: DataView, from: number, end: number, seed: number): number {
  let sum = seed;
  for (let at = from; at < end; at += 2) sum += at + 1 < end ? view.getUint16(at) : view.getUint8(at) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function pseudoSum(view: DataView, ip: number): number {
  const length = view.getUint16(ip + 2) - (view.getUint8(ip) & 0xf) * 4;
  let sum = 6 + length;
  for (let at = ip + 12; at < ip + 20; at += 2) sum += view.getUint16(at);
  return sum;
}

/** Puts a frame into a link's way out. @returns false: no frame was free. */
export function send(link: KernelLink, frame: Uint8Array): boolean {
  const at = link.allocate();
  if (at < 0) return false;
  link.memory.set(frame, at);
  link.transmit(at, frame.byteLength);
  return true;
}

export interface Received {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fromPort: number;
  readonly toPort: number;
  readonly number: number;
}

/** Waits until `count` frames came, or none for `idleMs`; releases them. */
export function collect(link: KernelLink, count: number, idleMs = 1000): Received[] {
  const batch = frameBatch(64);
  const all: Received[] = [];
  while (all.length < count) {
    let came = link.receive(batch, 0);
    if (came === 0) {
      link.wait(idleMs * 1000);
      came = link.receive(batch, 0);
      if (came === 0) break;
    }
    for (let index = 0; index < came; index++) {
      const at = batch.at[index] as number;
      const bytes = link.memory.slice(at, at + (batch.length[index] as number)) as Uint8Array<ArrayBuffer>;
      const view = new DataView(bytes.buffer);
      all.push({
        bytes,
        fromPort: view.getUint16(34),
        toPort: view.getUint16(36),
        number: bytes.byteLength >= testFrameBytes ? view.getUint32(numberAt) : -1,
      });
      link.release(at);
    }
  }
  return all;
}

/** A ping with the addresses of `fields`. */
export function echoRequest(fields: FrameFields): Uint8Array<ArrayBuffer> {
  const bytes = segmentFrame(fields);
  const view = new DataView(bytes.buffer);
  bytes[23] = 1;
  view.setUint16(24, 0);
  view.setUint16(24, checksumOf(view, 14, 34, 0));
  bytes.fill(0, 34);
  bytes[34] = 8;
  view.setUint16(36, checksumOf(view, 34, testFrameBytes, 0));
  return bytes;
}

/** Of an IPv4 frame; -1: it is none. */
export function protocolOf(bytes: Uint8Array): number {
  return bytes[12] === 8 && bytes[13] === 0 ? (bytes[23] as number) : -1;
}

/** Of a TCP segment without IP options: FIN 1, SYN 2, RST 4, PSH 8, ACK 16. */
export function tcpFlags(bytes: Uint8Array): number {
  return bytes[47] as number;
}
