/**
 * A link of AF_XDP sockets: one a queue, on one device or several, all on one piece of memory with one pool of frames, all
 * of one thread (XDP_SHARED_UMEM). An XDP program must bring the frames (xdp-redirect.ts).
 *
 * Both ends of a connection find its queue by one rule, so that all of its frames meet one thread at each end:
 *
 *   queue = client's port modulo the device's queues
 *
 * What is sent goes by the sockets' transmit rings or, where device and rights allow, many frames at a time past them
 * (xdp-sender.ts).
 *
 * A packet sent on queue q of a veth device arrives on queue q of the other end: who makes connections by this link
 * chooses the queue by his own port, and who answers by his peer's. A kernel at the other end takes a queue of its own
 * for a connection (and keeps it, with net.core.txrehash=0), and does not mind on which it is answered: what is not this
 * thread's to use becomes one that is.
 */

import type { FrameBatch, KernelLink } from '../net/links/link.ts';
import { setMapEntry } from './bpf.ts';
import { DescriptorWait } from './descriptor-wait.ts';
import { deviceIndex, mtuOf, sharedHardwareAddress } from './device-settings.ts';
import { FramePool, type HeadRoom, spreadStrideFor } from './frame-pool.ts';
import { NeighbourTable } from './neighbour-table.ts';
import { SummedCounters } from './summed-counters.ts';
import { TransmitDrops } from './transmit-drops.ts';
import { XdpFeatures } from './xdp-features.ts';
import { type FrameMemory, frameMemory, longestSentFrame, XdpSender } from './xdp-sender.ts';
import { ringEntries, XdpSocket } from './xdp-socket.ts';

const headRoom: HeadRoom = 256;
const ethernetBytes = 14;
/** The kernel wants every frame within one page. */
const mostStride = 4096;
/** Frames that lie ready for what comes, all queues together: many queues have fewer each. */
const mostReady = 16_384;
const leastReady = 256;
/** Nothing says when the kernel will take what it had no room for. */
const retryUs = 1_000;
/** How long a device may be gone before a sleeping thread is told. */
const sliceUs = 250_000;
/** Frames for what is being read, written and sent. */
const ownFrames = 8192;
/** Fewer frames are cheaper by the ring. */
const leastTogether = 16;
/** Devices are asked now and then whether they take frames sent together: that begins and ends with the other end's program. */
const flushesBetweenLooks = 500;
/** A sleep counts for so many flushes: a link with little to do sleeps up to 20 ms at a time. */
const flushesPerSleep = 10;

export interface AfXdpDevice {
  readonly name: string;
  /** How many it has, all threads' together. */
  readonly queues: number;
  /** Those of this thread: of one device at least there must be one. */
  readonly own: readonly number[];
  /** Where the XDP program of the device finds our sockets. */
  readonly map: number;
}

export interface AfXdpOptions {
  /** In the calling thread's network namespace. */
  readonly devices: readonly AfXdpDevice[];
  /** Whose port is the client's: ours or our peer's. */
  readonly role: 'server' | 'client';
}

/** @throws {SystemCallError} EPERM, EBUSY. Throws too when the devices cannot share a link: MTU, hardware addresses. */
export function openAfXdp(options: AfXdpOptions): KernelLink {
  return new AfXdpLink(options);
}

class AfXdpLink implements KernelLink {
  readonly name: string;
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly frameRoom: number;
  readonly mtu: number;
  readonly hardwareAddress: Uint8Array;
  readonly counters: SummedCounters;
  readonly togetherRefused: string | null;

  readonly #pool: FramePool;
  readonly #frames: FrameMemory;
  readonly #together: Together | null;
  readonly #sockets: readonly XdpSocket[];
  /** Device of each socket, by its index in the options. */
  readonly #deviceOf: readonly number[];
  /** By device, by queue: the socket to send on. */
  readonly #socketFor: readonly Int32Array[];
  readonly #neighbours: NeighbourTable | null;
  readonly #wait: DescriptorWait;
  readonly #portAt: number;
  #turn = 0;
  /** Frames are listed to be sent together, not queued one by one. */
  #gathers = false;
  #taken = false;
  #untilLook = 0;
  #closed = false;

