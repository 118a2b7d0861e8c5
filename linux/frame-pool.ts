/**
 * The frames of one link: one piece of mapped memory in equal parts, and which of them are free. A frame is named by any
 * offset within its part. The last one released is the next one taken: it is the one still in the cache.
 */

import type { Mapping } from './memory.ts';

/** The kernel's copy into an AF_XDP frame leaves so many bytes before it (XDP_PACKET_HEADROOM); 0 for others. */
export type HeadRoom = 0 | 256;

export class FramePool {
  readonly memory: Uint8Array<ArrayBuffer>;
  /** Bytes from one frame to the next. */
  readonly stride: number;
  /** Bytes that may be written from the offset that `take` gives. */
  readonly frameRoom: number;
  readonly #headRoom: HeadRoom;
  readonly #free: Int32Array;
  #count: number;

  constructor(mapping: Mapping, options: { readonly stride: number; readonly headRoom: HeadRoom }) {
    this.memory = new Uint8Array(mapping.buffer);
    this.stride = options.stride;
    this.frameRoom = options.stride - options.headRoom;
    this.#headRoom = options.headRoom;
    this.#count = Math.floor(this.memory.byteLength / options.stride);
    this.#free = new Int32Array(this.#count);
    for (let index = 0; index < this.#count; index++)
      this.#free[index] = (this.#count - 1 - index) * options.stride;
  }

  /** Frames that nobody has. */
  get free(): number {
    return this.#count;
  }

  /** Offset of a frame's first byte; -1: none is free. */
  take(): number {
    return this.#count === 0 ? -1 : this.#free[--this.#count] + this.#headRoom;
  }

  /** @throws {RangeError} when more come back than there are: one was released twice. */
  release(at: number): void {
    if (this.#count === this.#free.length)
      throw new RangeError(`A frame at ${at} was released when none was in use`);
    this.#free[this.#count++] = at - (at % this.stride);
  }
}

const leastStride = 2048;
const headerBytes = 14;
const lineBytes = 64;

/** The stride of frames that hold an Ethernet header and an IP packet of `mtu` bytes; 0: none up to `most` does. */
export function strideFor(mtu: number, headRoom: HeadRoom, most: number): number {
  for (let stride = leastStride; stride <= most; stride *= 2)
    if (headRoom + headerBytes + mtu <= stride) return stride;
  return 0;
}

/**
 * The same for frames that need no alignment: an odd number of cache lines. Frames a power of two apart put their headers
 * into the same few sets of a cache (2 of the first level's 64, 2,048 bytes apart), which then holds a handful of them.
 */
export function spreadStrideFor(mtu: number, headRoom: HeadRoom, most: number): number {
  const lines = Math.ceil(Math.max(leastStride, headRoom + headerBytes + mtu) / lineBytes) | 1;
  return lines * lineBytes <= most ? lines * lineBytes : 0;
}
