/**
 * Memory for what connections hold, in two sizes: small for a request or a short response, large for a
 * transfer. All of it is one Uint8Array cut into large blocks; a block is one large buffer or a slab of small
 * ones, as they are needed, and is a free block again when its last small one is given back. Some blocks are for
 * small buffers only: peers that take what was sent to them slowly, or never, can have all large ones, and others
 * are still served. A page is touched when it is first written.
 *
 * A buffer is named by the offset of its first byte. Its size is a power of two, so that it can be a ring:
 * the byte at position p, any int32, is at offset + (p & (size − 1)).
 */

export const SMALL = 0;
export const LARGE = 1;

export interface BufferPoolSizes {
  /** A power of two, of at least 64. */
  readonly smallBytes: number;
  /** A power of two, above smallBytes. */
  readonly largeBytes: number;
  /** Of all buffers together; what is over a whole number of large ones is left out. At most 2^31. */
  readonly memoryBytes: number;
}

const END = -1;
/** One block in so many becomes no large buffer. */
const blocksPerSlab = 8;

export class BufferPool {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly smallBytes: number;
  readonly largeBytes: number;
  readonly #smallShift: number;
  readonly #largeShift: number;
  readonly #perSlab: number;
  /** A stack, so that the block given back last, still in the cache, is taken first. */
  readonly #freeBlocks: Int32Array;
  #freeBlockCount: number;
  /** Free blocks that are left to small buffers. */
  readonly #leftToSmall: number;
  /** Of each block that is a slab: small buffers in use; 0: it is none. */
  readonly #slabInUse: Int32Array;
  /** Of each slab, the first of the small buffers that were given back; END: none. */
  readonly #slabFree: Int32Array;
  /** Of each slab, how many small buffers were cut from it so far. */
  readonly #slabCut: Int32Array;
  /** The list of slabs with room. */
  readonly #slabNext: Int32Array;
  readonly #slabPrevious: Int32Array;
  #slabHead = END;
  /** Of each small buffer that is free, the next free one of its slab. */
  readonly #smallNext: Int32Array;
  /** Of each smallBytes of memory: a buffer that is in use starts there. */
  readonly #taken: Uint8Array;
  #smallInUse = 0;
  #largeInUse = 0;

  /** @throws {RangeError} sizes that are not as BufferPoolSizes asks. */
  constructor(sizes: BufferPoolSizes) {
    checkSizes(sizes);
    this.smallBytes = sizes.smallBytes;
    this.largeBytes = sizes.largeBytes;
    this.#smallShift = 31 - Math.clz32(sizes.smallBytes);
    this.#largeShift = 31 - Math.clz32(sizes.largeBytes);
    this.#perSlab = sizes.largeBytes / sizes.smallBytes;
    const blocks = Math.floor(sizes.memoryBytes / sizes.largeBytes);
    this.memory = new Uint8Array(blocks * sizes.largeBytes);
    this.#freeBlocks = new Int32Array(blocks);
    for (let block = 0; block < blocks; block++) this.#freeBlocks[block] = blocks - 1 - block;
    this.#freeBlockCount = blocks;
    this.#leftToSmall = Math.floor(blocks / blocksPerSlab);
    this.#slabInUse = new Int32Array(blocks);
    this.#slabFree = new Int32Array(blocks);
    this.#slabCut = new Int32Array(blocks);
    this.#slabNext = new Int32Array(blocks);
    this.#slabPrevious = new Int32Array(blocks);
    this.#smallNext = new Int32Array(blocks * this.#perSlab);
    this.#taken = new Uint8Array(blocks * this.#perSlab);
  }

  /** @returns offset of a buffer of this size; -1: there is none left. */
  take(sizeClass: number): number {
    return sizeClass === SMALL ? this.#takeSmall() : this.#takeLarge();
  }