  constructor({ devices: all, role }: AfXdpOptions) {
    const devices = all.filter(({ own }) => own.length > 0);
    if (devices.length === 0)
      throw new Error(
        `Cannot use AF_XDP on ${all.map(({ name }) => name).join(', ')}: no queue is left for this thread; wanted as ` +
          'many queues as threads',
      );
    const names = devices.map(({ name }) => name);
    this.name = `af_xdp:${names.join('+')}`;
    const { hardwareAddress, mtu, stride } = afXdpFrames(names);
    this.hardwareAddress = hardwareAddress;
    this.mtu = mtu;
    const count = devices.reduce((sum, { own }) => sum + own.length, 0);
    const ready = Math.max(leastReady, Math.min(ringEntries, Math.floor(mostReady / count)));
    const against = againstTogether(devices, mtu);
    this.#frames = frameMemory((count * ready + ownFrames) * stride, against === null);
    this.#pool = new FramePool(this.#frames.mapping, { stride, headRoom });
    this.memory = this.#pool.memory;
    this.frameRoom = this.#pool.frameRoom;
    const sockets: XdpSocket[] = [];
    this.#sockets = sockets;
    try {
      for (const { name, own, map } of devices) {
        for (const queue of own) {
          const socket = new XdpSocket(
            this.#pool,
            {
              device: name,
              deviceIndex: deviceIndex(name),
              queue,
              sharedWith: sockets[0]?.fd ?? -1,
              framesAddress: this.#frames.mapping.address,
            },
            ready,
          );
          sockets.push(socket);
          setMapEntry(map, queue, socket.fd);
        }
      }
    } catch (error) {
      for (const socket of sockets) socket.close();
      this.#frames.close();
      throw error;
    }
    const together = against ?? openTogether(devices, sockets, this.#frames, this.#pool.frameRoom);
    this.#together = typeof together === 'string' ? null : together;
    this.togetherRefused = typeof together === 'string' ? together : null;
    this.#deviceOf = devices.flatMap(({ own }, device) => own.map(() => device));
    this.#socketFor = socketsByQueue(devices);
    this.#neighbours = devices.length > 1 ? new NeighbourTable() : null;
    this.#wait = new DescriptorWait(sockets.map(({ fd }) => fd));
    this.#portAt = role === 'client' ? 0 : 2;
    this.counters = new SummedCounters(this.#together === null ? sockets : [...sockets, this.#together]);
  }

  // Like flush(), so small that it is compiled into its caller, which then need not allocate the double that is a time.
  receive(batch: FrameBatch, _nowUs: number): number {
    return this.#receive(batch);
  }

  #receive(batch: FrameBatch): number {
    const sockets = this.#sockets;
    const most = batch.at.length;
    let count = 0;
    for (let looked = 0; looked < sockets.length && count < most; looked++) {
      // One after the other has the first turn: a full queue must not starve the others.
      const index = this.#turn;
      this.#turn = index + 1 === sockets.length ? 0 : index + 1;
      const socket = sockets[index];
      socket.reap();
      const end = socket.receive(batch, count, most);
      if (this.#neighbours !== null)
        for (; count < end; count++)
          this.#neighbours.learn(this.memory, batch.at[count], this.#deviceOf[index]);
      count = end;
    }
    this.counters.received += count;
    return count;
  }

  release(at: number): void {
    this.#pool.release(at);
  }

  allocate(): number {
    const at = this.#pool.take();
    if (at >= 0) return at;
    for (const socket of this.#sockets) socket.reap();
    return this.#pool.take();
  }

  transmit(at: number, length: number): void {
    const index = this.#sockets.length === 1 ? 0 : this.#socketOf(at);
    if (!this.#gathers || this.#together === null) {
      this.#queue(index, at, length);
      return;
    }
    const { sender } = this.#together;
    if (sender.full) this.#sendTogether(sender);
    // With one queue a device, sockets are devices.
    sender.add(at, length, index);
  }

  flush(_nowUs: number): void {
    this.#flush();
  }

  #flush(): void {
    const sockets = this.#sockets;
    const together = this.#together;
    if (together !== null) {
      const { sender } = together;
      if (sender.count >= leastTogether) this.#sendTogether(sender);
      else this.#queueListed(sender, 0);
    }
    for (let index = 0; index < sockets.length; index++) {
      const socket = sockets[index];
      if (socket.unsent !== 0) socket.send();
      socket.reap();
      socket.refill();
    }
    if (together === null) return;
    if (--this.#untilLook < 0) this.#look(together);
    // What waits in a ring goes first: frames of one flow must not overtake each other.
    this.#gathers = this.#taken && !this.#hasUnsent();
  }

  #look(together: Together): void {
    this.#untilLook = flushesBetweenLooks;
    this.#taken = together.features.takeFrames();
  }

  #sendTogether(sender: XdpSender): void {
    const sent = sender.send();
    for (let index = 0; index < sent; index++) this.#pool.release(sender.atOf(index));
    this.counters.transmitted += sent;
    this.counters.sentTogether += sent;
    // Refused for want of the kernel's memory, if at all; what comes after them must not overtake them.
    if (sent < sender.count) this.#gathers = false;
    this.#queueListed(sender, sent);
  }

  #queueListed(sender: XdpSender, from: number): void {
    const { count } = sender;
    sender.clear();
    for (let index = from; index < count; index++)
      this.#queue(sender.deviceOf(index), sender.atOf(index), sender.lengthOf(index));
  }

