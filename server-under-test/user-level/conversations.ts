/**
 * Every connection of one stack, and what happens on it: read, ask the application, write, end. What connections.ts is
 * over kernel sockets, this is over a Stack: the same phases, no system calls, nothing allocated a connection.
 *
 *   ACCEPTED ──► receive ──► parse ──► respond, write ──► parse … ──► waits for READABLE
 *                  │                     │ its send buffer is full
 *                  │                     └────────► waits for WRITABLE ── transmit ──► …
 *                  └ ENDED, FAILED, last response written ──► closed  (or lingering: input is dropped, then closed)
 *
 * The stack says each thing once, so what is readable is read to its end. A request that comes whole and a response that
 * fits are copied twice: out of the receive buffer, into the send buffer.
 */

import type { Stack } from '../../net/stack.ts';
import { ACCEPTED, FAILED } from '../../net/tcp/events.ts';
import {
  type Application,
  CLOSE,
  ENDING,
  KEEP,
  RESPONSE,
  type ResponsePart,
  wordsPerConnection,
} from '../applications/application.ts';
import type { ConnectionMemory } from '../connection-memory.ts';
import { type ConnectionTroubles, lingerMs } from '../connections.ts';

const CLOSED = 0;
const OPEN = 1;
/** The response is written and our side ended; what still comes is dropped, for a short while. */
const LINGERING = 2;

export class Conversations {
  readonly #stack: Stack;
  readonly #application: Application;
  readonly #memory: ConnectionMemory;
  readonly #idleMs: number;
  readonly #troubles: ConnectionTroubles;
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
  readonly #touchedMs: Int32Array;
  readonly #part: ResponsePart = { requestAt: 0, offset: 0, out: 0, room: 0 };
  #highest = -1;

  /** @param options.memory and `troubles` may be shared by the stacks of one thread. */
  constructor(options: {
    readonly stack: Stack;
    readonly application: Application;
    readonly memory: ConnectionMemory;
    readonly troubles: ConnectionTroubles;
    readonly maxConnections: number;
    readonly idleMs: number;
  }) {
    const { maxConnections } = options;
    this.#stack = options.stack;
    this.#application = options.application;
    this.#memory = options.memory;
    this.#idleMs = options.idleMs;
    this.#troubles = options.troubles;
    this.#state = new Uint8Array(maxConnections);
    this.#words = new Int32Array(maxConnections * wordsPerConnection);
    this.#block = new Int32Array(maxConnections).fill(-1);
    this.#held = new Int32Array(maxConnections);
    this.#answering = new Int32Array(maxConnections);
    this.#sent = new Int32Array(maxConnections);
    this.#touchedMs = new Int32Array(maxConnections);
  }

