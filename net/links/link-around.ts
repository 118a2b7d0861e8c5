/** What links round other links share: everything goes through, until a subclass says otherwise. */

import type { FrameBatch, KernelLink, Link, LinkCounters } from './link.ts';

export class LinkAround implements Link {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly frameRoom: number;
  readonly mtu: number;
  readonly hardwareAddress: Uint8Array;
  readonly leavesOutChecksums: boolean;
  readonly counters: LinkCounters;
  protected readonly inner: Link;

  constructor(inner: Link) {
    this.memory = inner.memory;
    this.frameRoom = inner.frameRoom;
    this.mtu = inner.mtu;
    this.hardwareAddress = inner.hardwareAddress;
    this.leavesOutChecksums = inner.leavesOutChecksums === true;
    this.counters = inner.counters;
    this.inner = inner;
  }

  receive(batch: FrameBatch, nowUs: number): number {
    return this.inner.receive(batch, nowUs);
  }

  release(at: number): void {
    this.inner.release(at);
  }

  allocate(): number {
    return this.inner.allocate();
  }

  transmit(at: number, length: number): void {
    this.inner.transmit(at, length);
  }

  flush(nowUs: number): void {
    this.inner.flush(nowUs);
  }

  dueAtUs(): number {
    return this.inner.dueAtUs();
  }

  close(): void {
    this.inner.close();
  }
}

/**
 * A link round a kernel's link, as a kernel's link: it sleeps on the inner one, and not longer than until the next frame
 * that a wrapper holds back is due.
 */
export function kernelLinkAround(kernel: KernelLink, wrap: (inner: Link) => Link): KernelLink {
  return new KernelLinkAround(wrap(kernel), kernel);
}

class KernelLinkAround extends LinkAround implements KernelLink {
  readonly name: string;
  readonly #kernel: KernelLink;
  /** The last that was told: there is no clock here. */
  #nowUs = 0;

  constructor(outer: Link, kernel: KernelLink) {
    super(outer);
    this.name = kernel.name;
    this.#kernel = kernel;
  }

  override receive(batch: FrameBatch, nowUs: number): number {
    this.#nowUs = nowUs;
    return this.inner.receive(batch, nowUs);
  }

  override flush(nowUs: number): void {
    this.#nowUs = nowUs;
    this.inner.flush(nowUs);
  }

  wait(mostUs: number): void {
    const untilDueUs = Math.ceil(Math.max(0, this.inner.dueAtUs() - this.#nowUs));
    this.#kernel.wait(Math.min(mostUs, untilDueUs));
  }
}
