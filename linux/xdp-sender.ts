/**
 * Sends frames of an AF_XDP link many at a time, past the kernel's socket buffers.
 *
 * The transmit ring of AF_XDP in copy mode costs a socket buffer a frame, and on a veth device a turn of the other end's
 * interrupt handler a frame. An XDP program that is run on frames of the kernel's own (BPF_PROG_TEST_RUN with
 * BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18) needs neither: ours copies one of our frames into each and redirects it.
 * For that the frames lie in a BPF map, which is mapped here and registered with AF_XDP at once:
 *
 *   frames (map, mapped) ◄── AF_XDP receives into them, the stack writes them
 *   list   (map, mapped) ◄── add(): where, how long, to which device
 *   send(): one bpf(2) ──► program, once a listed frame ──► device ──► the other end's XDP program, 64 frames a turn
 *
 * A call has a price of its own, so a few frames are better sent by the ring. A device takes such frames only while it
 * says so (xdp-features.ts).
 */

import {
  attachToDevice,
  createDeviceMap,
  createMappableMap,
  type FrameSource,
  frameSource,
  loadProgram,
  setMapEntry,
  XDP_FLAGS_SKB_MODE,
} from './bpf.ts';
import { BpfAssembler } from './bpf-assembler.ts';
import { deviceIndex } from './device-settings.ts';
import { SystemCallError } from './libc.ts';
import { allocate, type Mapping, mapDescriptor } from './memory.ts';
import { closeDescriptor, openDatagramSocket } from './sockets.ts';
import { inNewNetworkNamespace } from './thread.ts';

const XDP_DROP = 1;
const helperRedirectMap = 51;
const helperAdjustTail = 65;
const helperStoreBytes = 190;

/** Frames that can be listed before they must be sent. */
const listEntries = 2048;
/** The list begins with how many of it the program has done. */
const entriesAt = 64;
const entryBytes = 8;
/** The same place, in words of 32 bits. */
const firstEntry = entriesAt >> 2;
/** What a veth device's interrupt handler takes in one turn; its queue holds 256. */
const batch = 64;
/** Of the kernel's own frames: any length between an Ethernet header and a page does. */
const startBytes = 64;
const ethernetBytes = 14;
/** A frame and what the kernel keeps beside it share a page. */
export const longestSentFrame = 3072;
const EINTR = 4;

/** Memory for the frames of a link. */
export interface FrameMemory {
  readonly mapping: Mapping;
  /** Descriptor of the BPF map that it is; −1: it is none. */
  readonly map: number;
  close(): void;
}

/** @param asMap if the kernel makes one so large. @throws {SystemCallError} */
export function frameMemory(lengthBytes: number, asMap: boolean): FrameMemory {
  const map = asMap ? mapOf(lengthBytes) : -1;
  const mapping = map < 0 ? allocate(lengthBytes) : mapDescriptor(map, lengthBytes, 0);
  return {
    mapping,
    map,
    close: () => {
      mapping.unmap();
      if (map >= 0) closeDescriptor(map);
    },
  };
}

function mapOf(lengthBytes: number): number {
  try {
    return createMappableMap(lengthBytes);
  } catch (error) {
    if (error instanceof SystemCallError) return -1;
    throw error;
  }
}

export interface XdpSenderOptions {
  readonly frames: FrameMemory;
  /** Of a frame, from the offset that is given to add(). */
  readonly frameRoom: number;
  /** Indices, in the calling thread's network namespace. */
  readonly devices: readonly number[];
}

export class XdpSender {
  readonly #list: Mapping;
  readonly #words: Int32Array;
  readonly #descriptors: readonly number[];
  readonly #source: FrameSource;
  /** Frames listed. */
  count = 0;

  /** @throws {SystemCallError} EPERM: needs CAP_SYS_ADMIN and CAP_BPF; EINVAL: the kernel is older than 5.18. */
  constructor({ frames, frameRoom, devices }: XdpSenderOptions) {
    const descriptors: number[] = [];
    const keep = (descriptor: number): number => {
      descriptors.push(descriptor);
      return descriptor;
    };
    this.#descriptors = descriptors;
    const listBytes = entriesAt + listEntries * entryBytes;
    try {
      const list = keep(createMappableMap(listBytes));
      const targets = keep(createDeviceMap(devices.length));
      for (const [key, index] of devices.entries()) setMapEntry(targets, key, index);
      const program = keep(
        loadProgram(
          'XDP',
          sendProgram({
            list,
            targets,
            frames: frames.map,
            bytes: frames.mapping.buffer.byteLength,
            frameRoom,
          }),
        ),
      );
      descriptors.push(...attachNowhere(program));
      this.#list = mapDescriptor(list, listBytes, 0);
      this.#words = new Int32Array(this.#list.buffer);
      // What can be refused is done: this takes a page of memory.
      this.#source = frameSource(program, startBytes, batch);
    } catch (error) {
      for (const descriptor of descriptors) closeDescriptor(descriptor);
      throw error;
    }
    // Nothing is listed: the frame is dropped, and the kernel has said whether it can.
    const errno = this.#source.run(1);
    if (errno === 0) return;
    this.close();
    throw new SystemCallError('Cannot send frames by an XDP program (wanted Linux 5.18 or newer)', errno);
  }

