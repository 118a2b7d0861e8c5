/** A link that says every frame that passes, a line each: `1.204 > …` sent, `1.204 < …` received, in milliseconds. */

import { frameText } from '../wire/frame-text.ts';
import type { FrameBatch, Link } from './link.ts';
import { LinkAround } from './link-around.ts';

export function traceLink(inner: Link, write: (line: string) => void): Link {
  return new TraceLink(inner, write);
}

class TraceLink extends LinkAround {
  readonly #write: (line: string) => void;
  /** Of what was transmitted since the last flush, which knows the time. */
  #sent: string[] = [];

  constructor(inner: Link, write: (line: string) => void) {
    super(inner);
    this.#write = write;
  }

  override receive(batch: FrameBatch, nowUs: number): number {
    const count = this.inner.receive(batch, nowUs);
    for (let index = 0; index < count; index++)
      this.#say(nowUs, '<', frameText(this.memory, batch.at[index], batch.length[index]));
    return count;
  }

  override transmit(at: number, length: number): void {
    this.#sent.push(frameText(this.memory, at, length));
    this.inner.transmit(at, length);
  }

  override flush(nowUs: number): void {
    for (const text of this.#sent) this.#say(nowUs, '>', text);
    this.#sent = [];
    this.inner.flush(nowUs);
  }

  #say(nowUs: number, direction: '<' | '>', text: string): void {
    this.#write(`${(nowUs / 1000).toFixed(3)} ${direction} ${text}`);
  }
}
