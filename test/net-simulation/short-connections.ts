/**
 * Many short connections: the client sends a request, the server answers it, one of the two closes first, or both at
 * once, or one resets. Typed arrays only, so that what grows is the stack's and not the test's.
 */

import type { Stack } from '../../net/stack.ts';
import { CONNECTED, ENDED, FAILED, READABLE } from '../../net/tcp/events.ts';
import type { Application } from './simulated-network.ts';

/** How a connection ends; the first byte of a request says which. */
export const Ending = { clientFirst: 0, serverFirst: 1, clientResets: 2, serverResets: 3, both: 4 } as const;
const endings = Object.keys(Ending).length;

/** Of requests and responses: so short that they come in one piece. */
const messageBytes = 64;

export class ShortServer implements Application {
  answered = 0;
  readonly #buffer = new Uint8Array(messageBytes);

  turn(stack: Stack, events: number, _nowUs: number): void {
    for (let index = 0; index < events; index++) {
      const id = stack.events.id[index]!;
      const mask = stack.events.mask[index]!;
      if ((mask & FAILED) !== 0) stack.close(id);
      else if ((mask & READABLE) !== 0 && stack.readable(id) > 0) this.#answer(stack, id);
      else if ((mask & ENDED) !== 0) stack.close(id);
    }
  }

  dueUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  #answer(stack: Stack, id: number): void {
    const buffer = this.#buffer;
    if (stack.read(id, buffer, 0, messageBytes) !== messageBytes) throw new Error('A request came in pieces');
    if (stack.write(id, buffer, 0, messageBytes) !== messageBytes) throw new Error('A response had no room');
    this.answered++;
    const ending = buffer[0]!;
    if (ending === Ending.serverFirst || ending === Ending.both) stack.close(id);
    else if (ending === Ending.serverResets) stack.abort(id);
  }
}

export interface ShortClientOptions {
  readonly connections: number;
  readonly concurrency: number;
  readonly localAddresses: Uint32Array;
  readonly remoteAddress: number;
  readonly remotePort: number;
  readonly ending?: number;
}

export class ShortClient implements Application {
  started = 0;
  /** Ended as they were meant to. */
  done = 0;
  /** Ended otherwise. */
  failed = 0;
  #wanted: number;
  readonly #options: ShortClientOptions;
  readonly #buffer = new Uint8Array(messageBytes);
  /** Of each id, the connection's number. */
  readonly #number: Int32Array;
  #open = 0;

  constructor(options: ShortClientOptions, maxConnections: number) {
    this.#options = options;
    this.#wanted = options.connections;
    this.#number = new Int32Array(maxConnections);
  }

  get isDone(): boolean {
    return this.done + this.failed === this.#wanted;
  }

  /** So many connections are to follow. */
  more(connections: number): void {
    this.#wanted += connections;
  }

  turn(stack: Stack, events: number, _nowUs: number): void {
    for (let index = 0; index < events; index++)
      this.#event(stack, stack.events.id[index]!, stack.events.mask[index]!);
    while (this.started < this.#wanted && this.#open < this.#options.concurrency)
      if (!this.#start(stack)) return;
  }

  /** It tries again when no port was free: those in TIME-WAIT become so. */
  dueUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  #start(stack: Stack): boolean {
    const { localAddresses, remoteAddress, remotePort } = this.#options;
    const address = localAddresses[this.started % localAddresses.length]!;
    const id = stack.connect(address, 0, remoteAddress, remotePort);
    if (id < 0) return false;
    this.#number[id] = this.started++;
    this.#open++;
    return true;
  }

  #event(stack: Stack, id: number, mask: number): void {
    const ending = this.#options.ending ?? this.#number[id]! % endings;
    if ((mask & FAILED) !== 0) this.#end(stack, id, ending === Ending.serverResets);
    else if ((mask & CONNECTED) !== 0) this.#ask(stack, id, ending);
    else if ((mask & READABLE) !== 0 && stack.readable(id) > 0) this.#hear(stack, id, ending);
    else if ((mask & ENDED) !== 0) this.#end(stack, id, ending === Ending.serverFirst);
  }

  #ask(stack: Stack, id: number, ending: number): void {
    this.#buffer[0] = ending;
    stack.write(id, this.#buffer, 0, messageBytes);
  }

  #hear(stack: Stack, id: number, ending: number): void {
    if (stack.read(id, this.#buffer, 0, messageBytes) !== messageBytes)
      throw new Error('A response came in pieces');
    if (ending === Ending.clientResets) {
      stack.abort(id);
      this.#count(true);
    } else if (ending === Ending.clientFirst || ending === Ending.both || stack.isEnded(id))
      this.#end(stack, id, true);
  }

  #end(stack: Stack, id: number, isAsMeant: boolean): void {
    stack.close(id);
    this.#count(isAsMeant);
  }

  #count(isAsMeant: boolean): void {
    this.#open--;
    if (isAsMeant) this.done++;
    else this.failed++;
  }
}
