/**
 * The names of connections to come: source address, source port, target address; each in its turn, so that a name that
 * was used comes back only after all others, and whoever keeps TIME_WAIT for it has had the longest time to forget it.
 *
 * Nothing is kept of a name that is in use or rests: the stack knows its connections, and refuses such a name. Then the
 * next one is tried.
 */

import { packetPorts } from '../../../protocol/packet-ports.ts';

export interface NamesOptions {
  /** IPv4, as the stack has them: 32 bits in host order. */
  readonly sources: readonly number[];
  readonly targets: readonly number[];
  readonly ports?: { readonly low: number; readonly high: number };
}

export class NamesInTurn {
  /** Signed, so that V8 keeps them as small integers: the same 32 bits. */
  readonly #sources: Int32Array;
  readonly #targets: Int32Array;
  readonly #low: number;
  readonly #high: number;
  #source = 0;
  #target = 0;
  #port: number;

  /** @throws {RangeError} when there is no address. */
  constructor({ sources, targets, ports = packetPorts }: NamesOptions) {
    if (sources.length === 0 || targets.length === 0)
      throw new RangeError(
        `Cannot name connections: ${sources.length} source and ${targets.length} target addresses; wanted one of each`,
      );
    this.#sources = Int32Array.from(sources);
    this.#targets = Int32Array.from(targets);
    this.#low = ports.low;
    this.#high = ports.high;
    this.#port = ports.low;
  }

  get count(): number {
    return this.#sources.length * this.#targets.length * (this.#high - this.#low + 1);
  }

  get source(): number {
    return this.#sources[this.#source];
  }

  get target(): number {
    return this.#targets[this.#target];
  }

  get port(): number {
    return this.#port;
  }

  /** Goes on to the next: sources turn fastest, so that no address is favoured, then targets, then ports. */
  advance(): void {
    if (++this.#source < this.#sources.length) return;
    this.#source = 0;
    if (++this.#target < this.#targets.length) return;
    this.#target = 0;
    this.#port = this.#port === this.#high ? this.#low : this.#port + 1;
  }
}
