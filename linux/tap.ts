/**
 * A link on a TAP device: a network card whose cable ends in this process. The kernel is the other machine on it: it has
 * its own addresses on the device, and reaches ours through it. One system call a frame, either way; for tests and for
 * machines that allow nothing better.
 */

import type { FrameBatch, KernelLink, LinkCounters } from '../net/links/link.ts';
import { DescriptorWait } from './descriptor-wait.ts';
import { bringUp, hardwareAddressOf, mtuOf } from './device-settings.ts';
import { FramePool, strideFor } from './frame-pool.ts';
import { checked, lastErrno, libc, SystemCallError } from './libc.ts';
import { type Mapping, reserve } from './memory.ts';
import { closeDescriptor } from './sockets.ts';

const open = libc.func('open', 'int', ['str', 'int']);
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
const read = libc.func('read', 'long', ['int', 'uintptr_t', 'size_t']);
const write = libc.func('write', 'long', ['int', 'uintptr_t', 'size_t']);

const cloneDevice = '/dev/net/tun';
const TUNSETIFF = 0x4004_54ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const nameBytes = 16;
const O_RDWR_NONBLOCK_CLOEXEC = 0o2 | 0o4000 | 0o2_000_000;
const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;

const mostStride = 131_072;
const frames = 4096;

/**
 * Opens the TAP device of this name, or makes it: one that was made goes when the link is closed.
 * @throws {SystemCallError} EPERM: needs CAP_NET_ADMIN; EBUSY: another process has it; ENOENT: no /dev/net/tun.
 */
export function openTap(device: string): KernelLink {
  return new TapLink(device);
}

class TapLink implements KernelLink {
  readonly name: string;
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly frameRoom: number;
  readonly mtu: number;
  readonly hardwareAddress: Uint8Array;
  readonly counters: LinkCounters = { received: 0, transmitted: 0, overflows: 0 };

  readonly #fd: number;
  readonly #frames: Mapping;
  readonly #address: number;
  readonly #pool: FramePool;
  readonly #wait: DescriptorWait;
  readonly #queuedAt = new Int32Array(frames);
  readonly #queuedLength = new Int32Array(frames);
  #queued = 0;
  #closed = false;

  constructor(device: string) {
    this.name = `tap:${device}`;
    this.#fd = openDevice(device);
    try {
      bringUp(device);
      this.mtu = mtuOf(device);
      // The kernel's end has the device's own address; ours is the other card on the cable.
      this.hardwareAddress = hardwareAddressOf(device);
      this.hardwareAddress[0] = ((this.hardwareAddress[0] as number) & 0xfe) | 2;
      this.hardwareAddress[5] = (this.hardwareAddress[5] as number) ^ 1;
      const stride = strideFor(this.mtu, 0, mostStride);
      this.#frames = reserve(frames * stride);
      this.#pool = new FramePool(this.#frames, { stride, headRoom: 0 });
    } catch (error) {
      closeDescriptor(this.#fd);
      throw error;
    }
    this.#address = Number(this.#frames.address);
    this.memory = this.#pool.memory;
    this.frameRoom = this.#pool.frameRoom;
    this.#wait = new DescriptorWait([this.#fd]);
  }

  receive(batch: FrameBatch, _nowUs: number): number {
    const most = batch.at.length;
    let count = 0;
    while (count < most) {
      const at = this.#pool.take();
      if (at < 0) break;
      const length = read(this.#fd, this.#address + at, this.frameRoom);
      if (length < 0) {
        this.#pool.release(at);
        const errno = lastErrno();
        if (errno === EAGAIN || errno === EINTR) break;
        throw new SystemCallError(`Cannot receive by ${this.name} (a device that is gone, or down)`, errno);
      }
      batch.at[count] = at;
      batch.length[count++] = length;
    }
    this.counters.received += count;
    return count;
  }

  release(at: number): void {
    this.#pool.release(at);
  }

  allocate(): number {
    return this.#pool.take();
  }

  transmit(at: number, length: number): void {
    this.#queuedAt[this.#queued] = at;
    this.#queuedLength[this.#queued++] = length;
  }

  flush(_nowUs: number): void {
    for (let index = 0; index < this.#queued; index++) {
      const at = this.#queuedAt[index];
      const written = write(this.#fd, this.#address + at, this.#queuedLength[index]);
      const errno = written < 0 ? lastErrno() : 0;
      this.#pool.release(at);
      if (errno === 0) this.counters.transmitted++;
      else if (errno === EAGAIN || errno === ENOBUFS || errno === EINTR) this.counters.overflows++;
      else throw new SystemCallError(`Cannot send by ${this.name} (a device that is gone, or down)`, errno);
    }
    this.#queued = 0;
  }

  dueAtUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** @throws {Error} when the device is gone. */
  wait(mostUs: number): void {
    if (this.#wait.wait(mostUs) < 0)
      throw new Error(`Cannot go on with ${this.name}: the device is gone, or down`);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeDescriptor(this.#fd);
    this.#wait.close();
    this.#frames.unmap();
  }
}

function openDevice(device: string): number {
  const name = new TextEncoder().encode(device);
  if (name.byteLength >= nameBytes)
    throw new Error(`Cannot open the TAP device "${device}": its name is longer than ${nameBytes - 1} bytes`);
  const fd = checked(`Cannot open ${cloneDevice}`, open(cloneDevice, O_RDWR_NONBLOCK_CLOEXEC));
  // struct ifreq
  const request = new Uint8Array(40);
  request.set(name);
  new DataView(request.buffer).setUint16(nameBytes, IFF_TAP | IFF_NO_PI, true);
  const returned = ioctl(fd, TUNSETIFF, request);
  if (returned >= 0) return fd;
  const errno = lastErrno();
  closeDescriptor(fd);
  throw new SystemCallError(`Cannot open the TAP device "${device}"`, errno);
}
