/**
 * One AF_XDP socket: one queue of one device, four rings in mapped memory, the descriptor that the kernel is woken by.
 *
 *   fill        ── free frames ──►            kernel copies what comes into them
 *   receive     ◄── filled ones ──
 *   transmit    ── frames to send ──► send()  kernel copies them out, 32 a call or what XDP_MAX_TX_SKB_BUDGET says
 *   completion  ◄── sent ones ──
 *
 * Copy mode alone: it works on every driver. The kernel's documentation is Documentation/networking/af_xdp.rst.
 */

import type { FrameBatch } from '../net/links/link.ts';
import type { FramePool } from './frame-pool.ts';
import { lastErrno, libc, SystemCallError } from './libc.ts';
import { type Mapping, mapDescriptor } from './memory.ts';
import {
  bindBytes,
  closeDescriptor,
  getOptionBytes,
  openFrameSocket,
  SOL_SOCKET,
  setOption,
  setOptionBytes,
} from './sockets.ts';
import { sleepMs } from './thread.ts';

const sendto = libc.func('sendto', 'long', ['int', 'uintptr_t', 'size_t', 'int', 'uintptr_t', 'uint32_t']);

const AF_XDP = 44;
const SOL_XDP = 283;
const XDP_MMAP_OFFSETS = 1;
const XDP_RX_RING = 2;
const XDP_TX_RING = 3;
const XDP_UMEM_REG = 4;
const XDP_UMEM_FILL_RING = 5;
const XDP_UMEM_COMPLETION_RING = 6;
const XDP_STATISTICS = 7;
const XDP_MAX_TX_SKB_BUDGET = 9;
const XDP_SHARED_UMEM = 1 << 0;
const XDP_COPY = 1 << 1;
const XDP_USE_NEED_WAKEUP = 1 << 3;
/** Frames may begin anywhere; an address that comes has the offset of its data in its highest 16 bits. */
const XDP_UMEM_UNALIGNED_CHUNK_FLAG = 1 << 0;
const XDP_RING_NEED_WAKEUP = 1;
const SO_SNDBUFFORCE = 32;
const MSG_DONTWAIT = 0x40;
const EINTR = 4;
const EAGAIN = 11;
const EBUSY = 16;
const ENOBUFS = 105;

/** Entries of the receive, fill and transmit rings. */
export const ringEntries = 2048;
/** A sent frame waits here for us to look; the kernel stops sending when there is no room. */
const completionEntries = 2 * ringEntries;
const sendBudget = 256;
/** What the kernel counts against a socket's buffer: all a ring holds, with the kernel's own overhead. */
const sendBufferBytes = ringEntries * 4096;

/** The kernel takes a closed socket's queue back in the background: a new one may have to wait for it. */
const bindTries = 200;
const bindPauseMs = 10;

interface Ring {
  readonly mapping: Mapping;
  readonly words: Int32Array;
  /** All in words. */
  readonly producer: number;
  readonly consumer: number;
  readonly flags: number;
  readonly entries: number;
  readonly mask: number;
}

export interface XdpSocketPlace {
  readonly device: string;
  readonly deviceIndex: number;
  readonly queue: number;
  /** Of the first socket on the same frames; -1: this is the first. */
  readonly sharedWith: number;
  readonly framesAddress: bigint;
}

export class XdpSocket {
  readonly fd: number;
  readonly #device: string;
  readonly #pool: FramePool;
  readonly #receive: Ring;
  readonly #fill: Ring;
  readonly #transmit: Ring;
  readonly #completion: Ring;
  readonly #statistics = new BigUint64Array(6);
  readonly #fillTarget: number;
  #given = 0;
  #received: number;
  #filled: number;
  #queued: number;
  #completed: number;
  #lost = 0;

