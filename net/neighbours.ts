/**
 * Which hardware address leads to an IPv4 address: routes to next hops, and of these their hardware addresses, told or
 * asked for by ARP. A few of each: nothing here is on the way of a segment.
 */

import { hardwareHigh, hardwareLow } from './wire/ethernet.ts';

interface Route {
  readonly prefix: number;
  readonly mask: number;
  /** 0: the destination is its own next hop. */
  readonly nextHop: number;
}

export interface Neighbour {
  high: number;
  low: number;
  /** False: it was asked for, and has not answered. */
  isKnown: boolean;
  /** When it was last asked for, in milliseconds. */
  askedMs: number;
}

/** More than these are not remembered: the first is forgotten. */
const most = 4_096;

export class Neighbours {
  /** The longest prefix first. */
  readonly #routes: Route[] = [];
  readonly #neighbours = new Map<number, Neighbour>();

  /** @param nextHop 0: whoever is under the prefix is on the link. */
  setRoute(prefix: number, bits: number, nextHop: number): void {
    const mask = bits === 0 ? 0 : -1 << (32 - bits);
    const route = { prefix: prefix & mask, mask, nextHop: nextHop | 0 };
    const same = this.#routes.findIndex((other) => other.prefix === route.prefix && other.mask === mask);
    if (same >= 0) this.#routes.splice(same, 1);
    this.#routes.push(route);
    this.#routes.sort((one, other) => (other.mask >>> 0) - (one.mask >>> 0));
  }

  /** @param address int32 or uint32. */
  set(address: number, hardware: Uint8Array): void {
    this.learn(address | 0, hardwareHigh(hardware), hardwareLow(hardware));
  }

  learn(address: number, high: number, low: number): void {
    this.#keep(address, { high, low, isKnown: true, askedMs: 0 });
  }

  /** @returns the next hop to an address, int32; 0: there is no way. */
  nextHop(address: number): number {
    if (this.#neighbours.has(address)) return address;
    for (const { prefix, mask, nextHop } of this.#routes)
      if ((address & mask) === prefix) return nextHop === 0 ? address : nextHop;
    return 0;
  }

  find(nextHop: number): Neighbour | undefined {
    return this.#neighbours.get(nextHop);
  }

  /** It is asked for now. */
  asked(nextHop: number, nowMs: number): void {
    this.#keep(nextHop, { high: 0, low: 0, isKnown: false, askedMs: nowMs });
  }

  #keep(address: number, neighbour: Neighbour): void {
    if (this.#neighbours.size >= most && !this.#neighbours.has(address))
      for (const oldest of this.#neighbours.keys()) {
        this.#neighbours.delete(oldest);
        break;
      }
    this.#neighbours.set(address, neighbour);
  }
}