  /** @throws {Error} no buffer that is in use starts at `offset`. */
  give(offset: number): void {
    const index = offset >>> this.#smallShift;
    if (this.#taken[index] !== 1 || (offset & (this.smallBytes - 1)) !== 0) throw notTaken(offset);
    this.#taken[index] = 0;
    const block = offset >>> this.#largeShift;
    if (this.#slabInUse[block] > 0) {
      this.#giveSmall(block, index);
      return;
    }
    this.#largeInUse--;
    this.#freeBlocks[this.#freeBlockCount++] = block;
  }

  /** Bytes of a buffer that is in use. */
  sizeOf(offset: number): number {
    return this.#slabInUse[offset >>> this.#largeShift] > 0 ? this.smallBytes : this.largeBytes;
  }

  inUse(sizeClass: number): number {
    return sizeClass === SMALL ? this.#smallInUse : this.#largeInUse;
  }

  /**
   * Moves the bytes of a small ring at positions [from, from + length) to the same positions of a large one,
   * and gives the small one back. @returns offset of the large one; -1: there is none left, and nothing
   * changed.
   */
  grow(offset: number, from: number, length: number): number {
    const grown = this.#takeLarge();
    if (grown < 0) return -1;
    const { memory, smallBytes, largeBytes } = this;
    for (let done = 0; done < length; ) {
      const source = (from + done) & (smallBytes - 1);
      const target = (from + done) & (largeBytes - 1);
      const run = Math.min(length - done, smallBytes - source);
      memory.copyWithin(grown + target, offset + source, offset + source + run);
      done += run;
    }
    this.give(offset);
    return grown;
  }

  #takeLarge(): number {
    if (this.#freeBlockCount <= this.#leftToSmall) return -1;
    const block = this.#freeBlocks[--this.#freeBlockCount];
    this.#taken[block * this.#perSlab] = 1;
    this.#largeInUse++;
    return block << this.#largeShift;
  }

  #takeSmall(): number {
    let slab = this.#slabHead;
    if (slab === END) {
      if (this.#freeBlockCount === 0) return -1;
      slab = this.#freeBlocks[--this.#freeBlockCount];
      this.#slabCut[slab] = 0;
      this.#slabFree[slab] = END;
      this.#link(slab);
    }
    let index = this.#slabFree[slab];
    if (index === END) index = slab * this.#perSlab + this.#slabCut[slab]++;
    else this.#slabFree[slab] = this.#smallNext[index];
    if (++this.#slabInUse[slab] === this.#perSlab) this.#unlink(slab);
    this.#taken[index] = 1;
    this.#smallInUse++;
    return index << this.#smallShift;
  }

  #giveSmall(slab: number, index: number): void {
    this.#smallInUse--;
    const inUse = --this.#slabInUse[slab];
    if (inUse === this.#perSlab - 1) this.#link(slab);
    if (inUse === 0) {
      this.#unlink(slab);
      this.#freeBlocks[this.#freeBlockCount++] = slab;
      return;
    }
    this.#smallNext[index] = this.#slabFree[slab];
    this.#slabFree[slab] = index;
  }

  #link(slab: number): void {
    this.#slabNext[slab] = this.#slabHead;
    this.#slabPrevious[slab] = END;
    if (this.#slabHead !== END) this.#slabPrevious[this.#slabHead] = slab;
    this.#slabHead = slab;
  }

  #unlink(slab: number): void {
    const next = this.#slabNext[slab];
    const previous = this.#slabPrevious[slab];
    if (next !== END) this.#slabPrevious[next] = previous;
    if (previous === END) this.#slabHead = next;
    else this.#slabNext[previous] = next;
  }
}

function checkSizes({ smallBytes, largeBytes, memoryBytes }: BufferPoolSizes): void {
  const powers = isPowerOfTwo(smallBytes) && isPowerOfTwo(largeBytes);
  if (powers && smallBytes >= 64 && largeBytes > smallBytes && memoryBytes >= 0 && memoryBytes <= 2 ** 31)
    return;
  throw new RangeError(
    `Cannot make a buffer pool: small ${smallBytes}, large ${largeBytes}, memory ${memoryBytes} bytes; ` +
      'wants powers of two, small from 64, large above small, memory of at most 2^31',
  );
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}

function notTaken(offset: number): Error {
  return new Error(`Cannot give back the buffer at ${offset}: none that is in use starts there`);
}
