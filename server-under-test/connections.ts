/**
 * Every connection of one thread, and what happens on it: read, ask the application, write, end. A table of typed arrays
 * indexed by descriptor; nothing is allocated a connection.
 *
 *   opened ──► receive ──► parse ──► respond, send ──► parse … ──► WANTS_INPUT
 *                 │                     │ the client reads slowly
 *                 │                     └────────────► WANTS_OUTPUT ── transmit ──► …
 *                 └ end, reset, last response sent ──► CLOSED  (or lingering: input is read and dropped, then CLOSED)
 *
 * A request that comes whole and a response that goes whole live in the thread's shared areas; a block of memory is
 * taken only for what must wait. It does not wait itself: an event loop, or a thread that blocks, calls it.
 */

import { lastErrno } from '../linux/libc.ts';
import { closeDescriptor, MSG_NOSIGNAL, recv, SHUT_WR, send, shutdown } from '../linux/sockets.ts';
import {
  type Application,
  CLOSE,
  ENDING,
  KEEP,
  RESPONSE,
  type ResponsePart,
  wordsPerConnection,
} from './applications/application.ts';
import { ConnectionMemory } from './connection-memory.ts';

/** What a connection waits for. */
export const CLOSED = 0;
export const WANTS_INPUT = 1;
export const WANTS_OUTPUT = 2;

const EINTR = 4;
const EAGAIN = 11;

const OPEN = 1;
/** The response is out and our side ended; what still comes is dropped, for a short while. */
const LINGERING = 2;
export const lingerMs = 1_000;

/** Ends that were not the conversation's own, by cause. */
export interface ConnectionTroubles {
  /** The peer reset, or the network failed. */
  reset: number;
  idle: number;
  /** Too many connections had half a request each. */
  noMemory: number;
}

export class Connections {
  /** Descriptors from here on have no place in the table. */
  readonly limit: number;
  readonly troubles: ConnectionTroubles = { reset: 0, idle: 0, noMemory: 0 };
  readonly #application: Application;
  readonly #memory: ConnectionMemory;
  readonly #idleMs: number;
  readonly #state: Uint8Array;
  readonly #words: Int32Array;
  /** Where the connection's block starts, -1: it has none. */
  readonly #block: Int32Array;
  /** Bytes held in the block: a part of a request, or the request being answered and what came behind it. */
  readonly #held: Int32Array;
  /** Of the request in the block that is being answered: its length; 0: none is. */
  readonly #answering: Int32Array;
  readonly #sent: Int32Array;
  /** When bytes last came or went, in milliseconds of the caller's clock. */
  readonly #touchedMs: Float64Array;
  readonly #part: ResponsePart = { requestAt: 0, offset: 0, out: 0, room: 0 };
  #nowMs = 0;
  #highest = -1;
  #open = 0;

