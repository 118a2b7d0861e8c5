/**
 * http: a GET, and an answer with status 200, a Content-Length and a patterned body. Header names may be in any case and
 * stand in any order beside any others; a body without Content-Length (chunked, or until the end) is refused as wrong.
 *
 * A short answer that is the same, byte for byte, as the last one that was read and found right, is right: comparing is
 * several times cheaper than reading.
 */

import { hostPort } from '../../../linux/sockets.ts';
import { httpRequest, patternBytes } from '../../../protocol/traffic.ts';
import type { LoadOrder } from '../../load.ts';
import type { Buffers } from './buffers.ts';
import { type Conversation, type ConversationKind, Verdict } from './conversation.ts';
import { readHead } from './http-head.ts';

/** Longer heads are refused. */
const mostHeadBytes = 4096;
const patternPeriod = 64;
/** Longer answers are read anew each time. */
const mostKnownBytes = 1024;
/** What is compared by words must lie on one. */
const wordBytes = 4;

export const httpConversation: ConversationKind = {
  plan: (order) => ({
    ownBytes: 0,
    sharedBytes: shared(order).bytes,
    room: { wanted: mostHeadBytes + order.responseBytes + 1, least: mostHeadBytes + patternPeriod },
  }),
  create: (order, buffers) => new HttpConversation(order, buffers),
};

interface Shared {
  /** Lengths of the requests. */
  readonly usual: number;
  readonly last: number;
  /** Where the others lie among the bytes. */
  readonly patternAt: number;
  readonly knownAt: number;
  readonly bytes: Uint8Array;
}

/**
 * What all slots share: the usual request, the last one of a connection, a pattern to compare bodies with, and room for an
 * answer that was right.
 */
function shared(order: LoadOrder): Shared {
  const host = hostPort(order.target.addresses[0], order.target.port);
  const shape = { host, requestBytes: order.requestBytes, responseBytes: order.responseBytes };
  const usual = httpRequest({ ...shape, serverCloses: false });
  const last = httpRequest({ ...shape, serverCloses: order.close === 'server-fin' });
  const pattern = patternBytes(Math.min(mostHeadBytes + order.responseBytes, 65_536) + 2 * patternPeriod);
  const patternAt = usual.length + last.length;
  const knownAt = Math.ceil((patternAt + pattern.length) / wordBytes) * wordBytes;
  const bytes = Buffer.alloc(knownAt + mostKnownBytes);
  bytes.set(usual);
  bytes.set(last, usual.length);
  bytes.set(pattern, patternAt);
  return { usual: usual.length, last: last.length, patternAt, knownAt, bytes };
}

class HttpConversation implements Conversation {
  readonly gathered = false;
  readonly #buffers: Buffers;
  readonly #messages: number;
  readonly #responseBytes: number;
  readonly #usualBytes: number;
  readonly #lastBytes: number;
  readonly #patternAt: number;
  readonly #knownAt: number;
  /** Of the answer that was right; 0: there was none yet. */
  #knownBytes = 0;
  /** Of the head, while it is not whole: bytes so far. */
  readonly #headBytes: Int32Array;
  /** Of the body: bytes heard; -1 while the head is not whole. */
  readonly #bodyBytes: Int32Array;

  constructor(order: LoadOrder, buffers: Buffers) {
    const { usual, last, patternAt, knownAt } = shared(order);
    this.#buffers = buffers;
    this.#messages = order.messages;
    this.#responseBytes = order.responseBytes;
    this.#usualBytes = usual;
    this.#lastBytes = last;
    this.#patternAt = buffers.sharedAt + patternAt;
    this.#knownAt = buffers.sharedAt + knownAt;
    this.#headBytes = new Int32Array(buffers.slots);
    this.#bodyBytes = new Int32Array(buffers.slots);
  }

  ask(slot: number, _connection: number, message: number): void {
    const { sharedAt } = this.#buffers;
    if (message === this.#messages - 1)
      this.#buffers.sendFrom(slot, sharedAt + this.#usualBytes, this.#lastBytes);
    else this.#buffers.sendFrom(slot, sharedAt, this.#usualBytes);
    this.#headBytes[slot] = 0;
    this.#bodyBytes[slot] = -1;
    this.#expect(slot, 0);
  }

  hear(slot: number, bytes: number): Verdict {
    const at = this.#buffers.roomAt[slot];
    if (this.#bodyBytes[slot] >= 0) return this.#hearBody(slot, at, bytes);
    const there = this.#headBytes[slot] + bytes;
    if (there === this.#knownBytes && this.#buffers.same(at, this.#knownAt, there)) return Verdict.complete;
    const end = readHead(this.#buffers.bytes, at, at + there, this.#responseBytes);
    if (end < 0) return Verdict.wrong;
    if (end === 0) {
      if (there >= mostHeadBytes) return Verdict.wrong;
      this.#headBytes[slot] = there;
      this.#expect(slot, there);
      return Verdict.more;
    }
    this.#bodyBytes[slot] = 0;
    const verdict = this.#hearBody(slot, end, at + there - end);
    if (verdict === Verdict.complete && there <= mostKnownBytes) this.#remember(at, there);
    return verdict;
  }

  #remember(at: number, bytes: number): void {
    this.#buffers.bytes.copyWithin(this.#knownAt, at, at + bytes);
    this.#knownBytes = bytes;
  }

  #hearBody(slot: number, at: number, bytes: number): Verdict {
    const heard = this.#bodyBytes[slot];
    const left = this.#responseBytes - heard - bytes;
    if (left < 0 || !this.#buffers.same(at, this.#patternAt + (heard % patternPeriod), bytes))
      return Verdict.wrong;
    if (left === 0) return Verdict.complete;
    this.#bodyBytes[slot] = heard + bytes;
    this.#expect(slot, 0);
    return Verdict.more;
  }

  /** The next bytes go behind the first `kept` of the room. All of the room: what is too long shows. */
  #expect(slot: number, kept: number): void {
    this.#buffers.receiveAt[slot] = this.#buffers.roomAt[slot] + kept;
    this.#buffers.receiveBytes[slot] = this.#buffers.roomBytes - kept;
  }
}
