/** An ICMP echo request (RFC 792) from the calling thread's network namespace. */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { allocate } from '../../linux/memory.ts';
import {
  closeDescriptor,
  connect,
  encodeSocketAddress,
  openFrameSocket,
  recv,
  send,
} from '../../linux/sockets.ts';

const AF_INET = 2;
const IPPROTO_ICMP = 1;
/** Type 8, code 0, checksum, identifier, sequence number. */
const request = Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0);
const addressAt = 128;
const patienceMs = 10_000;

/** Whether somebody answers within 10 s. */
export async function answersPing(target: string): Promise<boolean> {
  const socket = openFrameSocket('ICMP', AF_INET, IPPROTO_ICMP);
  const memory = allocate(256);
  const bytes = new Uint8Array(memory.buffer);
  const at = Number(memory.address);
  try {
    const address = encodeSocketAddress(target, 0);
    bytes.set(address, addressAt);
    assert.equal(connect(socket, at + addressAt, address.byteLength), 0);
    bytes.set(request);
    assert.equal(send(socket, at, request.byteLength, 0), request.byteLength);
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      // An answer's type is behind an IPv4 header.
      if (recv(socket, at, addressAt, 0) >= 28 && bytes[20] === 0) return true;
      await sleep(5);
    }
    return false;
  } finally {
    memory.unmap();
    closeDescriptor(socket);
  }
}
