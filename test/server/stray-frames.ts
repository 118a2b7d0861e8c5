/** What no socket sends: segments of connections that are none, from hosts that are not there; and a ping. */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { deviceIndex, hardwareAddressOf } from '../../linux/device-settings.ts';
import { allocate } from '../../linux/memory.ts';
import {
  bindBytes,
  closeDescriptor,
  connect,
  encodeSocketAddress,
  openFrameSocket,
  recv,
  send,
} from '../../linux/sockets.ts';
import { segmentFrame } from '../linux/frames.ts';
import { within } from './under-test.ts';
import { inLab, lab } from './user-level-lab.ts';

const noAddress = new Uint8Array(6);
/** Of both ends of the wire. */
const hardware =
  inLab.skip === false
    ? {
        load: hardwareAddressOf('load'),
        serve: within(lab.serverPath, () => hardwareAddressOf('serve')),
      }
    : { load: noAddress, serve: noAddress };

/** A segment from this namespace's end to a port of the server, of a connection that is none. */
export function segmentFor(
  port: number,
  // A port that the kernel here gives none of its own connections.
  from = { host: '198.18.77.1', port: 999 },
): Uint8Array<ArrayBuffer> {
  const number = (text: string): number => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  return segmentFrame({
    toHardware: hardware.serve,
    fromHardware: hardware.load,
    from: number(from.host),
    to: number(lab.serverAddress),
    fromPort: from.port,
    toPort: port,
    number: 7,
  });
}

export function corrupt(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const changed = frame.slice();
  changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 1;
  return changed;
}

/** A SYN from a port of a host that is not there. */
export function synFor(port: number, fromPort: number): Uint8Array<ArrayBuffer> {
  const frame = segmentFor(port, { host: '198.18.77.99', port: fromPort });
  const view = new DataView(frame.buffer);
  const [flagsAt, checksumAt] = [46, 50];
  const before = view.getUint16(flagsAt);
  view.setUint16(flagsAt, 0x5002);
  // RFC 1624: the checksum, with one word changed.
  const sum = (~view.getUint16(checksumAt) & 0xffff) + (~before & 0xffff) + 0x5002;
  view.setUint16(checksumAt, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  return frame;
}

/** Puts frames on a device of this namespace. */
export function sendFrames(device: string, frames: readonly Uint8Array[]): void {
  const AF_PACKET = 17;
  const socket = openFrameSocket('AF_PACKET', AF_PACKET, 0);
  const memory = allocate(2_048);
  try {
    const address = new Uint8Array(20);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setInt32(4, deviceIndex(device), true);
    bindBytes(`Cannot bind to "${device}"`, socket, address);
    for (const frame of frames) {
      new Uint8Array(memory.buffer).set(frame);
      assert.equal(send(socket, Number(memory.address), frame.byteLength, 0), frame.byteLength);
    }
  } finally {
    memory.unmap();
    closeDescriptor(socket);
  }
}

/** Whether somebody answers an ICMP echo request (RFC 792) within 10 s. */
export async function answersPing(target: string): Promise<boolean> {
  const [AF_INET, IPPROTO_ICMP] = [2, 1];
  const socket = openFrameSocket('ICMP', AF_INET, IPPROTO_ICMP);
  const memory = allocate(256);
  try {
    const bytes = new Uint8Array(memory.buffer);
    const address = encodeSocketAddress(target, 0);
    bytes.set(address, 128);
    assert.equal(connect(socket, Number(memory.address) + 128, address.byteLength), 0);
    // Type 8, code 0, checksum, identifier, sequence number.
    bytes.set([8, 0, 0xf7, 0xff, 0, 0, 0, 0]);
    assert.equal(send(socket, Number(memory.address), 8, 0), 8);
    for (let tries = 0; tries < 500; tries++) {
      // The answer's type is behind an IPv4 header.
      if (recv(socket, Number(memory.address), 128, 0) >= 28 && bytes[20] === 0) return true;
      await sleep(20);
    }
    return false;
  } finally {
    memory.unmap();
    closeDescriptor(socket);
  }
}
