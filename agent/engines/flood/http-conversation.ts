/**
 * http: a GET, and an answer with status 200, a Content-Length and a patterned body. Header names may be in any case and
 * stand in any order beside any others; a body without Content-Length (chunked, or until the end) is refused as wrong.
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

export const httpConversation: ConversationKind = {
  plan: (order) => ({
    ownBytes: 0,
    sharedBytes: shared(order).bytes,
    room: { wanted: mostHeadBytes + order.responseBytes + 1, least: mostHeadBytes + patternPeriod },
  }),
  create: (order, buffers) => new HttpConversation(order, buffers),
};

/** What all slots share: the usual request, the last one of a connection, and a pattern to compare bodies with. */
function shared(order: LoadOrder): { usual: number; last: number; bytes: Uint8Array } {
  const host = hostPort(order.target.addresses[0], order.target.port);
  const shape = { host, requestBytes: order.requestBytes, responseBytes: order.responseBytes };
  const usual = httpRequest({ ...shape, serverCloses: false });
  const last = httpRequest({ ...shape, serverCloses: order.close === 'server-fin' });
  const pattern = patternBytes(Math.min(mostHeadBytes + order.responseBytes, 65_536) + 2 * patternPeriod);
  return { usual: usual.length, last: last.length, bytes: Buffer.concat([usual, last, pattern]) };
}

class HttpConversation implements Conversation {
  readonly gathered = false;
  readonly #buffers: Buffers;
  readonly #messages: number;
  readonly #responseBytes: number;
  readonly #usualBytes: number;
  readonly #lastBytes: number;
  readonly #patternAt: number;
  /** Of the head, while it is not whole: bytes so far. */
  readonly #headBytes: Int32Array;
  /** Of the body: bytes heard; -1 while the head is not whole. */
  readonly #bodyBytes: Int32Array;

  constructor(order: LoadOrder, buffers: Buffers) {
    const { usual, last } = shared(order);
    this.#buffers = buffers;
    this.#messages = order.messages;
    this.#responseBytes = order.responseBytes;
    this.#usualBytes = usual;
    this.#lastBytes = last;
    this.#patternAt = buffers.sharedAt + usual + last;
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
    const end = readHead(this.#buffers.bytes, at, at + there, this.#responseBytes);
    if (end < 0) return Verdict.wrong;
    if (end === 0) {
      if (there >= mostHeadBytes) return Verdict.wrong;
      this.#headBytes[slot] = there;
      this.#expect(slot, there);
      return Verdict.more;
    }
    this.#bodyBytes[slot] = 0;
    return this.#hearBody(slot, end, at + there - end);
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
