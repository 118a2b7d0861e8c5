/**
 * One AF_PACKET socket on one device: whole frames from recvmmsg(2) straight into the link's memory, and back by
 * sendmmsg(2), many a call. It sees what comes in before the kernel's own protocols do, and nothing that goes out.
 *
 * A ring in mapped memory (PACKET_RX_RING) would save the call that finds nothing, and cost a second copy and fixed room
 * for the largest frame in each place; packet(7).
 */

import type { FrameBatch } from '../net/links/link.ts';
import { deviceIndex } from './device-settings.ts';
import type { FramePool } from './frame-pool.ts';
import { lastErrno, libc, SystemCallError } from './libc.ts';
import { allocate, type Mapping } from './memory.ts';
import {
  bindBytes,
  closeDescriptor,
  getOptionBytes,
  openFrameSocket,
  SOL_SOCKET,
  setOption,
} from './sockets.ts';
import { finishChecksum } from './unfinished-checksum.ts';

const recvmmsg = libc.func('recvmmsg', 'int', ['int', 'uintptr_t', 'unsigned int', 'int', 'uintptr_t']);
const sendmmsg = libc.func('sendmmsg', 'int', ['int', 'uintptr_t', 'unsigned int', 'int']);

const AF_PACKET = 17;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const PACKET_AUXDATA = 8;
const PACKET_FANOUT = 18;
const PACKET_QDISC_BYPASS = 20;
const PACKET_IGNORE_OUTGOING = 23;
const PACKET_FANOUT_HASH = 0;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_ATTACH_BPF = 50;
const ETH_P_ALL = 3;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const TP_STATUS_CSUMNOTREADY = 1 << 3;
const TP_STATUS_VLAN_VALID = 1 << 4;
const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;

/** Frames of one call, either way. */
export const slots = 64;
const bufferBytes = 32 << 20;

/** struct mmsghdr, struct iovec and room for a struct tpacket_auxdata with its header. */
const messageBytes = 64;
const vectorBytes = 16;
const controlBytes = 40;
const controlLengthAt = 40;
const flagsAt = 48;
const lengthAt = 56;
/** Of the status in the control data: after struct cmsghdr. */
const statusAt = 16;

/** One direction's messages, in mapped memory. */
class Messages {
  readonly mapping: Mapping;
  readonly address: number;
  readonly words: Int32Array;
  /** Frame of each slot; -1: none. */
  readonly frames = new Int32Array(slots).fill(-1);
  readonly #vectorsAt = slots * messageBytes;
  readonly #controlsAt = slots * (messageBytes + vectorBytes);
  readonly #framesAddress: number;

  constructor(framesAddress: number) {
    this.#framesAddress = framesAddress;
    this.mapping = allocate(slots * (messageBytes + vectorBytes + controlBytes));
    this.address = Number(this.mapping.address);
    this.words = new Int32Array(this.mapping.buffer);
    for (let slot = 0; slot < slots; slot++) {
      this.#point(slot * messageBytes + 16, this.address + this.#vectorsAt + slot * vectorBytes);
      this.words[(slot * messageBytes + 24) >>> 2] = 1;
    }
  }

  /** Slot `slot` is the frame at `at`, of `length` bytes. */
  set(slot: number, at: number, length: number): void {
    this.frames[slot] = at;
    const vector = this.#vectorsAt + slot * vectorBytes;
    this.#point(vector, this.#framesAddress + at);
    this.words[(vector + 8) >>> 2] = length;
  }

  /** The kernel writes what it knows of a received frame after this, and shortens the room. */
  takeControl(slot: number): void {
    this.#point(slot * messageBytes + 32, this.address + this.#controlsAt + slot * controlBytes);
    this.words[(slot * messageBytes + controlLengthAt) >>> 2] = controlBytes;
  }

  length(slot: number): number {
    return this.words[(slot * messageBytes + lengthAt) >>> 2];
  }

  flags(slot: number): number {
    return this.words[(slot * messageBytes + flagsAt) >>> 2];
  }

  /** TP_STATUS_… of a received frame. */
  status(slot: number): number {
    return this.words[(this.#controlsAt + slot * controlBytes + statusAt) >>> 2];
  }

  /** A pointer: two words. */
  #point(at: number, to: number): void {
    this.words[at >>> 2] = to | 0;
    this.words[(at >>> 2) + 1] = Math.floor(to / 2 ** 32);
  }
}

export interface PacketSocketOptions {
  readonly device: string;
  /** A socket filter program that says which frames are wanted; -1: all. It may be closed afterwards. */
  readonly filter: number;
  /** Sockets with the same number share the device's connections between them; -1: this one gets all. */
  readonly group: number;
  readonly framesAddress: number;
}

export class PacketSocket {
  readonly fd: number;
  readonly #device: string;
  readonly #pool: FramePool;
  readonly #view: DataView;
  readonly #incoming: Messages;
  readonly #outgoing: Messages;
  readonly #statistics = new Uint32Array(2);
  /** Slots that have a frame to be filled, from the first on. */
  #ready = 0;
  #queued = 0;
  #dropped = 0;

