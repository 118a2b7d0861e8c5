/**
 * http: HTTP/1.1 as any client speaks it (RFC 9110, 9112). `GET /N` is answered with N bytes of the pattern, `GET /`
 * with as many as the trial says; HEAD likewise; keep-alive, pipelining and HTTP/1.0 work. Bodies of requests are read
 * and ignored. It refuses chunked requests (411), HTTP/2 (505), heads over 16 KiB (431), and does no ranges,
 * conditions, compression or virtual hosts.
 */

import { patternByte } from '../../protocol/traffic.ts';
import {
  type Application,
  CLOSE,
  ENDING,
  KEEP,
  LINGER,
  OWN,
  RESPONSE,
  type ResponsePart,
} from './application.ts';
import {
  emptyRequestHead,
  endOfHead,
  mayBeginRequest,
  parseRequestHead,
  type RequestHead,
} from './http-request.ts';
import { HttpResponseHead, noBody, withConnectionClose, withKeepAlive } from './http-response.ts';
import { repeatFirst } from './periodic.ts';

/** Twice what clients of ours send at most. */
const longestHeadBytes = 16_384;
const patternPeriod = 64;

/** Status of the response that is due. */
const STATUS = OWN;
/** Bytes of its body. */
const BODY = OWN + 1;
/** noBody, withConnectionClose, withKeepAlive. */
const FLAGS = OWN + 2;
/** Bytes of the request's body still to come. */
const SKIP = OWN + 3;
/** Bytes of an unfinished head that hold no empty line. */
const SCANNED = OWN + 4;
/** 1: "100 Continue" is due, or was sent last: the response proper comes after the body. */
const CONTINUING = OWN + 5;

export class Http implements Application {
  readonly longestRequestBytes = longestHeadBytes;
  readonly #defaultBytes: number;
  readonly #head = new HttpResponseHead();
  readonly #request: RequestHead = emptyRequestHead();
  /** The whole response that was written last, and where it stands; version 0: none does. */
  #writtenVersion = 0;
  #writtenIn: Uint8Array | null = null;
  #writtenAt = 0;

  /** @param responseBytes what `GET /` is answered with. */
  constructor(responseBytes: number) {
    this.#defaultBytes = responseBytes;
  }

  parse(memory: Uint8Array, from: number, to: number, words: Int32Array, base: number): number {
    words[base + RESPONSE] = 0;
    if (to === from) return 0;
    if (words[base + SKIP] > 0) return this.#skipBody(to - from, words, base);
    // RFC 9112, 2.2: an empty line before a request is passed over.
    if (memory[from] === 13) {
      if (to - from === 1) return 0;
      if (memory[from + 1] === 10) return 2;
    }
    if (!mayBeginRequest(memory[from])) return this.#refuse(400, to - from, words, base);

    const end = endOfHead(memory, Math.max(from, from + words[base + SCANNED] - 3), to);
    if (end < 0) {
      words[base + SCANNED] = to - from;
      return to - from >= longestHeadBytes ? this.#refuse(431, to - from, words, base) : 0;
    }
    words[base + SCANNED] = 0;
    const request = this.#request;
    parseRequestHead(memory, from, end, request);
    this.#decide(request, words, base);
    return end - from;
  }

  respond(memory: Uint8Array, part: ResponsePart, words: Int32Array, base: number): number {
    const status = words[base + CONTINUING] === 1 ? 100 : words[base + STATUS];
    const head = this.#head;
    const headBytes = head.build(status, words[base + BODY], words[base + FLAGS]);
    const total = words[base + RESPONSE];
    const length = Math.min(part.room, total - part.offset);
    if (length === total) {
      // In a trial all responses are alike, but for the second they are made in.
      const isThere =
        head.version === this.#writtenVersion && part.out === this.#writtenAt && memory === this.#writtenIn;
      if (isThere) return length;
      this.#writtenAt = part.out;
      this.#writtenIn = memory;
    }
    this.#writtenVersion = length === total ? head.version : 0;
    let done = 0;
    for (let at = part.offset; at < headBytes && done < length; at++)
      memory[part.out + done++] = head.bytes[at];
    if (done < length) {
      const bodyOffset = part.offset + done - headBytes;
      if (status === 200) fillPattern(memory, part.out + done, length - done, bodyOffset);
      else head.copyReason(memory, part.out + done, length - done, bodyOffset);
    }
    return length;
  }

  tick(unixMs: number): void {
    this.#head.setDate(unixMs);
  }

  #decide(request: RequestHead, words: Int32Array, base: number): void {
    if (request.broken) {
      this.#refuse(request.status, 0, words, base);
      return;
    }
    const found = request.status === 200;
    words[base + STATUS] = request.status;
    words[base + BODY] = !found
      ? this.#head.reasonBytes(request.status)
      : request.wantedBytes < 0
        ? this.#defaultBytes
        : request.wantedBytes;
    words[base + FLAGS] =
      (request.headOnly ? noBody : 0) |
      (request.keepAlive ? (request.persistentByDefault ? 0 : withKeepAlive) : withConnectionClose);
    words[base + SKIP] = request.bodyBytes;
    if (request.bodyBytes === 0) {
      this.#respond(words, base);
    } else if (request.expectsContinue && request.persistentByDefault) {
      words[base + CONTINUING] = 1;
      words[base + RESPONSE] = this.#head.build(100, 0, 0);
      words[base + ENDING] = KEEP;
    }
  }

  #skipBody(came: number, words: Int32Array, base: number): number {
    words[base + CONTINUING] = 0;
    const consumed = Math.min(came, words[base + SKIP]);
    words[base + SKIP] -= consumed;
    if (words[base + SKIP] === 0) this.#respond(words, base);
    return consumed;
  }

  /** The response that the words describe is due. */
  #respond(words: Int32Array, base: number): void {
    const flags = words[base + FLAGS];
    const headBytes = this.#head.build(words[base + STATUS], words[base + BODY], flags);
    words[base + RESPONSE] = headBytes + ((flags & noBody) !== 0 ? 0 : words[base + BODY]);
    words[base + ENDING] = (flags & withConnectionClose) !== 0 ? CLOSE : KEEP;
  }

  /** An answer, and the end: what follows cannot be told apart. */
  #refuse(status: number, consumed: number, words: Int32Array, base: number): number {
    words[base + STATUS] = status;
    words[base + BODY] = this.#head.reasonBytes(status);
    words[base + FLAGS] = withConnectionClose;
    words[base + SKIP] = 0;
    this.#respond(words, base);
    words[base + ENDING] = LINGER;
    return consumed;
  }
}

/** Bytes `offset`… of the patterned body. */
function fillPattern(memory: Uint8Array, out: number, length: number, offset: number): void {
  const first = Math.min(length, patternPeriod);
  for (let index = 0; index < first; index++) memory[out + index] = patternByte(offset + index);
  repeatFirst(memory, out, first, length);
}
