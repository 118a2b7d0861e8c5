/** The IPv4 addresses of this end: any number of them, found by hashing. Addresses are int32 or uint32. */

export class OwnAddresses {
  readonly #table: Int32Array;
  readonly #mask: number;
  /** Of the first one, for packets that are of no connection. */
  readonly first: number;

  /** @throws {RangeError} no address, or 0.0.0.0. */
  constructor(addresses: Uint32Array) {
    if (addresses.length === 0 || addresses.includes(0))
      throw new RangeError(
        'Cannot make a stack: no address of its own, or 0.0.0.0; wants at least one host address',
      );
    const size = 1 << (33 - Math.clz32(addresses.length));
    this.#table = new Int32Array(size);
    this.#mask = size - 1;
    this.first = addresses[0] | 0;
    for (const address of addresses)
      if (!this.has(address | 0)) this.#table[this.#place(address | 0)] = address;
  }

  /** @param address int32. */
  has(address: number): boolean {
    return this.#table[this.#place(address)] === address;
  }

  /** Where it is, or the free place where it would be; 0.0.0.0 is nobody's. */
  #place(address: number): number {
    let at = (Math.imul(address, 0x9e3779b1) >>> 8) & this.#mask;
    while (this.#table[at] !== 0 && this.#table[at] !== address) at = (at + 1) & this.#mask;
    return at;
  }
}