  /** @throws {SystemCallError} EPERM: needs CAP_NET_RAW, and CAP_NET_ADMIN for its buffers. */
  constructor(pool: FramePool, options: PacketSocketOptions) {
    this.#device = options.device;
    this.#pool = pool;
    this.#view = new DataView(pool.memory.buffer);
    // No protocol yet: nothing comes before the filter is there.
    this.fd = openFrameSocket('AF_PACKET', AF_PACKET, 0);
    try {
      setOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes);
      setOption(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, bufferBytes);
      setOption(this.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
      setOption(this.fd, SOL_PACKET, PACKET_AUXDATA, 1);
      setOption(this.fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
      if (options.filter >= 0) setOption(this.fd, SOL_SOCKET, SO_ATTACH_BPF, options.filter);
      const index = deviceIndex(options.device);
      bindBytes(`Cannot bind an AF_PACKET socket to "${options.device}"`, this.fd, linkAddress(index));
      if (options.group >= 0)
        setOption(this.fd, SOL_PACKET, PACKET_FANOUT, options.group | (PACKET_FANOUT_HASH << 16));
    } catch (error) {
      closeDescriptor(this.fd);
      throw error;
    }
    this.#incoming = new Messages(options.framesAddress);
    this.#outgoing = new Messages(options.framesAddress);
    this.#prepare();
  }

  /** Fills `batch` from `from` on, up to `most`; one call. @returns where it ended. @throws {SystemCallError} ENETDOWN */
  receive(batch: FrameBatch, from: number, most: number): number {
    const ready = Math.min(this.#ready, most - from);
    if (ready === 0) {
      this.#prepare();
      return from;
    }
    const messages = this.#incoming;
    const count = recvmmsg(this.fd, messages.address, ready, MSG_DONTWAIT, 0);
    if (count < 0) {
      const errno = lastErrno();
      if (errno === EAGAIN || errno === EINTR) return from;
      throw this.#gone('receive', errno);
    }
    let end = from;
    for (let slot = 0; slot < count; slot++) {
      const at = messages.frames[slot];
      const length = messages.length(slot);
      const status = messages.status(slot);
      // The kernel has taken the tag off: the frame is of another network. It stays in its slot to be written over.
      if ((status & TP_STATUS_VLAN_VALID) !== 0) continue;
      if ((messages.flags(slot) & MSG_TRUNC) !== 0) {
        this.#dropped++;
        continue;
      }
      if ((status & TP_STATUS_CSUMNOTREADY) !== 0) finishChecksum(this.#view, at, length);
      messages.frames[slot] = -1;
      batch.at[end] = at;
      batch.length[end++] = length;
    }
    this.#prepare();
    return end;
  }

  /** Gives every slot a frame to be filled, as far as there are any. */
  #prepare(): void {
    const messages = this.#incoming;
    this.#ready = slots;
    for (let slot = 0; slot < slots; slot++) {
      if (messages.frames[slot] < 0) {
        const at = this.#pool.take();
        if (at < 0) {
          this.#ready = slot;
          return;
        }
        messages.set(slot, at, this.#pool.frameRoom);
      }
      messages.takeControl(slot);
    }
  }

  /** Queues a frame; sends the queued ones when there is no room. */
  queue(at: number, length: number): void {
    if (this.#queued === slots) this.send();
    this.#outgoing.set(this.#queued++, at, length);
  }

  /** Sends what is queued. What the device does not take is dropped. @throws {SystemCallError} ENETDOWN, ENXIO */
  send(): void {
    const messages = this.#outgoing;
    let sent = 0;
    while (sent < this.#queued) {
      const count = sendmmsg(
        this.fd,
        messages.address + sent * messageBytes,
        this.#queued - sent,
        MSG_DONTWAIT,
      );
      if (count > 0) {
        sent += count;
        continue;
      }
      const errno = lastErrno();
      if (errno === EINTR) continue;
      if (errno !== EAGAIN && errno !== ENOBUFS) {
        this.#releaseQueued();
        throw this.#gone('send', errno);
      }
      this.#dropped++;
      sent++;
    }
    this.#releaseQueued();
  }

  #gone(doing: 'send' | 'receive', errno: number): SystemCallError {
    return new SystemCallError(
      `Cannot ${doing} on "${this.#device}" (a device that is gone, or down)`,
      errno,
    );
  }

  #releaseQueued(): void {
    for (let slot = 0; slot < this.#queued; slot++) this.#pool.release(this.#outgoing.frames[slot]);
    this.#queued = 0;
  }

  /** Frames dropped here, either way; asks the kernel for its own. */
  get dropped(): number {
    // struct tpacket_stats: frames, drops; reading sets both to 0.
    getOptionBytes(this.fd, SOL_PACKET, PACKET_STATISTICS, this.#statistics);
    this.#dropped += this.#statistics[1];
    return this.#dropped;
  }

  close(): void {
    closeDescriptor(this.fd);
    this.#incoming.mapping.unmap();
    this.#outgoing.mapping.unmap();
  }
}

/** struct sockaddr_ll: every protocol, for only so a socket sees frames before the kernel's shield does. */
function linkAddress(index: number): Uint8Array {
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL);
  view.setInt32(4, index, true);
  return address;
}
