/**
 * The application of a stack that opens many short connections: in each place one after the other, a request, its echo,
 * the end. What the kernel's peer does in kernel-peer.ts, this does over a stack.
 */

import type { Stack } from '../../net/stack.ts';
import { CONNECTED, FAILED } from '../../net/tcp/events.ts';
import { fillFromStream, firstWrongByte } from '../net-simulation/byte-stream.ts';
import { clientStream } from './kernel-peer.ts';

export interface ShortCallersOptions {
  readonly stack: Stack;
  /** The stack's own, used in turn. */
  readonly sources: Uint32Array;
  readonly address: number;
  readonly port: number;
  readonly connections: number;
  readonly concurrency: number;
  readonly requestBytes: number;
}

export class ShortCallers {
  completed = 0;
  /** How often each thing went wrong. */
  readonly troubles: Record<string, number> = {};
  readonly #options: ShortCallersOptions;
  readonly #bytes: Buffer;
  /** Of each connection under way: its number, and the bytes that came. */
  readonly #underWay = new Map<number, { readonly number: number; received: number }>();
  #begun = 0;

  constructor(options: ShortCallersOptions) {
    this.#options = options;
    this.#bytes = Buffer.alloc(options.requestBytes);
  }

  get isOver(): boolean {
    return this.#begun === this.#options.connections && this.#underWay.size === 0;
  }

  eachTurn(): void {
    const { stack, sources, address, port, connections, concurrency } = this.#options;
    while (this.#begun < connections && this.#underWay.size < concurrency) {
      const number = this.#begun++;
      const id = stack.connect(sources[number % sources.length] as number, 0, address, port);
      if (id >= 0) this.#underWay.set(id, { number, received: 0 });
      else this.#trouble(`connect: errno ${-id}`);
    }
  }

  happened(id: number, mask: number): void {
    const call = this.#underWay.get(id);
    if (call === undefined) {
      this.#trouble('an event of no connection');
      return;
    }
    const { stack, requestBytes } = this.#options;
    if ((mask & FAILED) !== 0) {
      this.#trouble(`failed: errno ${stack.errorOf(id)}`);
      this.#end(id);
      return;
    }
    if ((mask & CONNECTED) !== 0) {
      fillFromStream(this.#bytes, requestBytes, clientStream, call.number);
      if (stack.write(id, this.#bytes, 0, requestBytes) < requestBytes)
        this.#trouble('no room for a request');
    }
    const count = stack.read(id, this.#bytes, 0, requestBytes);
    if (firstWrongByte(this.#bytes, count, clientStream, call.number + call.received) >= 0)
      this.#trouble('a wrong byte');
    call.received += count;
    if (call.received === requestBytes) {
      this.completed++;
      this.#end(id);
    } else if (stack.isEnded(id)) {
      this.#trouble('closed before the answer');
      this.#end(id);
    }
  }

  #end(id: number): void {
    this.#underWay.delete(id);
    this.#options.stack.close(id);
  }

  #trouble(what: string): void {
    this.troubles[what] = (this.troubles[what] ?? 0) + 1;
  }
}
