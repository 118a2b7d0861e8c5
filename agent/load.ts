/**
 * What an agent's control thread and its load threads agree on: one order a thread, a few words of shared memory to say
 * "go" and "stop" and until when the lease lasts, and counters in shared memory that the control thread reads once a
 * second. Histograms stay with their thread until the end.
 *
 * A load thread never runs an event loop while it floods, and is never asked anything: it reads the shared words
 * between batches. The control thread never touches a socket.
 */

import type { CloseMode, Engine } from '../protocol/cell.ts';
import type { K6Summary } from '../protocol/k6.ts';
import type { LoadCounts } from '../protocol/messages.ts';
import type { Threshold } from '../protocol/scenario.ts';
import type { Application } from '../protocol/variant-catalogue.ts';

/** One thread's part of a share. */
export interface LoadOrder {
  readonly engine: Engine;
  /** What its load is made on: one, but for `k6`, a process with threads of its own, which has all of the agent's. */
  readonly cores: readonly number[];
  /** Path of the network namespace to enter (`/proc/PID/ns/net`); null: stay. */
  readonly namespace: string | null;
  readonly target: { readonly addresses: readonly string[]; readonly port: number };
  /** This thread's own source addresses; empty: the kernel chooses. */
  readonly sourceAddresses: readonly string[];
  readonly application: Application;
  readonly messages: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly close: CloseMode;
  readonly load:
    | { readonly kind: 'closed'; readonly concurrency: number }
    | {
        readonly kind: 'open';
        readonly ratePerSecond: number;
        readonly maxOpen: number;
        readonly seed: number;
      };
  readonly warmUpSeconds: number;
  readonly measuredSeconds: number;
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  /** `auto` takes the first that is allowed: io_uring or epoll by `socket`, af_xdp or af_packet by `packet`. */
  readonly backend: 'auto' | 'io_uring' | 'epoll' | 'af_xdp' | 'af_packet';
  /** What `k6` is told to judge by itself, of its own share; the others judge nothing. */
  readonly thresholds: readonly Threshold[];
}

/** What a load thread measured. */
export interface ThreadResult {
  /** Closed loop: connections that ended in the measured interval; open loop: that were due in it. */
  readonly counts: LoadCounts;
  /** Connections that completed during the measured interval, whenever they were due. */
  readonly completedMeanwhile: number;
  readonly lifetime: LoadCounts;
  /** As ordered; when stopped early, as far as it came. */
  readonly measuredSeconds: number;
  /**
   * Encoded LatencyHistograms of the connections in `counts` that completed, and of those that timed out, at the time
   * they were given up.
   */
  readonly histograms: { readonly connect: string; readonly firstByte: string; readonly total: string };
  /** How these figures must be read, by field of the load's result. */
  readonly notes: Readonly<Record<string, string>>;
  /** Set when the thread ended early: its lease ran out, or it was told to stop. */
  readonly stoppedEarly: string | null;
  /** What `k6` says of itself; the others have nothing of the kind. */
  readonly k6?: K6Summary;
}

export interface LoadThread {
  /** e.g. "io_uring", or "epoll (io_uring: operation not permitted)". */
  readonly backend: string;
  /** Begin warming up at this time of CLOCK_MONOTONIC. */
  start(startAtMonotonicNs: bigint): void;
  /** End as soon as possible: closes every connection, within 100 ms. */
  stop(reason: string): void;
  /** Counts so far in this trial, warm-up included: read from shared memory, at any time, from any thread. */
  counts(): LoadCounts;
  /** Settles when the thread has drained its connections and ended. Rejects when it died. */
  readonly result: Promise<ThreadResult>;
}