  constructor(options: { application: Application; maxDescriptors: number; idleMs: number }) {
    const { application, maxDescriptors } = options;
    this.limit = maxDescriptors;
    this.#application = application;
    this.#memory = new ConnectionMemory({
      longestRequestBytes: application.longestRequestBytes,
      maxConnections: maxDescriptors,
    });
    this.#idleMs = options.idleMs;
    this.#state = new Uint8Array(maxDescriptors);
    this.#words = new Int32Array(maxDescriptors * wordsPerConnection);
    this.#block = new Int32Array(maxDescriptors).fill(-1);
    this.#held = new Int32Array(maxDescriptors);
    this.#answering = new Int32Array(maxDescriptors);
    this.#sent = new Int32Array(maxDescriptors);
    this.#touchedMs = new Float64Array(maxDescriptors);
  }

  get open(): number {
    return this.#open;
  }

  /** A connection was accepted. Its descriptor is under `limit`. */
  opened(fd: number, nowMs: number): void {
    this.#state[fd] = OPEN;
    this.#touchedMs[fd] = nowMs;
    const base = fd * wordsPerConnection;
    for (let word = 0; word < wordsPerConnection; word++) this.#words[base + word] = 0;
    if (fd > this.#highest) this.#highest = fd;
    this.#open++;
  }

  /** Something may have come, or there is room to send again. */
  advance(fd: number, nowMs: number): number {
    if (this.#state[fd] === 0) return CLOSED;
    if (this.#state[fd] === LINGERING) return this.#drop(fd);
    this.#nowMs = nowMs;
    return this.#answering[fd] > 0 ? this.#transmit(fd) : this.#receive(fd);
  }

  /** Ends connections on which nothing happened for too long. Call it a few times a second. */
  endIdle(nowMs: number): void {
    let highest = -1;
    for (let fd = 0; fd <= this.#highest; fd++) {
      if (this.#state[fd] !== 0 && !this.endIfIdle(fd, nowMs)) highest = fd;
    }
    this.#highest = highest;
  }

  /** As endIdle, of one open connection. @returns whether it was ended. */
  endIfIdle(fd: number, nowMs: number): boolean {
    const open = this.#state[fd] === OPEN;
    if (nowMs - this.#touchedMs[fd] < (open ? this.#idleMs : lingerMs)) return false;
    if (open) this.troubles.idle++;
    this.end(fd);
    return true;
  }

  /** Ends a connection at once, whatever it was doing. */
  end(fd: number): number {
    this.#state[fd] = 0;
    this.#returnBlock(fd);
    this.#answering[fd] = 0;
    this.#open--;
    closeDescriptor(fd);
    return CLOSED;
  }

  /** Ends all of them. */
  endAll(): void {
    for (let fd = 0; fd <= this.#highest; fd++) if (this.#state[fd] !== 0) this.end(fd);
  }

  #receive(fd: number): number {
    const memory = this.#memory;
    const block = this.#block[fd];
    const start = block < 0 ? memory.inputAt : block;
    const held = block < 0 ? 0 : this.#held[fd];
    const count = recv(fd, memory.address + start + held, memory.blockBytes - held, 0);
    if (count > 0) {
      this.#touchedMs[fd] = this.#nowMs;
      return this.#serve(fd, start, start + held + count);
    }
    if (count === 0) return this.end(fd);
    const errno = lastErrno();
    return errno === EAGAIN || errno === EINTR ? WANTS_INPUT : this.#lost(fd);
  }

  /** Answers the requests in memory[start…end), as far as they are whole and the client reads. */
  #serve(fd: number, start: number, end: number): number {
    const { bytes } = this.#memory;
    const words = this.#words;
    const base = fd * wordsPerConnection;
    let at = start;
    for (;;) {
      const consumed = this.#application.parse(bytes, at, end, words, base);
      if (consumed === 0) return this.#keep(fd, at, end) ? WANTS_INPUT : this.#outOfMemory(fd);
      if (words[base + RESPONSE] > 0) {
        const sent = this.#send(fd, at, 0);
        if (sent < 0) return this.#lost(fd);
        if (sent < words[base + RESPONSE]) return this.#park(fd, { at, end, consumed, sent });
        if (words[base + ENDING] !== KEEP) return this.#finish(fd, at + consumed < end);
      }
      at += consumed;
    }
  }

  /** Goes on with the response that stopped. */
  #transmit(fd: number): number {
    const base = fd * wordsPerConnection;
    const at = this.#block[fd];
    const consumed = this.#answering[fd];
    const sent = this.#send(fd, at, this.#sent[fd]);
    if (sent < 0) return this.#lost(fd);
    this.#sent[fd] = sent;
    if (sent < this.#words[base + RESPONSE]) return WANTS_OUTPUT;
    this.#answering[fd] = 0;
    const end = at + this.#held[fd];
    if (this.#words[base + ENDING] !== KEEP) return this.#finish(fd, at + consumed < end);
    return this.#serve(fd, at + consumed, end);
  }

  /** Sends the due response from byte `from` on. @returns bytes sent so far; -1: the connection is lost. */
  #send(fd: number, requestAt: number, from: number): number {
    const memory = this.#memory;
    const base = fd * wordsPerConnection;
    const total = this.#words[base + RESPONSE];
    const part = this.#part;
    part.requestAt = requestAt;
    part.out = memory.outputAt;
    part.room = memory.outputBytes;
    let sent = from;
    while (sent < total) {
      part.offset = sent;
      const length = this.#application.respond(memory.bytes, part, this.#words, base);
      const count = send(fd, memory.address + memory.outputAt, length, MSG_NOSIGNAL);
      if (count < 0) {
        const errno = lastErrno();
        if (errno === EINTR) continue;
        return errno === EAGAIN ? sent : -1;
      }
      this.#touchedMs[fd] = this.#nowMs;
      sent += count;
      if (count < length) return sent;
    }
    return sent;
  }

  /** The rest of a response has to wait: keeps its request, and what came behind it. */
  #park(fd: number, stopped: { at: number; end: number; consumed: number; sent: number }): number {
    if (!this.#keep(fd, stopped.at, stopped.end)) return this.#outOfMemory(fd);
    this.#answering[fd] = stopped.consumed;
    this.#sent[fd] = stopped.sent;
    return WANTS_OUTPUT;
  }

  /** Moves memory[from…to) to the front of the connection's block. @returns false: there is no block left. */
  #keep(fd: number, from: number, to: number): boolean {
    if (from === to) {
      this.#returnBlock(fd);
      return true;
    }
    let block = this.#block[fd];
    if (block < 0) {
      block = this.#memory.takeBlock();
      if (block < 0) return false;
      this.#block[fd] = block;
    }
    if (from !== block) this.#memory.bytes.copyWithin(block, from, to);
    this.#held[fd] = to - from;
    return true;
  }

  #returnBlock(fd: number): void {
    const block = this.#block[fd];
    if (block < 0) return;
    this.#memory.returnBlock(block);
    this.#block[fd] = -1;
    this.#held[fd] = 0;
  }

  /** The last response is out. With bytes unread, closing would be a reset that may overtake it. */
  #finish(fd: number, unread: boolean): number {
    if (this.#words[fd * wordsPerConnection + ENDING] === CLOSE && !unread) return this.end(fd);
    this.#returnBlock(fd);
    this.#state[fd] = LINGERING;
    return shutdown(fd, SHUT_WR) < 0 ? this.end(fd) : WANTS_INPUT;
  }

  #drop(fd: number): number {
    const memory = this.#memory;
    const count = recv(fd, memory.address + memory.inputAt, memory.blockBytes, 0);
    if (count > 0) return WANTS_INPUT;
    const errno = count < 0 ? lastErrno() : 0;
    return errno === EAGAIN || errno === EINTR ? WANTS_INPUT : this.end(fd);
  }

  #lost(fd: number): number {
    this.troubles.reset++;
    return this.end(fd);
  }

  #outOfMemory(fd: number): number {
    this.troubles.noMemory++;
    return this.end(fd);
  }
}
