/**
 * Behind which device a hardware address is, as an Ethernet switch learns it: from the frames that come. For a link over
 * several devices; it knows the last four bytes of an address, and forgets all when it is full.
 */

const slotBits = 12;
const slots = 1 << slotBits;
const factor = 0x9e37_79b1;

export class NeighbourTable {
  /** Open addressing: address, then device + 1. */
  readonly #addresses = new Int32Array(slots);
  readonly #devices = new Int32Array(slots);
  #count = 0;

  /** @param at of an Ethernet frame that came from `device`. */
  learn(memory: Uint8Array, at: number, device: number): void {
    const address = lastBytes(memory, at + 8);
    const slot = this.#slotOf(address);
    if (this.#devices[slot] !== 0) {
      this.#devices[slot] = device + 1;
      return;
    }
    if (this.#count === slots >> 1) {
      this.#devices.fill(0);
      this.#count = 0;
      this.learn(memory, at, device);
      return;
    }
    this.#count++;
    this.#addresses[slot] = address;
    this.#devices[slot] = device + 1;
  }

  /** @param at of an Ethernet frame to be sent. @returns the device; -1: nothing came from there. */
  deviceFor(memory: Uint8Array, at: number): number {
    return this.#devices[this.#slotOf(lastBytes(memory, at + 2))] - 1;
  }

  /** Of the address, or the empty one where it would go. */
  #slotOf(address: number): number {
    let slot = Math.imul(address, factor) >>> (32 - slotBits);
    while (this.#devices[slot] !== 0 && this.#addresses[slot] !== address) slot = (slot + 1) & (slots - 1);
    return slot;
  }
}

function lastBytes(memory: Uint8Array, at: number): number {
  return (memory[at] << 24) | (memory[at + 1] << 16) | (memory[at + 2] << 8) | memory[at + 3];
}
