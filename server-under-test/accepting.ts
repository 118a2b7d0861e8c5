/**
 * Accepting, for one thread: takes connections from its listeners, notes what can be known of each at that moment, and
 * survives running out of descriptors. What it notes costs one more call for every eighth connection at most, and none
 * allocates.
 */

import { HandshakeStamps } from '../linux/bpf-handshake-stamps.ts';
import { lastErrno, SystemCallError } from '../linux/libc.ts';
import { allocate } from '../linux/memory.ts';
import {
  accept4,
  closeDescriptor,
  getOption,
  SO_INCOMING_CPU,
  SOL_SOCKET,
  socketAddressBytes,
} from '../linux/sockets.ts';
import { LatencyHistogram } from '../measurement/histogram.ts';
import { acceptedIndex, type CoreOrder, type CoreResult, MEASURING, PHASE } from './core-order.ts';
import { monotonicClock } from './monotonic-clock.ts';

/** Nothing waits to be accepted. */
export const NONE = -1;
/** No descriptor, or no memory for one: ask again later. */
export const EXHAUSTED = -2;
/** That connection was gone already, or could not be kept: the next may be fine. */
export const NEXT = -3;

/** SO_INCOMING_CPU is asked of one connection in so many: a call costs as much as the rest of noting. */
export const localityEvery = 8;

const EINTR = 4;
const EAGAIN = 11;
const exhausted = new Set([12 /* ENOMEM */, 23 /* ENFILE */, 24 /* EMFILE */, 105 /* ENOBUFS */]);
/** The listener itself is of no use: everything else is an error of the connection (accept(2), "Error handling"). */
const fatal = new Set([9 /* EBADF */, 14 /* EFAULT */, 22 /* EINVAL */, 88 /* ENOTSOCK */]);

export class Accepting {
  readonly #order: CoreOrder;
  readonly #shared: Int32Array;
  readonly #counter: number;
  readonly #flags: number;
  readonly #maxDescriptors: number;
  readonly #stamps: HandshakeStamps | null;
  readonly #peerAddress: number;
  readonly #peerLengthAddress: number;
  readonly #peer: Uint32Array;
  readonly #peerLengthWord: number;
  readonly #nowNs = monotonicClock();
  readonly #wait = new LatencyHistogram();
  #unstamped = 0;
  #sampled = 0;
  #here = 0;
  #untilSample = localityEvery;

  /** @param flags SOCK_… for the accepted descriptors. */
  constructor(order: CoreOrder, flags: number) {
    this.#order = order;
    this.#shared = new Int32Array(order.shared);
    this.#counter = acceptedIndex(order.index);
    this.#flags = flags;
    this.#maxDescriptors = order.maxDescriptors;
    this.#stamps = order.stampMap === null ? null : new HandshakeStamps(order.stampMap);
    const peer = allocate(socketAddressBytes + 4);
    this.#peer = new Uint32Array(peer.buffer);
    this.#peerLengthWord = socketAddressBytes / 4;
    // Without stamps nobody looks at the peer's address: the kernel need not copy it.
    this.#peerAddress = this.#stamps === null ? 0 : Number(peer.address);
    this.#peerLengthAddress = this.#stamps === null ? 0 : this.#peerAddress + socketAddressBytes;
  }

  /** @returns a descriptor, or NONE, EXHAUSTED, NEXT. @throws {SystemCallError} when the listener is of no use. */
  accept(listener: number): number {
    this.#peer[this.#peerLengthWord] = socketAddressBytes;
    const fd = accept4(listener, this.#peerAddress, this.#peerLengthAddress, this.#flags);
    if (fd < 0) return failed(lastErrno());
    // Relaxed: one thread writes, the main thread looks now and then.
    this.#shared[this.#counter]++;
    // A stamp is taken whether it counts or not: one left behind could be taken for a later connection's.
    const stampNs = this.#stamps === null ? -1 : this.#stamps.take(this.#peer);
    if (Atomics.load(this.#shared, PHASE) === MEASURING) this.#note(fd, stampNs);
    if (fd < this.#maxDescriptors) return fd;
    closeDescriptor(fd);
    return NEXT;
  }

  result(): Pick<CoreResult, 'acceptWait' | 'unstamped' | 'localitySampled' | 'localityHere'> {
    return {
      acceptWait: this.#stamps === null ? null : this.#wait.encode(),
      unstamped: this.#unstamped,
      localitySampled: this.#sampled,
      localityHere: this.#here,
    };
  }

  #note(fd: number, stampNs: number): void {
    if (stampNs >= 0) this.#wait.record(this.#nowNs() - stampNs);
    else if (this.#stamps !== null) this.#unstamped++;
    if (--this.#untilSample === 0) {
      this.#untilSample = localityEvery;
      const core = getOption(fd, SOL_SOCKET, SO_INCOMING_CPU);
      if (core >= 0) {
        this.#sampled++;
        if (core === this.#order.core) this.#here++;
      }
    }
  }
}

function failed(errno: number): number {
  if (errno === EAGAIN) return NONE;
  if (errno === EINTR) return NEXT;
  if (exhausted.has(errno)) return EXHAUSTED;
  if (fatal.has(errno)) throw new SystemCallError('Cannot accept connections', errno);
  return NEXT;
}
