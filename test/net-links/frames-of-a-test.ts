/** Frames and what is done with them over and over: sending one, taking all that are there. */

import { frameBatch, type Link } from '../../net/links/link.ts';

/** ARP, who has 198.18.0.1, from 198.18.0.2. */
export const arpRequest = Buffer.from(
  'ffffffffffff02000000000208060001080006040001020000000002c6120002000000000000c6120001',
  'hex',
);

/** @throws {Error} no frame is free. */
export function send(link: Link, bytes: Uint8Array, nowUs: number): void {
  const at = link.allocate();
  if (at < 0) throw new Error('Cannot send a frame: none is free');
  link.memory.set(bytes, at);
  link.transmit(at, bytes.length);
  link.flush(nowUs);
}

/** Takes all frames that are there and gives them back. @returns copies of their bytes. */
export function receiveAll(link: Link, nowUs: number): Buffer[] {
  const frames: Buffer[] = [];
  const batch = frameBatch(16);
  for (let count = link.receive(batch, nowUs); count > 0; count = link.receive(batch, nowUs)) {
    for (let index = 0; index < count; index++) {
      const at = batch.at[index]!;
      frames.push(Buffer.from(link.memory.subarray(at, at + batch.length[index]!)));
      link.release(at);
    }
  }
  return frames;
}