  /**
   * @param fillTarget how many frames lie ready for what comes, at most `ringEntries`.
   * @throws {SystemCallError} EPERM: needs CAP_NET_RAW; EBUSY: another process has the queue.
   */
  constructor(pool: FramePool, place: XdpSocketPlace, fillTarget: number) {
    this.#device = place.device;
    this.#pool = pool;
    this.#fillTarget = fillTarget;
    this.fd = openFrameSocket('AF_XDP', AF_XDP, 0);
    const mappings: Mapping[] = [];
    try {
      if (place.sharedWith < 0) registerFrames(this.fd, pool, place.framesAddress);
      setOption(this.fd, SOL_XDP, XDP_UMEM_FILL_RING, ringEntries);
      setOption(this.fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, completionEntries);
      setOption(this.fd, SOL_XDP, XDP_RX_RING, ringEntries);
      setOption(this.fd, SOL_XDP, XDP_TX_RING, ringEntries);
      const offsets = new BigUint64Array(16);
      getOptionBytes(this.fd, SOL_XDP, XDP_MMAP_OFFSETS, offsets);
      const ring = (index: number, pageOffset: number, entries: number, entryBytes: number): Ring => {
        const [producer, consumer, descriptors, flags] = [0, 1, 2, 3].map((part) =>
          Number(offsets[index * 4 + part]),
        ) as [number, number, number, number];
        const mapping = mapDescriptor(this.fd, descriptors + entries * entryBytes, pageOffset);
        mappings.push(mapping);
        return {
          mapping,
          words: new Int32Array(mapping.buffer),
          producer: producer >>> 2,
          consumer: consumer >>> 2,
          flags: flags >>> 2,
          entries: descriptors >>> 2,
          mask: entries - 1,
        };
      };
      this.#receive = ring(0, 0, ringEntries, 16);
      this.#transmit = ring(1, 0x8000_0000, ringEntries, 16);
      this.#fill = ring(2, 0x1_0000_0000, ringEntries, 8);
      this.#completion = ring(3, 0x1_8000_0000, completionEntries, 8);
      this.#received = this.#filled = this.#queued = this.#completed = 0;
      setSendLimits(this.fd);
      this.refill();
      bindToQueue(this.fd, place);
    } catch (error) {
      closeDescriptor(this.fd);
      for (const mapping of mappings) mapping.unmap();
      throw error;
    }
  }

