/**
 * What the main thread of a server process and its core threads agree on: one order a thread, a few words of shared
 * memory, one result a thread when told to stop. A core thread never runs an event loop of Node's while it serves and is
 * never asked anything; it reads the shared words between batches.
 */

import type { CloseMode } from '../protocol/cell.ts';
import type { Application } from '../protocol/variant-catalogue.ts';
import type { ConnectionTroubles } from './connections.ts';

/** `level`, `exclusive`: epoll, the listener in every thread's set; `blocking`: a thread a connection at a time. */
export type WakeUp = 'level' | 'exclusive' | 'blocking';

/** What a core thread of any design is told. */
export interface ServingOrder {
  /** Place of this thread among all, from 0. */
  readonly index: number;
  readonly core: number;
  readonly application: Application;
  readonly messages: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly close: CloseMode;
  readonly idleMs: number;
  readonly shared: SharedArrayBuffer;
}

export interface CoreOrder extends ServingOrder {
  /** Descriptors of the sockets to accept from. */
  readonly listeners: readonly number[];
  readonly wakeUp: WakeUp;
  readonly maxDescriptors: number;
  /** Descriptor of the map that the kernel stamps handshakes in; null: accept wait is not known. */
  readonly stampMap: number | null;
}

/** 32-bit words of the shared memory, then one a core: connections it accepted. */
export const PHASE = 0;
const acceptedWord = 8;
/** Cache lines apart, or counting on one core would slow the others. */
const acceptedStride = 32;

/** Before the measured interval, within it, after it; and the end. */
export const UNMEASURED = 0;
export const MEASURING = 1;
export const STOPPING = 2;

export function createShared(cores: number): SharedArrayBuffer {
  return new SharedArrayBuffer((acceptedWord + cores * acceptedStride) * 4);
}

/** Where core thread `index` counts what it accepted. */
export function acceptedIndex(index: number): number {
  return acceptedWord + index * acceptedStride;
}

/** What a core thread says when it stops; all but `troubles` of the measured interval. */
export interface CoreResult {
  readonly index: number;
  /** Encoded LatencyHistogram; null: accept wait was not known. */
  readonly acceptWait: string | null;
  /** Accepted connections that no valid stamp was found for. */
  readonly unstamped: number;
  readonly localitySampled: number;
  readonly localityHere: number;
  /** How often accepting paused because there was no descriptor left, from start to end. */
  readonly descriptorPauses: number;
  readonly troubles: ConnectionTroubles;
}

/** Core threads → main thread. */
export type CoreMessage<Result> =
  | { readonly kind: 'serving' }
  | { readonly kind: 'result'; readonly result: Result };
