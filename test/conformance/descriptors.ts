/**
 * BSD sockets over a stack, as far as one application on one listening port needs them: numbers for connections, and what
 * each call answers in each state of a connection, as Linux does. Nothing blocks: where a call would, it is −EAGAIN.
 *
 *   established ─► waits, in order ─► accept: descriptor 3 … ─► recv, write, shutdown ─► close
 *
 * An error that came (a reset, a time-out) is said once, by the next recv or write; then recv is at the end, and write is
 * −EPIPE.
 */

import type { Stack } from '../../net/stack.ts';
import { ACCEPTED, ENDED, FAILED, READABLE } from '../../net/tcp/events.ts';
import { stateNames } from '../../net/tcp/states.ts';
import { errno } from './errno.ts';
import { streamByte, streamPeriod } from './stream.ts';

/** 0, 1 and 2 are taken in every process. */
const firstDescriptor = 3;
const chunkBytes = 65_536;
/** More than a connection can hold unread. */
const peekBytes = 1_048_576;
const closed = stateNames.indexOf('closed');
const timeWait = stateNames.indexOf('timeWait');

const SHUT_RD = 0;
const SHUT_WR = 1;
const SHUT_RDWR = 2;

interface Connection {
  readonly id: number;
  readonly remotePort: number;
  /** Bytes written so far: the next one is that of the stream at this position. */
  written: number;
  /** To be said by the next call; 0: none. */
  error: number;
  /** It failed: the id is the stack's again. */
  isDead: boolean;
  /** The peer's FIN came. */
  isEnded: boolean;
  readingIsShut: boolean;
  writingIsShut: boolean;
}

export class Descriptors {
  readonly #stack: Stack;
  readonly #maxConnections: number;
  readonly #byId = new Map<number, Connection>();
  readonly #waiting: Connection[] = [];
  readonly #open: (Connection | undefined)[] = [];
  readonly #scratch = new Uint8Array(peekBytes);
  readonly #stream: Uint8Array;

  constructor(stack: Stack, maxConnections: number) {
    this.#stack = stack;
    this.#maxConnections = maxConnections;
    this.#stream = Uint8Array.from({ length: chunkBytes + streamPeriod }, (_, index) => streamByte(index));
  }

  /** What the stack says of a connection. */
  happened(id: number, mask: number): void {
    if ((mask & ACCEPTED) !== 0) this.#accepted(id);
    const connection = this.#byId.get(id);
    if (connection === undefined) return;
    if ((mask & ENDED) !== 0) connection.isEnded = true;
    if ((mask & FAILED) !== 0) this.#failed(connection, this.#stack.errorOf(id));
    // Nobody can read it any more: Linux answers with a reset (RFC 1122 4.2.2.13).
    else if ((mask & READABLE) !== 0 && connection.readingIsShut && connection.writingIsShut) {
      this.#lost(connection, errno.ECONNRESET);
      this.#stack.abort(id);
    }
  }