  /** Fills `batch` from `from` on, up to `most`. @returns where it ended. */
  receive(batch: FrameBatch, from: number, most: number): number {
    const ring = this.#receive;
    const words = ring.words;
    const available = (Atomics.load(words, ring.producer) - this.#received) | 0;
    if (available === 0) return from;
    const count = Math.min(available, most - from);
    for (let index = 0; index < count; index++) {
      const entry = ring.entries + (((this.#received + index) & ring.mask) << 2);
      batch.at[from + index] = words[entry] + (words[entry + 1] >>> 16);
      batch.length[from + index] = words[entry + 2];
    }
    this.#received = (this.#received + count) | 0;
    Atomics.store(words, ring.consumer, this.#received);
    this.#given -= count;
    this.refill();
    return from + count;
  }

  /** Gives the kernel free frames for what comes, as far as there are any. */
  refill(): void {
    const ring = this.#fill;
    const words = ring.words;
    // What the kernel took and dropped again it keeps; the ring has room for all the frames it is given.
    const missing = Math.min(this.#fillTarget - this.#given, this.#pool.free);
    if (missing <= 0) return;
    for (let index = 0; index < missing; index++) {
      const entry = ring.entries + ((this.#filled & ring.mask) << 1);
      words[entry] = this.#pool.take();
      words[entry + 1] = 0;
      this.#filled = (this.#filled + 1) | 0;
    }
    this.#given += missing;
    Atomics.store(words, ring.producer, this.#filled);
  }

  /** Takes back the frames that were sent. */
  reap(): void {
    const ring = this.#completion;
    const words = ring.words;
    const produced = Atomics.load(words, ring.producer);
    if (produced === this.#completed) return;
    while (this.#completed !== produced) {
      this.#pool.release(words[ring.entries + ((this.#completed & ring.mask) << 1)]);
      this.#completed = (this.#completed + 1) | 0;
    }
    Atomics.store(words, ring.consumer, produced);
  }

  /** Queues a frame for send(). @returns false: the ring is full. */
  queue(at: number, length: number): boolean {
    const ring = this.#transmit;
    const words = ring.words;
    if (this.unsent > ring.mask) return false;
    const entry = ring.entries + ((this.#queued & ring.mask) << 2);
    words[entry] = at;
    words[entry + 1] = 0;
    words[entry + 2] = length;
    words[entry + 3] = 0;
    this.#queued = (this.#queued + 1) | 0;
    return true;
  }

  /** Frames queued and not yet taken by the kernel. */
  get unsent(): number {
    return (this.#queued - Atomics.load(this.#transmit.words, this.#transmit.consumer)) | 0;
  }

  /**
   * Makes the kernel send what is queued, until it has, or takes no more for now. With nothing queued it asks once, which
   * tells of a device that is gone.
   * @throws {SystemCallError} ENETDOWN, ENXIO
   */
  send(): void {
    const ring = this.#transmit;
    Atomics.store(ring.words, ring.producer, this.#queued);
    let left = this.unsent;
    do {
      if (left > 0 && (ring.words[ring.flags] & XDP_RING_NEED_WAKEUP) === 0) return;
      if (sendto(this.fd, 0, 0, MSG_DONTWAIT, 0, 0) < 0) this.#sendFailed(lastErrno());
      const before = left;
      left = this.unsent;
      // A call that takes nothing has met full buffers of the kernel's: the rest goes with the next flush.
      if (left === before) return;
    } while (left > 0);
  }

  #sendFailed(errno: number): void {
    if (errno === EBUSY) this.#lost++;
    else if (errno !== EAGAIN && errno !== ENOBUFS && errno !== EINTR)
      throw new SystemCallError(`Cannot send on "${this.#device}" (a device that is gone, or down)`, errno);
  }

  /** Frames that were given to the device, and that it had no room for. */
  get lost(): number {
    return this.#lost;
  }

  /** Frames dropped here, either way: no free frame, a full ring, a device that took none. One system call. */
  get dropped(): number {
    getOptionBytes(this.fd, SOL_XDP, XDP_STATISTICS, this.#statistics);
    const [noFrame = 0n, , , ringFull = 0n] = this.#statistics;
    return this.#lost + Number(noFrame + ringFull);
  }

  close(): void {
    closeDescriptor(this.fd);
    for (const { mapping } of [this.#receive, this.#fill, this.#transmit, this.#completion]) mapping.unmap();
  }
}

/** struct xdp_umem_reg */
function registerFrames(fd: number, pool: FramePool, address: bigint): void {
  const registration = new BigUint64Array(4);
  registration[0] = address;
  registration[1] = BigInt(pool.memory.byteLength);
  const words = new Uint32Array(registration.buffer);
  words[4] = pool.stride;
  words[6] = XDP_UMEM_UNALIGNED_CHUNK_FLAG;
  try {
    setOptionBytes(fd, SOL_XDP, XDP_UMEM_REG, registration);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    const mebibytes = Math.ceil(pool.memory.byteLength / 2 ** 20);
    throw new SystemCallError(
      `Cannot lock ${mebibytes} MiB of memory for AF_XDP (ENOBUFS: more than RLIMIT_MEMLOCK; "ulimit -l unlimited")`,
      error.errno,
    );
  }
}

/** Both are for speed alone: a kernel before 6.17, or missing rights, may refuse them. */
function setSendLimits(fd: number): void {
  for (const [level, name, value] of [
    [SOL_SOCKET, SO_SNDBUFFORCE, sendBufferBytes],
    [SOL_XDP, XDP_MAX_TX_SKB_BUDGET, sendBudget],
  ] as const) {
    try {
      setOption(fd, level, name, value);
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
    }
  }
}

/** struct sockaddr_xdp */
function bindToQueue(fd: number, place: XdpSocketPlace): void {
  const address = new Uint8Array(16);
  const view = new DataView(address.buffer);
  const shared = place.sharedWith >= 0;
  view.setUint16(0, AF_XDP, true);
  view.setUint16(2, shared ? XDP_SHARED_UMEM : XDP_COPY | XDP_USE_NEED_WAKEUP, true);
  view.setUint32(4, place.deviceIndex, true);
  view.setUint32(8, place.queue, true);
  view.setUint32(12, shared ? place.sharedWith : 0, true);
  for (let tries = 1; ; tries++) {
    try {
      bindBytes(`Cannot bind an AF_XDP socket to queue ${place.queue} of "${place.device}"`, fd, address);
      return;
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.errno !== EBUSY || tries === bindTries) throw error;
      sleepMs(bindPauseMs);
    }
  }
}
