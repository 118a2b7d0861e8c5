/**
 * echo: the answer is the request, repeated. A short request is one slot's own bytes; a long one is gathered from the
 * slot's nonce and a tail that all slots share, so that a thousand slots do not keep a thousand copies of it.
 */

import { echoNonceBytes, patternBytes } from '../../../protocol/traffic.ts';
import type { LoadOrder } from '../../load.ts';
import type { Buffers } from './buffers.ts';
import { type Conversation, type ConversationKind, Verdict } from './conversation.ts';

const longestOwnRequest = 1024;

/** Layout of a slot's own bytes when gathered: the nonce, two `struct iovec`, a `struct msghdr`. */
const gather = { vectorsAt: 16, headerAt: 48, bytes: 48 + 56 } as const;

export const echoConversation: ConversationKind = {
  plan: (order) => ({
    ownBytes: order.requestBytes > longestOwnRequest ? gather.bytes : Math.max(order.requestBytes, 8),
    sharedBytes: patternBytes(order.requestBytes),
    // One byte more than is due, so that an answer that is too long shows.
    room: { wanted: order.responseBytes + 1, least: Math.min(order.responseBytes + 1, 2048) },
  }),
  create: (order, buffers) => new EchoConversation(order, buffers),
};

class EchoConversation implements Conversation {
  readonly gathered: boolean;
  readonly #buffers: Buffers;
  readonly #requestBytes: number;
  readonly #responseBytes: number;
  /** Bytes of the present answer heard so far. */
  readonly #heard: Int32Array;

  constructor(order: LoadOrder, buffers: Buffers) {
    this.#buffers = buffers;
    this.#requestBytes = order.requestBytes;
    this.#responseBytes = order.responseBytes;
    this.#heard = new Int32Array(buffers.slots);
    this.gathered = order.requestBytes > longestOwnRequest;
    for (let slot = 0; slot < buffers.slots; slot++) this.#layOut(slot);
  }

  ask(slot: number, connection: number, message: number): void {
    const { bytes, words, ownAt } = this.#buffers;
    const at = ownAt[slot];
    if (this.#requestBytes >= echoNonceBytes) {
      words[at >>> 2] = connection;
      words[(at >>> 2) + 1] = Math.imul(connection ^ (message << 24), 0x9e37_79b1) ^ slot;
    } else {
      for (let index = 0; index < this.#requestBytes; index++)
        bytes[at + index] = (connection + message) >>> (8 * index);
    }
    this.#heard[slot] = 0;
    this.#expect(slot, this.#responseBytes);
  }

  hear(slot: number, bytes: number): Verdict {
    const heard = this.#heard[slot];
    const left = this.#responseBytes - heard - bytes;
    if (left < 0 || !this.#isRepeated(slot, heard % this.#requestBytes, bytes)) return Verdict.wrong;
    if (left === 0) return Verdict.complete;
    this.#heard[slot] = heard + bytes;
    this.#expect(slot, left);
    return Verdict.more;
  }

  #expect(slot: number, left: number): void {
    this.#buffers.receiveBytes[slot] = Math.min(left + 1, this.#buffers.roomBytes);
  }

  /** What lies in the slot's room is the request from `phase` on, again and again. */
  #isRepeated(slot: number, phase: number, bytes: number): boolean {
    const at = this.#buffers.roomAt[slot];
    const once = Math.min(bytes, this.#requestBytes);
    const untilEnd = Math.min(once, this.#requestBytes - phase);
    return (
      this.#isRequest(slot, at, phase, untilEnd) &&
      this.#isRequest(slot, at + untilEnd, 0, once - untilEnd) &&
      this.#buffers.same(at + once, at, bytes - once)
    );
  }

  #isRequest(slot: number, at: number, phase: number, bytes: number): boolean {
    const { ownAt, sharedAt } = this.#buffers;
    if (!this.gathered) return this.#buffers.same(at, ownAt[slot] + phase, bytes);
    const nonce = Math.min(bytes, Math.max(0, echoNonceBytes - phase));
    return (
      this.#buffers.same(at, ownAt[slot] + phase, nonce) &&
      this.#buffers.same(at + nonce, sharedAt + phase + nonce, bytes - nonce)
    );
  }

  #layOut(slot: number): void {
    const { address, bytes, ownAt, sharedAt } = this.#buffers;
    const at = ownAt[slot];
    if (!this.gathered) {
      bytes.copy(bytes, at, sharedAt, sharedAt + this.#requestBytes);
      this.#buffers.sendFrom(slot, at, this.#requestBytes);
      return;
    }
    const vectors = [address + at, echoNonceBytes, address + sharedAt + echoNonceBytes];
    const tail = this.#requestBytes - echoNonceBytes;
    [...vectors, tail].forEach((word, index) => {
      bytes.writeBigUInt64LE(BigInt(word), at + gather.vectorsAt + index * 8);
    });
    // struct msghdr: name, its length, vectors, their count, control, its length, flags.
    bytes.writeBigUInt64LE(BigInt(address + at + gather.vectorsAt), at + gather.headerAt + 16);
    bytes.writeBigUInt64LE(2n, at + gather.headerAt + 24);
    this.#buffers.sendFrom(slot, at + gather.headerAt, this.#requestBytes);
  }
}
