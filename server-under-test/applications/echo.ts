/**
 * echo: a request is N bytes, its response the request repeated up to M bytes. It knows no end of a conversation but
 * the number of messages; a client that stops in the middle of a request is answered nothing.
 */

import { type Application, CLOSE, ENDING, KEEP, OWN, RESPONSE, type ResponsePart } from './application.ts';
import { fillPeriodic } from './periodic.ts';

export interface EchoShape {
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** The server closes after so many responses; null: it waits for the client's end. */
  readonly closeAfter: number | null;
}

const ANSWERED = OWN;

export class Echo implements Application {
  readonly longestRequestBytes: number;
  readonly #responseBytes: number;
  readonly #closeAfter: number;
  readonly #pattern: { at: number; period: number; phase: number };

  constructor(shape: EchoShape) {
    this.longestRequestBytes = shape.requestBytes;
    this.#responseBytes = shape.responseBytes;
    this.#closeAfter = shape.closeAfter ?? 0;
    this.#pattern = { at: 0, period: shape.requestBytes, phase: 0 };
  }

  parse(_memory: Uint8Array, from: number, to: number, words: Int32Array, base: number): number {
    if (to - from < this.longestRequestBytes) return 0;
    const answered = ++words[base + ANSWERED];
    words[base + RESPONSE] = this.#responseBytes;
    words[base + ENDING] = answered === this.#closeAfter ? CLOSE : KEEP;
    return this.longestRequestBytes;
  }

  respond(memory: Uint8Array, part: ResponsePart): number {
    const length = Math.min(part.room, this.#responseBytes - part.offset);
    this.#pattern.at = part.requestAt;
    this.#pattern.phase = part.offset % this.longestRequestBytes;
    fillPeriodic(memory, part.out, length, this.#pattern);
    return length;
  }

  tick(): void {
    // Nothing of it depends on the time.
  }
}
