/** The server's link: each direction sends one packet after the other at its speed. Times in cycles of the server's clock. */

import type { Machine } from '../machine/machine.ts';

/** Ethernet, IP and TCP with timestamps, preamble, checksum and gap, of each packet. */
const headerBytes = 90;
const segmentBytes = 1448;

export class Link {
  readonly #cyclesAByte: number;
  #sendFree = 0;
  #receiveFree = 0;

  constructor(machine: Machine) {
    this.#cyclesAByte = (8 * machine.clockGHz) / machine.nic.gigabits;
  }

  /** When the last bit of what is handed over now has left. */
  sent(now: number, bytes: number): number {
    this.#sendFree = Math.max(now, this.#sendFree) + this.#cycles(bytes);
    return this.#sendFree;
  }

  received(now: number, bytes: number): number {
    this.#receiveFree = Math.max(now, this.#receiveFree) + this.#cycles(bytes);
    return this.#receiveFree;
  }

  #cycles(bytes: number): number {
    const segments = Math.max(1, Math.ceil(bytes / segmentBytes));
    return (bytes + segments * headerBytes) * this.#cyclesAByte;
  }
}