  #queue(index: number, at: number, length: number): void {
    const socket = this.#sockets[index];
    if (!socket.queue(at, length)) {
      socket.send();
      if (!socket.queue(at, length)) {
        this.#pool.release(at);
        this.counters.refused++;
        return;
      }
    }
    this.counters.transmitted++;
  }

  dueAtUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** @throws {SystemCallError} ENXIO, ENETDOWN: a device is gone, or down. */
  wait(mostUs: number): void {
    this.#untilLook -= flushesPerSleep;
    for (let leftUs = mostUs; ; leftUs -= sliceUs) {
      const slice = Math.min(leftUs, this.#hasUnsent() ? retryUs : sliceUs);
      if (this.#wait.wait(slice) !== 0 || mostUs === 0) return;
      // poll(2) says nothing of a device that is gone; sending does.
      for (let index = 0; index < this.#sockets.length; index++) this.#sockets[index].send();
      if (slice < sliceUs) return;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of this.#sockets) socket.close();
    this.#wait.close();
    this.#together?.close();
    this.#frames.close();
  }

  #hasUnsent(): boolean {
    for (let index = 0; index < this.#sockets.length; index++)
      if (this.#sockets[index].unsent !== 0) return true;
    return false;
  }

  /** Which socket a frame goes out by. */
  #socketOf(at: number): number {
    const memory = this.memory;
    const device = this.#neighbours === null ? 0 : Math.max(0, this.#neighbours.deviceFor(memory, at));
    const sockets = this.#socketFor[device];
    // IPv4 and TCP; an ARP answer may go by any queue.
    if (memory[at + 12] !== 8 || memory[at + 13] !== 0 || memory[at + 23] !== 6) return sockets[0];
    const port = at + ethernetBytes + ((memory[at + ethernetBytes] & 0xf) << 2) + this.#portAt;
    return sockets[((memory[port] << 8) | memory[port + 1]) % sockets.length];
  }
}

/** Sending frames of one thread together: how, and whether the devices take them. */
interface Together {
  readonly sender: XdpSender;
  readonly features: XdpFeatures;
  /** Frames that the devices dropped, those not counted that a socket has counted. */
  readonly dropped: number;
  close(): void;
}

/** @returns why a link of these devices cannot send frames together; null: it may be that it can. */
function againstTogether(devices: readonly AfXdpDevice[], mtu: number): string | null {
  const wide = devices.find(({ queues }) => queues > 1);
  // The kernel sends such frames on the queue of the core that it is on, not on one that the sender chooses.
  if (wide !== undefined) return `"${wide.name}" has ${wide.queues} queues; wanted 1`;
  if (mtu + ethernetBytes <= longestSentFrame) return null;
  return `an MTU of ${mtu}; wanted at most ${longestSentFrame - ethernetBytes}`;
}

/** @returns why not, when this kernel or process cannot. */
function openTogether(
  devices: readonly AfXdpDevice[],
  sockets: readonly XdpSocket[],
  frames: FrameMemory,
  frameRoom: number,
): Together | string {
  if (frames.map < 0) return 'the kernel makes no BPF map that holds all frames';
  const open: { close(): void }[] = [];
  const close = (): void => {
    for (const part of open) part.close();
  };
  try {
    const indices = devices.map(({ name }) => deviceIndex(name));
    const features = new XdpFeatures(indices);
    open.push(features);
    const drops = new TransmitDrops(indices);
    open.push(drops);
    const sender = new XdpSender({ frames, frameRoom, devices: indices });
    open.push(sender);
    return {
      sender,
      features,
      get dropped() {
        return Math.max(0, drops.dropped - sockets.reduce((sum, { lost }) => sum + lost, 0));
      },
      close,
    };
  } catch (error) {
    close();
    return error instanceof Error ? error.message : String(error);
  }
}

/** Of every queue of every device; a queue that is another thread's stands for one that is ours. */
function socketsByQueue(devices: readonly AfXdpDevice[]): Int32Array[] {
  let first = 0;
  return devices.map(({ queues, own }) => {
    const base = first;
    first += own.length;
    return Int32Array.from({ length: queues }, (_, queue) => {
      const place = own.indexOf(queue);
      return base + (place >= 0 ? place : queue % own.length);
    });
  });
}

/**
 * The frames that devices need, as one link. @throws when AF_XDP has no such frames, or the devices have not one hardware
 * address.
 */
export function afXdpFrames(devices: readonly string[]) {
  const hardwareAddress = sharedHardwareAddress(devices);
  const mtus = devices.map(mtuOf);
  const stride = spreadStrideFor(Math.max(...mtus), headRoom, mostStride);
  if (stride === 0) {
    const wide = devices.find((_, index) => mtus[index] === Math.max(...mtus));
    throw new Error(
      `Cannot use AF_XDP on "${wide}": its MTU is ${Math.max(...mtus)}; wanted at most ` +
        `${mostStride - headRoom - ethernetBytes}, for a frame must fit in one page. "ip link set ${wide} mtu 1500", and ` +
        'the same on the other end',
    );
  }
  return { hardwareAddress, mtu: Math.min(...mtus), stride };
}
