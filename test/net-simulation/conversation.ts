/**
 * One end of a conversation, as an application with its own pace has it: writes its stream in random pieces, reads the
 * peer's in random pieces and checks every byte, pauses at random, and ends the way its plan says.
 *
 *   writes … ─► shutdown (or not) ─► reads to the peer's end ─► close
 */

import type { Stack } from '../../net/stack.ts';
import { ACCEPTED, CONNECTED, ENDED, FAILED } from '../../net/tcp/events.ts';
import { fillFromStream, firstWrongByte } from './byte-stream.ts';

export interface EndPlan {
  /** Which stream its bytes are of, and which the peer's. */
  readonly sends: number;
  readonly receives: number;
  readonly sendBytes: number;
  readonly mostWriteBytes: number;
  readonly mostReadBytes: number;
  /** Between two actions at most; 0: it does at once what it can. */
  readonly mostPauseUs: number;
  /** It says its end as soon as all is written; else only by closing, after the peer's end. */
  readonly halfCloses: boolean;
  /** Small segments wait for ACKs. */
  readonly hasNagle: boolean;
  /** It resets the connection then; Infinity: never. */
  readonly abortsAtUs: number;
}

const scratch = new Uint8Array(1 << 18);

export class ConversationEnd {
  readonly plan: EndPlan;
  sentBytes = 0;
  receivedBytes = 0;
  /** The errno that the stack gave it up with; 0: none. */
  failure = 0;
  /** The handshake is done. */
  isOpen = false;
  isClosed = false;
  readonly #id: number;
  readonly #random: () => number;
  /** It pauses until then. */
  #resumesUs = Number.POSITIVE_INFINITY;
  #isShut = false;
  #isPeerEnded = false;

  constructor(id: number, plan: EndPlan, random: () => number) {
    this.plan = plan;
    this.#id = id;
    this.#random = random;
  }

  /** When it acts next without being asked to. */
  get dueUs(): number {
    return this.isClosed ? Number.POSITIVE_INFINITY : Math.min(this.#resumesUs, this.plan.abortsAtUs);
  }

  /** @param mask of the stack's events; 0: its time has come. */
  turn(stack: Stack, mask: number, nowUs: number): void {
    if (this.isClosed) return;
    if ((mask & (ACCEPTED | CONNECTED)) !== 0) {
      this.isOpen = true;
      stack.setNagle(this.#id, this.plan.hasNagle);
    }
    if ((mask & FAILED) !== 0) {
      this.failure = stack.errorOf(this.#id);
      this.#close(stack);
      return;
    }
    if (nowUs >= this.plan.abortsAtUs) {
      this.isClosed = true;
      stack.abort(this.#id);
      return;
    }
    if (!this.isOpen) return;
    if ((mask & ENDED) !== 0) this.#isPeerEnded = true;
    if (nowUs < this.#resumesUs && this.#resumesUs !== Number.POSITIVE_INFINITY) return;
    this.#resumesUs = Number.POSITIVE_INFINITY;
    const { mostPauseUs } = this.plan;
    if (mostPauseUs === 0) {
      while (this.#read(stack) + this.#write(stack) > 0);
    } else if (this.#read(stack) + this.#write(stack) > 0) {
      this.#resumesUs = nowUs + this.#random() * mostPauseUs;
    }
    this.#end(stack);
  }

  #read(stack: Stack): number {
    const room = 1 + Math.floor(this.#random() * this.plan.mostReadBytes);
    const count = stack.read(this.#id, scratch, 0, Math.min(room, scratch.length));
    const wrong = firstWrongByte(scratch, count, this.plan.receives, this.receivedBytes);
    if (wrong >= 0)
      throw new Error(
        `Stream ${this.plan.receives}: byte ${this.receivedBytes + wrong} is ${scratch[wrong]}, not what was written there`,
      );
    this.receivedBytes += count;
    return count;
  }

  #write(stack: Stack): number {
    const left = this.plan.sendBytes - this.sentBytes;
    if (left === 0) return 0;
    const some = Math.min(left, 1 + Math.floor(this.#random() * this.plan.mostWriteBytes), scratch.length);
    fillFromStream(scratch, some, this.plan.sends, this.sentBytes);
    const taken = stack.write(this.#id, scratch, 0, some);
    this.sentBytes += taken;
    return taken;
  }

  #end(stack: Stack): void {
    if (this.sentBytes < this.plan.sendBytes) return;
    if (this.plan.halfCloses && !this.#isShut) {
      this.#isShut = true;
      stack.shutdown(this.#id);
    }
    if (this.#isPeerEnded && stack.isEnded(this.#id)) this.#close(stack);
  }

  #close(stack: Stack): void {
    this.isClosed = true;
    stack.close(this.#id);
  }
}