  /**
   * What the stack says of a connection: `mask` of its events.
   * @param nowMs whole milliseconds: a double would be allocated anew for every call.
   */
  happened(id: number, mask: number, nowMs: number): void {
    if ((mask & ACCEPTED) !== 0) {
      this.#open(id, nowMs);
      if (mask === ACCEPTED) return;
    }
    const state = this.#state[id];
    if (state === CLOSED) return;
    if ((mask & FAILED) !== 0) this.#lost(id);
    else if (state === LINGERING) this.#drop(id);
    else if (this.#answering[id] === 0 || this.#transmit(id, nowMs)) this.#receive(id, nowMs);
  }

  /** Ends connections on which nothing happened for too long. Call it a few times a second. */
  endIdle(nowMs: number): void {
    let highest = -1;
    for (let id = 0; id <= this.#highest; id++) {
      const state = this.#state[id];
      if (state === CLOSED) continue;
      if (nowMs - this.#touchedMs[id] < (state === OPEN ? this.#idleMs : lingerMs)) {
        highest = id;
        continue;
      }
      if (state === OPEN) this.#troubles.idle++;
      this.#end(id);
    }
    this.#highest = highest;
  }

  /** Resets all of them: the process that would see them through their closing ends. */
  abortAll(): void {
    for (let id = 0; id <= this.#highest; id++) {
      if (this.#state[id] === CLOSED) continue;
      this.#forget(id);
      this.#stack.abort(id);
    }
  }

  #open(id: number, nowMs: number): void {
    this.#state[id] = OPEN;
    this.#touchedMs[id] = nowMs;
    const base = id * wordsPerConnection;
    for (let word = 0; word < wordsPerConnection; word++) this.#words[base + word] = 0;
    if (id > this.#highest) this.#highest = id;
  }

  /** Reads and serves until nothing is there, or a response has to wait. */
  #receive(id: number, nowMs: number): void {
    const memory = this.#memory;
    const stack = this.#stack;
    do {
      const block = this.#block[id];
      const start = block < 0 ? memory.inputAt : block;
      const held = block < 0 ? 0 : this.#held[id];
      const count = stack.read(id, memory.bytes, start + held, start + memory.blockBytes);
      if (count > 0) {
        this.#touchedMs[id] = nowMs;
        if (!this.#serve(id, start, start + held + count, nowMs)) return;
      }
    } while (stack.readable(id) > 0);
    if (stack.isEnded(id)) this.#end(id);
  }

  /** Answers the requests in memory[start…end) that are whole. @returns whether the connection waits for more. */
  #serve(id: number, start: number, end: number, nowMs: number): boolean {
    const { bytes } = this.#memory;
    const words = this.#words;
    const base = id * wordsPerConnection;
    let at = start;
    for (;;) {
      const consumed = this.#application.parse(bytes, at, end, words, base);
      if (consumed === 0) return this.#keep(id, at, end);
      if (words[base + RESPONSE] > 0) {
        const sent = this.#write(id, at, 0, nowMs);
        if (sent < words[base + RESPONSE]) {
          if (this.#keep(id, at, end)) {
            this.#answering[id] = consumed;
            this.#sent[id] = sent;
          }
          return false;
        }
        if (words[base + ENDING] !== KEEP) return this.#finish(id, at + consumed < end);
      }
      at += consumed;
    }
  }

  /** Goes on with the response that stopped. @returns whether the connection waits for more input. */
  #transmit(id: number, nowMs: number): boolean {
    const base = id * wordsPerConnection;
    const at = this.#block[id];
    const consumed = this.#answering[id];
    const sent = this.#write(id, at, this.#sent[id], nowMs);
    this.#sent[id] = sent;
    if (sent < this.#words[base + RESPONSE]) return false;
    this.#answering[id] = 0;
    const end = at + this.#held[id];
    if (this.#words[base + ENDING] !== KEEP) return this.#finish(id, at + consumed < end);
    return this.#serve(id, at + consumed, end, nowMs);
  }

  /** Writes the due response from byte `from` on. @returns bytes written so far; fewer than due: there is no room. */
  #write(id: number, requestAt: number, from: number, nowMs: number): number {
    const memory = this.#memory;
    const stack = this.#stack;
    const base = id * wordsPerConnection;
    const total = this.#words[base + RESPONSE];
    const part = this.#part;
    part.requestAt = requestAt;
    part.out = memory.outputAt;
    let sent = from;
    while (sent < total) {
      part.offset = sent;
      // One byte more than fits: after a write that was short, the stack says when there is room again.
      part.room = Math.min(memory.outputBytes, stack.writable(id) + 1);
      const length = this.#application.respond(memory.bytes, part, this.#words, base);
      const count = stack.write(id, memory.bytes, memory.outputAt, memory.outputAt + length);
      sent += count;
      if (count < length) break;
    }
    if (sent > from) this.#touchedMs[id] = nowMs;
    return sent;
  }

  /** Moves memory[from…to) to the front of the connection's block. @returns false: there is no block left, it is ended. */
  #keep(id: number, from: number, to: number): boolean {
    if (from === to) {
      this.#returnBlock(id);
      return true;
    }
    let block = this.#block[id];
    if (block < 0) {
      block = this.#memory.takeBlock();
      if (block < 0) {
        this.#troubles.noMemory++;
        this.#end(id);
        return false;
      }
      this.#block[id] = block;
    }
    if (from !== block) this.#memory.bytes.copyWithin(block, from, to);
    this.#held[id] = to - from;
    return true;
  }

  /** The last response is written. With bytes unread, closing would be a reset that may overtake it. */
  #finish(id: number, unread: boolean): false {
    const mayClose = this.#words[id * wordsPerConnection + ENDING] === CLOSE && !unread;
    if (mayClose && this.#stack.readable(id) === 0) {
      this.#end(id);
      return false;
    }
    this.#returnBlock(id);
    this.#state[id] = LINGERING;
    this.#stack.shutdown(id);
    this.#drop(id);
    return false;
  }

  /** Reads what a lingering connection still sends, for nothing. */
  #drop(id: number): void {
    const memory = this.#memory;
    while (this.#stack.read(id, memory.bytes, memory.inputAt, memory.inputAt + memory.blockBytes) > 0);
    if (this.#stack.isEnded(id)) this.#end(id);
  }

  #lost(id: number): void {
    this.#troubles.reset++;
    this.#end(id);
  }

  #end(id: number): void {
    this.#forget(id);
    this.#stack.close(id);
  }

  #forget(id: number): void {
    this.#state[id] = CLOSED;
    this.#answering[id] = 0;
    this.#returnBlock(id);
  }

  #returnBlock(id: number): void {
    const block = this.#block[id];
    if (block < 0) return;
    this.#memory.returnBlock(block);
    this.#block[id] = -1;
    this.#held[id] = 0;
  }
}
