/**
 * A link of a given speed round any link: frames leave one after the other, each taking the time its bits take, and wait
 * in a queue of bounded length; what finds the queue full is dropped, as a switch port does.
 *
 *   transmit ─► flush (now the time is known) ─► queue ─► the inner link, when the last bit is out
 */

import type { FrameBatch, Link } from '../../net/links/link.ts';
import { LinkAround } from '../../net/links/link-around.ts';

/** Preamble, check sequence and gap: what a frame takes on the wire beyond its own bytes. */
const wireOverheadBytes = 24;

export interface LinkShape {
  readonly bitsPerSecond: number;
  /** Bytes that may wait, the frame on its way out included. */
  readonly queueBytes: number;
}

const most = 8_192;

export class ShapedLink extends LinkAround {
  readonly #shape: LinkShape;
  readonly #at = new Int32Array(most);
  readonly #length = new Int32Array(most);
  readonly #leavesUs = new Float64Array(most);
  /** Frames ever queued, given a time, and passed on: the ring's three ends. */
  #queued = 0;
  #timed = 0;
  #passed = 0;
  #waitingBytes = 0;
  #freeFromUs = 0;

  constructor(inner: Link, shape: LinkShape) {
    super(inner);
    this.#shape = shape;
  }

  override receive(batch: FrameBatch, nowUs: number): number {
    this.#passOn(nowUs);
    return this.inner.receive(batch, nowUs);
  }

  override transmit(at: number, length: number): void {
    if (this.#waitingBytes + length > this.#shape.queueBytes || this.#queued - this.#passed === most) {
      this.counters.overflows++;
      this.inner.release(at);
      return;
    }
    const place = this.#queued++ % most;
    this.#at[place] = at;
    this.#length[place] = length;
    this.#waitingBytes += length;
  }

  override flush(nowUs: number): void {
    const usPerByte = 8e6 / this.#shape.bitsPerSecond;
    for (; this.#timed < this.#queued; this.#timed++) {
      const place = this.#timed % most;
      const startsUs = Math.max(nowUs, this.#freeFromUs);
      this.#freeFromUs = startsUs + (this.#length[place]! + wireOverheadBytes) * usPerByte;
      this.#leavesUs[place] = this.#freeFromUs;
    }
    this.#passOn(nowUs);
  }

  override dueAtUs(): number {
    const inner = this.inner.dueAtUs();
    return this.#passed < this.#timed ? Math.min(inner, this.#leavesUs[this.#passed % most]!) : inner;
  }

  override close(): void {
    for (; this.#passed < this.#queued; this.#passed++) this.inner.release(this.#at[this.#passed % most]!);
    this.inner.close();
  }

  #passOn(nowUs: number): void {
    for (; this.#passed < this.#timed; this.#passed++) {
      const place = this.#passed % most;
      if (this.#leavesUs[place]! > nowUs) break;
      this.#waitingBytes -= this.#length[place]!;
      this.inner.transmit(this.#at[place]!, this.#length[place]!);
    }
    this.inner.flush(nowUs);
  }
}
