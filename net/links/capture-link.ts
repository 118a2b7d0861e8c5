/** A link that writes every frame that passes, in both directions, to a capture. */

import type { FrameBatch, Link } from './link.ts';
import { LinkAround } from './link-around.ts';
import type { PcapWriter } from './pcap.ts';

export function captureLink(inner: Link, capture: PcapWriter): Link {
  return new CaptureLink(inner, capture);
}

class CaptureLink extends LinkAround {
  readonly #capture: PcapWriter;
  /** Transmitted since the last flush, which knows the time: the inner link may change a frame before. */
  #sent: Uint8Array[] = [];

  constructor(inner: Link, capture: PcapWriter) {
    super(inner);
    this.#capture = capture;
  }

  override receive(batch: FrameBatch, nowUs: number): number {
    const count = this.inner.receive(batch, nowUs);
    for (let index = 0; index < count; index++)
      this.#capture.frame(this.memory, batch.at[index], batch.length[index], nowUs);
    return count;
  }

  override transmit(at: number, length: number): void {
    this.#sent.push(this.memory.slice(at, at + length));
    this.inner.transmit(at, length);
  }

  override flush(nowUs: number): void {
    for (const frame of this.#sent) this.#capture.frame(frame, 0, frame.length, nowUs);
    this.#sent = [];
    this.inner.flush(nowUs);
  }
}