  /** Resets all connections there are, in whatever state. No descriptor is left, and nothing waits for accept. */
  reset(): number {
    const stack = this.#stack;
    // Over, and still ours; then all others, also those that nobody accepted yet, or that are closing.
    for (const { id } of this.#byId.values()) if (stack.state(id) === closed) stack.close(id);
    for (let id = 0; id < this.#maxConnections; id++) if (stack.state(id) !== closed) stack.abort(id);
    this.#byId.clear();
    this.#waiting.length = 0;
    this.#open.length = 0;
    return 0;
  }

  /** @param clientPort 0: that of whoever came first. @returns descriptor; −EAGAIN: no connection from there waits. */
  accept(clientPort: number): number {
    const index = this.#waiting.findIndex(({ remotePort }) => clientPort === 0 || remotePort === clientPort);
    const [connection] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (connection === undefined) return -errno.EAGAIN;
    let slot = 0;
    while (this.#open[slot] !== undefined) slot++;
    this.#open[slot] = connection;
    return firstDescriptor + slot;
  }

  /** @param peek the bytes stay. @returns bytes taken, at most `length`; 0: the end. */
  receive(descriptor: number, length: number, peek: boolean): number {
    const connection = this.#of(descriptor);
    if (connection === undefined) return -errno.EBADF;
    const { id } = connection;
    if (!connection.isDead) {
      const taken = peek
        ? this.#stack.peek(id, this.#scratch, 0, Math.min(length, peekBytes))
        : this.#read(id, length);
      if (taken > 0) return taken;
      if (length === 0 && this.#stack.readable(id) > 0) return 0;
      if (this.#stack.isEnded(id)) return 0;
    } else if (connection.isEnded) return 0;
    if (connection.error !== 0) return said(connection);
    return connection.isDead || connection.readingIsShut ? 0 : -errno.EAGAIN;
  }

  /** Bytes of the stream (stream.ts), from where the last write ended. @returns bytes taken, at most `length`. */
  write(descriptor: number, length: number): number {
    const connection = this.#of(descriptor);
    if (connection === undefined) return -errno.EBADF;
    if (connection.error !== 0) return said(connection);
    if (connection.writingIsShut || this.#isOver(connection)) return -errno.EPIPE;
    let taken = 0;
    while (taken < length) {
      const from = (connection.written + taken) % streamPeriod;
      const some = Math.min(length - taken, chunkBytes);
      const count = this.#stack.write(connection.id, this.#stream, from, from + some);
      taken += count;
      if (count < some) break;
    }
    connection.written += taken;
    return taken === 0 && length > 0 ? -errno.EAGAIN : taken;
  }

  /** @param how 0: reading, 1: writing, 2: both. */
  shutdown(descriptor: number, how: number): number {
    const connection = this.#of(descriptor);
    if (connection === undefined) return -errno.EBADF;
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return -errno.EINVAL;
    if (this.#isOver(connection)) return -errno.ENOTCONN;
    if (how !== SHUT_WR) connection.readingIsShut = true;
    if (how !== SHUT_RD && !connection.writingIsShut) {
      connection.writingIsShut = true;
      this.#stack.shutdown(connection.id);
    }
    return 0;
  }

  close(descriptor: number): number {
    const connection = this.#of(descriptor);
    if (connection === undefined) return -errno.EBADF;
    this.#open[descriptor - firstDescriptor] = undefined;
    if (!connection.isDead) {
      this.#byId.delete(connection.id);
      this.#stack.close(connection.id);
    }
    return 0;
  }

  #of(descriptor: number): Connection | undefined {
    return this.#open[descriptor - firstDescriptor];
  }

  #accepted(id: number): void {
    const connection: Connection = {
      id,
      remotePort: this.#stack.remotePort(id),
      written: 0,
      error: 0,
      isDead: false,
      isEnded: false,
      readingIsShut: false,
      writingIsShut: false,
    };
    this.#byId.set(id, connection);
    this.#waiting.push(connection);
  }

  #failed(connection: Connection, error: number): void {
    this.#lost(connection, error);
    this.#stack.close(connection.id);
  }

  /** A peer that had ended its side, and then resets, has broken the pipe that was left. */
  #lost(connection: Connection, error: number): void {
    connection.error = connection.isEnded && error === errno.ECONNRESET ? errno.EPIPE : error;
    connection.isDead = true;
    this.#byId.delete(connection.id);
  }

  /** Both sides have ended, or it failed: there is no connection any more. */
  #isOver({ id, isDead }: Connection): boolean {
    if (isDead) return true;
    const state = this.#stack.state(id);
    return state === closed || state === timeWait;
  }

  #read(id: number, length: number): number {
    let taken = 0;
    while (taken < length) {
      const count = this.#stack.read(id, this.#scratch, 0, Math.min(length - taken, this.#scratch.length));
      if (count === 0) break;
      taken += count;
    }
    return taken;
  }
}

/** An error is said once. */
function said(connection: Connection): number {
  const { error } = connection;
  connection.error = 0;
  return -error;
}
