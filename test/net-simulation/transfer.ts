/** Conversations of one shape, timed: a request of some bytes, a response of some bytes, the end. One after the other or side by side. */

import type { Stack } from '../../net/stack.ts';
import { ACCEPTED, CONNECTED, ENDED, FAILED, READABLE, WRITABLE } from '../../net/tcp/events.ts';
import { fillFromStream, firstWrongByte } from './byte-stream.ts';
import type { Application } from './simulated-network.ts';

const requestBytes = 64;
const scratch = new Uint8Array(1 << 17);

/** Answers each request with so many bytes, then closes. */
export class TransferServer implements Application {
  readonly #responseBytes: number;
  /** Of each id: bytes of the response written; -1: the request has not come. */
  readonly #written = new Map<number, number>();

  constructor(responseBytes: number) {
    this.#responseBytes = responseBytes;
  }

  turn(stack: Stack, events: number, _nowUs: number): void {
    for (let index = 0; index < events; index++) {
      const id = stack.events.id[index]!;
      const mask = stack.events.mask[index]!;
      if ((mask & ACCEPTED) !== 0) this.#written.set(id, -1);
      if ((mask & FAILED) !== 0) this.#close(stack, id);
      else if ((mask & (READABLE | WRITABLE)) !== 0) this.#answer(stack, id);
    }
  }

  dueUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  #answer(stack: Stack, id: number): void {
    let written = this.#written.get(id);
    if (written === undefined) return;
    if (written < 0) {
      if (stack.readable(id) < requestBytes) return;
      stack.read(id, scratch, 0, requestBytes);
      written = 0;
    }
    while (written < this.#responseBytes) {
      const some = Math.min(this.#responseBytes - written, scratch.length);
      fillFromStream(scratch, some, 0, written);
      const taken = stack.write(id, scratch, 0, some);
      written += taken;
      if (taken < some) break;
    }
    this.#written.set(id, written);
    if (written === this.#responseBytes) this.#close(stack, id);
  }

  #close(stack: Stack, id: number): void {
    this.#written.delete(id);
    stack.close(id);
  }
}

export interface TransferOptions {
  readonly transfers: number;
  readonly concurrency: number;
  readonly responseBytes: number;
  readonly localAddress: number;
  readonly remoteAddress: number;
  readonly remotePort: number;
}

export class TransferClient implements Application {
  /** From `connect` to the last byte, of each transfer that came whole, in microseconds. */
  readonly durationsUs: number[] = [];
  failed = 0;
  readonly #options: TransferOptions;
  readonly #open = new Map<number, { readonly sinceUs: number; receivedBytes: number }>();
  #started = 0;

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  get isDone(): boolean {
    return this.durationsUs.length + this.failed === this.#options.transfers;
  }

  turn(stack: Stack, events: number, nowUs: number): void {
    for (let index = 0; index < events; index++)
      this.#event(stack, stack.events.id[index]!, stack.events.mask[index]!, nowUs);
    const { transfers, concurrency, localAddress, remoteAddress, remotePort } = this.#options;
    while (this.#open.size < concurrency && this.#started < transfers) {
      const id = stack.connect(localAddress, 0, remoteAddress, remotePort);
      if (id < 0) throw new Error(`Cannot begin transfer ${this.#started}: errno ${-id}`);
      this.#open.set(id, { sinceUs: nowUs, receivedBytes: 0 });
      this.#started++;
    }
  }

  dueUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  #event(stack: Stack, id: number, mask: number, nowUs: number): void {
    const transfer = this.#open.get(id);
    if (transfer === undefined) throw new Error(`An event for connection ${id}, which is not the client's`);
    if ((mask & CONNECTED) !== 0) stack.write(id, scratch, 0, requestBytes);
    if ((mask & READABLE) !== 0) transfer.receivedBytes = this.#read(stack, id, transfer.receivedBytes);
    const isWhole = transfer.receivedBytes === this.#options.responseBytes;
    if (isWhole) this.durationsUs.push(nowUs - transfer.sinceUs);
    else if ((mask & (FAILED | ENDED)) !== 0) this.failed++;
    else return;
    this.#open.delete(id);
    stack.close(id);
  }

  #read(stack: Stack, id: number, before: number): number {
    let received = before;
    for (;;) {
      const count = stack.read(id, scratch, 0, scratch.length);
      if (count === 0) return received;
      if (firstWrongByte(scratch, count, 0, received) >= 0)
        throw new Error(`A wrong byte within ${count} from byte ${received} on`);
      received += count;
    }
  }
}
