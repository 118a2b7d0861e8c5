/**
 * The place where a simulation watches and pulls the plug: a link round a host's link, through which every frame of that
 * host passes. It counts the frames sent, shows each to who wants to look at it, and can fold each, with its time, into a
 * digest of the run.
 */

import type { FrameBatch, Link } from '../../net/links/link.ts';
import { LinkAround } from '../../net/links/link-around.ts';

export type FrameWatcher = (view: DataView, at: number, length: number) => void;

export class TappedLink extends LinkAround {
  /** With the plug out, what is sent and what comes is lost. */
  isPluggedIn = true;
  sentFrames = 0;
  /** Are shown every frame that is sent. */
  readonly watchers: FrameWatcher[] = [];
  readonly #view: DataView;
  readonly #isDigested: boolean;
  #nowUs = 0;
  #high = 0x811c_9dc5 | 0;
  #low = 0x2545_f491;

  /** @param isDigested costs a pass over the bytes of every frame. */
  constructor(inner: Link, isDigested: boolean) {
    super(inner);
    const { buffer, byteOffset, byteLength } = inner.memory;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#isDigested = isDigested;
  }

  /** Of all frames sent so far, and when: 16 hexadecimal digits. */
  get digest(): string {
    const digits = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return digits(this.#high) + digits(this.#low);
  }

  override receive(batch: FrameBatch, nowUs: number): number {
    this.#nowUs = nowUs;
    const count = this.inner.receive(batch, nowUs);
    if (this.isPluggedIn) return count;
    for (let index = 0; index < count; index++) this.inner.release(batch.at[index]!);
    return 0;
  }

  override transmit(at: number, length: number): void {
    this.sentFrames++;
    for (const watch of this.watchers) watch(this.#view, at, length);
    if (this.#isDigested) this.#fold(this.#view, at, length);
    if (this.isPluggedIn) this.inner.transmit(at, length);
    else this.inner.release(at);
  }

  #fold(view: DataView, at: number, length: number): void {
    this.#stir(Math.round(this.#nowUs * 1_000) | 0);
    this.#stir(length);
    const words = at + (length & ~3);
    for (let place = at; place < words; place += 4) this.#stir(view.getInt32(place));
    for (let place = words; place < at + length; place++) this.#stir(view.getUint8(place));
  }

  #stir(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x0100_0193);
    this.#low = Math.imul((this.#low << 7) ^ (this.#low >>> 9) ^ word, 0x85eb_ca6b);
  }
}