  get full(): boolean {
    return this.count === listEntries;
  }

  /** Lists a frame; not when it is full. @param device by its number in the options. */
  add(at: number, length: number, device: number): void {
    const entry = firstEntry + (this.count++ << 1);
    this.#words[entry] = at;
    this.#words[entry + 1] = length | (device << 16);
  }

  /** What add() was given of frame `index`; after clear() too, until frames are listed again. */
  atOf(index: number): number {
    return this.#words[firstEntry + (index << 1)];
  }

  lengthOf(index: number): number {
    return this.#words[firstEntry + (index << 1) + 1] & 0xffff;
  }

  deviceOf(index: number): number {
    return this.#words[firstEntry + (index << 1) + 1] >>> 16;
  }

  /**
   * Sends what is listed: the frames are free when it returns, for they were copied. The list stays until clear().
   * @returns how many of them the program was run for; fewer than `count` when the kernel refused the rest. What the device
   * then drops only its own counters know.
   */
  send(): number {
    const words = this.#words;
    words[0] = 0;
    for (;;) {
      const errno = this.#source.run(this.count - words[0]);
      // A signal ends a run between two batches.
      if (errno !== EINTR || words[0] === this.count) return Math.min(words[0], this.count);
    }
  }

  clear(): void {
    this.count = 0;
  }

  close(): void {
    this.#source.close();
    this.#list.unmap();
    for (const descriptor of this.#descriptors) closeDescriptor(descriptor);
  }
}

/**
 * The kernel calls a program directly, not through a pointer, once it is attached to a device; a program that is not gets
 * that for each run, and loses it again, by rewriting kernel code. So it is attached, where nothing ever comes by: to the
 * loopback device of a network namespace made for that. @returns descriptors to close, and with them it is gone.
 */
function attachNowhere(program: number): number[] {
  return inNewNetworkNamespace(() => {
    // A socket keeps the namespace.
    const keeper = openDatagramSocket();
    try {
      const lo = deviceIndex('lo');
      return [keeper, attachToDevice(program, { place: 'XDP', deviceIndex: lo, flags: XDP_FLAGS_SKB_MODE })];
    } catch (error) {
      closeDescriptor(keeper);
      throw error;
    }
  });
}

/** Exported for tests. @param frameRoom and every offset plus it lie within the `bytes` of the frames. */
export function sendProgram(of: {
  readonly list: number;
  readonly targets: number;
  readonly frames: number;
  readonly bytes: number;
  readonly frameRoom: number;
}): Uint8Array {
  const most = Math.min(of.frameRoom, longestSentFrame);
  return (
    new BpfAssembler()
      .register('move', 6, 1)
      // r7 = the next entry of the list, and on to the one after it
      .mapValue(7, of.list)
      .load(32, 1, 7, 0)
      .register('move', 2, 1)
      .immediate('add', 2, 1)
      .store(32, 7, 0, 2)
      .immediate('and', 1, listEntries - 1)
      .immediate('shiftLeft', 1, Math.log2(entryBytes))
      .register('add', 7, 1)
      // r8 = where the frame is, r9 = how long
      .load(32, 8, 7, entriesAt)
      .load(16, 9, 7, entriesAt + 4)
      .jumpIfAbove(8, of.bytes - most, 'drop')
      .jumpIfAbove(9, most, 'drop')
      .jumpIfLess(9, ethernetBytes, 'drop')
      .register('move', 1, 6)
      .register('move', 2, 9)
      .immediate('add', 2, -startBytes)
      .call(helperAdjustTail)
      .jumpIfNotEqual(0, 0, 'drop')
      .register('move', 1, 6)
      .immediate('move', 2, 0)
      .mapValue(3, of.frames)
      .register('add', 3, 8)
      .register('move', 4, 9)
      .call(helperStoreBytes)
      .jumpIfNotEqual(0, 0, 'drop')
      .mapReference(1, of.targets)
      .load(16, 2, 7, entriesAt + 6)
      .immediate('move', 3, XDP_DROP)
      .call(helperRedirectMap)
      .exit()
      .label('drop')
      .immediate('move', 0, XDP_DROP)
      .exit()
      .assemble()
  );
}
