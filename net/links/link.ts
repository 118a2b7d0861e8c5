/**
 * The shape of a link: where a stack takes Ethernet frames from and gives them to. All frames of a link live in one
 * memory and are named by the offset of their first byte; nothing is copied and nothing is allocated to pass one on.
 *
 *   receive ──► stack owns the frames ──► release, or rewrite one and transmit it
 *   allocate ─► stack owns a frame ─────► transmit (queued) … flush (all queued ones at once)
 *
 * A link belongs to one thread. It reads no clock: time is an argument, in microseconds.
 */

export interface Link {
  /** Of every frame: offsets of `receive` and `allocate` are into this. */
  readonly memory: Uint8Array<ArrayBuffer>;
  /** Bytes that may be written from a frame's offset on. */
  readonly frameRoom: number;
  /** Bytes of the longest IP packet (Ethernet's 14 not counted). */
  readonly mtu: number;
  /** Of this end, 6 bytes. */
  readonly hardwareAddress: Uint8Array;
  /**
   * Both ends agree that nothing changes a frame on the way: IP and TCP checksums are sent as 0 and not looked at, as Linux
   * does on its loopback device. Absent: they are made and checked.
   */
  readonly leavesOutChecksums?: boolean;
  readonly counters: LinkCounters;

  /** Fills `batch` with frames that came, in order, from its start. @returns how many; 0: none is there. */
  receive(batch: FrameBatch, nowUs: number): number;
  /** Gives back a frame that was received or allocated, and not transmitted. */
  release(at: number): void;
  /** @returns offset of a frame to write; -1: all are in use. */
  allocate(): number;
  /** Queues a frame, received or allocated; it is the link's again. A full link drops it, and counts that. */
  transmit(at: number, length: number): void;
  /** Hands over what was queued: at most one system call. */
  flush(nowUs: number): void;
  /** When a frame that the link holds back will be there; Infinity: it holds none. */
  dueAtUs(): number;
  close(): void;
}

/** A link of the kernel's: a thread with nothing to do can sleep on it. */
export interface KernelLink extends Link {
  /** What it is and on what, as a record says it: `af_xdp:load0`. */
  readonly name: string;
  /** Why frames never go many at a time here; null: they do, while their devices take them. Absent: there is one way. */
  readonly togetherRefused?: string | null;
  /** Blocks until a frame is there or `mostUs` have passed: whole microseconds, finite, 0 does not block. One system call. */
  wait(mostUs: number): void;
}

/** Frames of one receive call. One object a stack, used again and again. */
export interface FrameBatch {
  readonly at: Int32Array;
  readonly length: Int32Array;
}

export interface LinkCounters {
  received: number;
  transmitted: number;
  /** Of those, frames that went many at a time, by a shorter way than the others; absent or 0: none did. */
  readonly sentTogether?: number;
  /** Frames dropped because the way out was full or no frame was free. */
  overflows: number;
}

export function frameBatch(most: number): FrameBatch {
  return { at: new Int32Array(most), length: new Int32Array(most) };
}
