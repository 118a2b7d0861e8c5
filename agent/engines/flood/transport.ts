/**
 * What carries a flood: opens connections, moves bytes, and tells what became of it. One file a way to do so
 * (`io-uring-transport.ts`, `epoll-transport.ts`, `packet-transport.ts`); the flood above them is the same.
 *
 *   open ─► connected ─► received … ─► close                       every arrow back to the flood is a
 *     │         │            │                                     method of TransportEvents; after
 *     └─────────┴────────────┴──► failed (closed already)          close() or failed() a slot is free
 *
 * A slot is one place for a connection, from 0. What is sent and where it is received lies in `Buffers`.
 */

import type { Buffers } from './buffers.ts';

export interface TransportOptions {
  readonly buffers: Buffers;
  /** Requests are `struct msghdr`s that gather pieces. */
  readonly gathered: boolean;
}

export interface TransportEvents {
  /** Time may have passed: what is told next has happened by now. */
  woke(): void;
  connected(slot: number): void;
  /** `bytes` more lie where the slot's answer is received; 0: the peer sent its FIN. */
  received(slot: number, bytes: number): void;
  /** The connection is over and closed; `errno` says why. ECANCELED: because of `cancel`. */
  failed(slot: number, errno: number): void;
}

/** What an engine chose to carry a flood. */
export interface Carrier {
  /** e.g. "io_uring", or "epoll (io_uring: why not)". */
  readonly backend: string;
  readonly transport: Transport;
}

export interface Transport {
  /** Slots that can be open at once: what the limit of descriptors left of those asked for. */
  readonly capacity: number;
  /** Connections started between two polls, at most: they are submitted together, so more make their starts untrue. */
  readonly startsAtOnce: number;
  /**
   * In an open loop, how long it may be awake, at most, for a start to fall due: what the kernel's timers are late by is
   * no part of a latency then, but the core looks busier than the load makes it. 0: it sleeps until then.
   */
  readonly awakeUs: number;
  /** Opens a connection, sends the slot's request on it, and receives. `connection` picks source and target in turn. */
  open(slot: number, connection: number): void;
  /** Sends the slot's request on the open connection, and receives. */
  send(slot: number): void;
  /** Receives more. */
  receive(slot: number): void;
  /** Ends a connection that waits for nothing: by a FIN, or by a reset. The slot is free at once. */
  close(slot: number, byReset: boolean): void;
  /** Gives up on a connection that waits for something: `failed` follows. */
  cancel(slot: number): void;
  /** Submits what was asked, waits for news, at most `waitUs`, and tells it to `events`. */
  poll(waitUs: number, events: TransportEvents): void;
  /** What the record should say of how it went, by field; before `destroy`. */
  notes(): Readonly<Record<string, string>>;
  /** Gives everything back to the kernel. */
  destroy(): void;
}
