/**
 * The memory of a flood: requests to send, room to receive, and addresses to connect to, all in one mapping, so that the
 * kernel finds it by address and JavaScript by offset, and nothing is allocated after the start.
 *
 *   [ targets │ sources │ shared bytes │ slot 0: request, room │ slot 1: … ]
 *
 * It refuses to keep whole answers: what is longer than the room is received, and checked, in pieces.
 */

import { allocate } from '../../../linux/memory.ts';
import { encodeSocketAddress } from '../../../linux/sockets.ts';

/** The most that one slot receives in one piece, and all slots together. */
const mostRoomBytes = 65_536;
const allRoomBytes = 64 * 1024 * 1024;

const addressBytes = 32;
const lineBytes = 64;

export interface BufferPlan {
  readonly slots: number;
  readonly targets: readonly { readonly address: string; readonly port: number }[];
  readonly sources: readonly string[];
  /** Bytes of each slot's own that are sent. */
  readonly ownBytes: number;
  readonly sharedBytes: Uint8Array;
  /** What a whole answer needs, and the least that will do. */
  readonly room: { readonly wanted: number; readonly least: number };
}

export class Buffers {
  /** All of it. */
  readonly bytes: Buffer;
  readonly words: Int32Array;
  /** Address of `bytes[0]`; under 2^47, so exact. */
  readonly address: number;
  readonly slots: number;
  readonly targetCount: number;
  readonly sourceCount: number;
  /** Where the shared bytes begin. */
  readonly sharedAt: number;
  /** Of each slot: where its own bytes to send begin. */
  readonly ownAt: Int32Array;
  /** Of each slot: where its answer is received, and how long that room is. */
  readonly roomAt: Int32Array;
  readonly roomBytes: number;

  /** Of each slot, set by requests: what is sent next, as an address and as an offset. A gathered one is a `struct msghdr`. */
  readonly sendLow: Int32Array;
  readonly sendHigh: Int32Array;
  readonly sendAt: Int32Array;
  readonly sendBytes: Int32Array;
  /** Of each slot, set by checks: where what comes next goes, and how much may come. */
  readonly receiveAt: Int32Array;
  readonly receiveBytes: Int32Array;

  readonly #lengths: Int32Array;
  readonly #unmap: () => void;

  /** @throws {SystemCallError} ENOMEM @throws when an address is none. */
  constructor(plan: BufferPlan) {
    const addresses = [
      ...plan.targets.map(({ address, port }) => encodeSocketAddress(address, port)),
      ...plan.sources.map((address) => encodeSocketAddress(address, 0)),
    ];
    this.slots = plan.slots;
    this.targetCount = plan.targets.length;
    this.sourceCount = plan.sources.length;
    this.sharedAt = roundUp(addresses.length * addressBytes, lineBytes);
    const slotsAt = roundUp(this.sharedAt + plan.sharedBytes.length, lineBytes);
    const ownBytes = roundUp(plan.ownBytes, 16);
    this.roomBytes = Math.max(
      plan.room.least,
      Math.min(plan.room.wanted, mostRoomBytes, Math.floor(allRoomBytes / plan.slots)),
    );
    const slotBytes = roundUp(ownBytes + this.roomBytes, lineBytes);
    const mapping = allocate(slotsAt + slotBytes * plan.slots);
    this.bytes = Buffer.from(mapping.buffer);
    this.words = new Int32Array(mapping.buffer, 0, this.bytes.length >>> 2);
    this.address = Number(mapping.address);
    this.#unmap = mapping.unmap;

    this.#lengths = Int32Array.from(addresses, (address) => address.length);
    addresses.forEach((address, index) => {
      this.bytes.set(address, index * addressBytes);
    });
    this.bytes.set(plan.sharedBytes, this.sharedAt);
    this.ownAt = Int32Array.from({ length: plan.slots }, (_, slot) => slotsAt + slot * slotBytes);
    this.roomAt = this.ownAt.map((at) => at + ownBytes);
    this.sendLow = new Int32Array(plan.slots);
    this.sendHigh = new Int32Array(plan.slots);
    this.sendAt = new Int32Array(plan.slots);
    this.sendBytes = new Int32Array(plan.slots);
    this.receiveAt = this.roomAt.slice();
    this.receiveBytes = new Int32Array(plan.slots).fill(this.roomBytes);
  }

  /** Target `index` is at this offset. */
  targetAt(index: number): number {
    return index * addressBytes;
  }

  targetBytes(index: number): number {
    return this.#lengths[index];
  }

  /** AF_INET or AF_INET6. */
  targetFamily(index: number): number {
    return this.bytes[index * addressBytes];
  }

  sourceAt(index: number): number {
    return (this.targetCount + index) * addressBytes;
  }

  sourceBytes(index: number): number {
    return this.#lengths[this.targetCount + index];
  }

  /** `slot` sends what is at this offset next. */
  sendFrom(slot: number, offset: number, bytes: number): void {
    const address = this.address + offset;
    this.sendLow[slot] = address | 0;
    this.sendHigh[slot] = Math.floor(address / 2 ** 32);
    this.sendAt[slot] = offset;
    this.sendBytes[slot] = bytes;
  }

  /** True when as many bytes are the same at both offsets. */
  same(one: number, other: number, bytes: number): boolean {
    const byWords = ((one | other) & 3) === 0;
    // Crossing into native code costs as much as looking at this many bytes here.
    if (bytes > (byWords ? 640 : 160))
      return this.bytes.compare(this.bytes, one, one + bytes, other, other + bytes) === 0;
    let index = 0;
    if (byWords)
      for (; index + 4 <= bytes; index += 4)
        if (this.words[(one + index) >>> 2] !== this.words[(other + index) >>> 2]) return false;
    for (; index < bytes; index++) if (this.bytes[one + index] !== this.bytes[other + index]) return false;
    return true;
  }

  /** After this, any use is a crash: the kernel must have forgotten all of it. */
  unmap(): void {
    this.#unmap();
  }
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
