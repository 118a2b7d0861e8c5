/**
 * A link of AF_PACKET sockets, one a device: it needs no driver's help and no XDP, and costs one more copy and one buffer
 * of the kernel's a frame. Frames are as large as the kernel has them: segments that were merged on the way in, or not yet
 * cut on the way out of a virtual device, come as one.
 *
 * The kernel sees these frames too. Who shares an address with it must keep its TCP quiet (kernel-shield.ts).
 */

import type { FrameBatch, KernelLink } from '../net/links/link.ts';
import { loadProgram } from './bpf.ts';
import { BpfAssembler } from './bpf-assembler.ts';
import { DescriptorWait } from './descriptor-wait.ts';
import { deviceIndex, mtuOf, sharedHardwareAddress } from './device-settings.ts';
import { type FrameMatch, matchSocketBuffer } from './frame-match.ts';
import { FramePool } from './frame-pool.ts';
import { type Mapping, reserve } from './memory.ts';
import { NeighbourTable } from './neighbour-table.ts';
import { PacketSocket, slots } from './packet-socket.ts';
import { closeDescriptor } from './sockets.ts';
import { SummedCounters } from './summed-counters.ts';

/** Holds what a merge may come to: 65,535 bytes of IP. Memory that no frame touches costs nothing. */
const stride = 131_072;
/** Frames for what is being read, written and sent. */
const ownFrames = 2048;

export interface AfPacketOptions {
  /** In the calling thread's network namespace. */
  readonly devices: readonly string[];
  /** Only these frames; null: all that come. */
  readonly match: (FrameMatch & { readonly tcp: object }) | null;
  /** How many threads of this process share the traffic, each with a link of its own. */
  readonly threads: number;
}

/** @throws {SystemCallError} EPERM: needs CAP_NET_RAW and CAP_NET_ADMIN, and CAP_BPF for a match. */
export function openAfPacket(options: AfPacketOptions): KernelLink {
  return new AfPacketLink(options);
}

class AfPacketLink implements KernelLink {
  readonly name: string;
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly frameRoom: number;
  readonly mtu: number;
  readonly hardwareAddress: Uint8Array;
  readonly counters: SummedCounters;

  readonly #frames: Mapping;
  readonly #pool: FramePool;
  readonly #sockets: readonly PacketSocket[];
  readonly #neighbours: NeighbourTable | null;
  readonly #wait: DescriptorWait;
  #turn = 0;
  #closed = false;

  constructor({ devices, match, threads }: AfPacketOptions) {
    this.name = `af_packet:${devices.join('+')}`;
    this.hardwareAddress = sharedHardwareAddress(devices);
    this.mtu = Math.min(...devices.map(mtuOf));
    this.#frames = reserve((ownFrames + 2 * slots * devices.length) * stride);
    this.#pool = new FramePool(this.#frames, { stride, headRoom: 0 });
    this.memory = this.#pool.memory;
    this.frameRoom = this.#pool.frameRoom;
    const sockets: PacketSocket[] = [];
    this.#sockets = sockets;
    const filter = match === null ? -1 : loadProgram('socket filter', filterProgram(match));
    try {
      for (const device of devices)
        sockets.push(
          new PacketSocket(this.#pool, {
            device,
            filter,
            group: threads === 1 ? -1 : groupOf(device),
            framesAddress: Number(this.#frames.address),
          }),
        );
    } catch (error) {
      for (const socket of sockets) socket.close();
      this.#frames.unmap();
      throw error;
    } finally {
      if (filter >= 0) closeDescriptor(filter);
    }
    this.#neighbours = devices.length > 1 ? new NeighbourTable() : null;
    this.#wait = new DescriptorWait(sockets.map(({ fd }) => fd));
    this.counters = new SummedCounters(sockets);
  }

  receive(batch: FrameBatch, _nowUs: number): number {
    const sockets = this.#sockets;
    const most = batch.at.length;
    let count = 0;
    for (let looked = 0; looked < sockets.length && count < most; looked++) {
      // One after the other has the first turn: a full device must not starve the others.
      const index = this.#turn;
      this.#turn = index + 1 === sockets.length ? 0 : index + 1;
      const end = sockets[index].receive(batch, count, most);
      if (this.#neighbours !== null)
        for (; count < end; count++) this.#neighbours.learn(this.memory, batch.at[count], index);
      count = end;
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
    const device = this.#neighbours === null ? 0 : Math.max(0, this.#neighbours.deviceFor(this.memory, at));
    this.#sockets[device].queue(at, length);
    this.counters.transmitted++;
  }

  flush(_nowUs: number): void {
    const sockets = this.#sockets;
    for (let index = 0; index < sockets.length; index++) sockets[index].send();
  }

  dueAtUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** @throws {Error} when a device is gone. */
  wait(mostUs: number): void {
    if (this.#wait.wait(mostUs) < 0)
      throw new Error(`Cannot go on with ${this.name}: a device of it is gone, or down`);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of this.#sockets) socket.close();
    this.#wait.close();
    this.#frames.unmap();
  }
}

/** Of the sockets of this process on one device; other processes have other numbers. */
function groupOf(device: string): number {
  return (process.pid * 31 + deviceIndex(device)) & 0xffff;
}

function filterProgram(match: FrameMatch & { readonly tcp: object }): Uint8Array {
  const program = new BpfAssembler();
  matchSocketBuffer(program, match, 'other');
  return program.immediate32('move', 0, -1).exit().label('other').immediate('move', 0, 0).exit().assemble();
}
