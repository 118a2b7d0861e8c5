/**
 * SipHash-2-4: a keyed hash that one who does not have the key cannot predict, of a few 32-bit words. In
 * int32 arithmetic, each 64-bit word as its low and high half; nothing is allocated. Aumasson and Bernstein,
 * "SipHash: a fast short-input PRF" (INDOCRYPT 2012); the message is the words' bytes, little-endian.
 */

const compressionRounds = 2;
const finalRounds = 4;

export class SipHash {
  /** Of the last hash, the high half, int32. */
  high = 0;
  readonly #key0: number;
  readonly #key1: number;
  readonly #key2: number;
  readonly #key3: number;

  /** @param random uniform over all 32 bits; called four times for the key. */
  constructor(random: () => number) {
    this.#key0 = random() | 0;
    this.#key1 = random() | 0;
    this.#key2 = random() | 0;
    this.#key3 = random() | 0;
  }

  /** Of words[0 … count). @returns the low half, int32; the high one is in `high`. */
  hash(words: Int32Array, count: number): number {
    let v0 = this.#key0 ^ 0x70736575;
    let v0High = this.#key1 ^ 0x736f6d65;
    let v1 = this.#key2 ^ 0x6e646f6d;
    let v1High = this.#key3 ^ 0x646f7261;
    let v2 = this.#key0 ^ 0x6e657261;
    let v2High = this.#key1 ^ 0x6c796765;
    let v3 = this.#key2 ^ 0x79746573;
    let v3High = this.#key3 ^ 0x74656462;
    const pairs = count >> 1;
    // Each pair of words, the block with the length in its top byte, then the final rounds with no block.
    for (let block = 0; block <= pairs + 1; block++) {
      let low = 0;
      let high = 0;
      let rounds = compressionRounds;
      if (block < pairs) {
        low = words[2 * block];
        high = words[2 * block + 1];
      } else if (block === pairs) {
        if ((count & 1) === 1) low = words[count - 1];
        high = count << 26;
      } else {
        v2 ^= 0xff;
        rounds = finalRounds;
      }
      v3 ^= low;
      v3High ^= high;
      for (; rounds > 0; rounds--) {
        let sum = (v0 + v1) | 0;
        v0High = (v0High + v1High + carry(v0, v1, sum)) | 0;
        v0 = sum;
        let turned = (v1 << 13) | (v1High >>> 19);
        v1High = ((v1High << 13) | (v1 >>> 19)) ^ v0High;
        v1 = turned ^ v0;
        // A turn by 32 bits swaps the halves.
        turned = v0;
        v0 = v0High;
        v0High = turned;

        sum = (v2 + v3) | 0;
        v2High = (v2High + v3High + carry(v2, v3, sum)) | 0;
        v2 = sum;
        turned = (v3 << 16) | (v3High >>> 16);
        v3High = ((v3High << 16) | (v3 >>> 16)) ^ v2High;
        v3 = turned ^ v2;

        sum = (v0 + v3) | 0;
        v0High = (v0High + v3High + carry(v0, v3, sum)) | 0;
        v0 = sum;
        turned = (v3 << 21) | (v3High >>> 11);
        v3High = ((v3High << 21) | (v3 >>> 11)) ^ v0High;
        v3 = turned ^ v0;

        sum = (v2 + v1) | 0;
        v2High = (v2High + v1High + carry(v2, v1, sum)) | 0;
        v2 = sum;
        turned = (v1 << 17) | (v1High >>> 15);
        v1High = ((v1High << 17) | (v1 >>> 15)) ^ v2High;
        v1 = turned ^ v2;
        turned = v2;
        v2 = v2High;
        v2High = turned;
      }
      v0 ^= low;
      v0High ^= high;
    }
    this.high = v0High ^ v1High ^ v2High ^ v3High;
    return v0 ^ v1 ^ v2 ^ v3;
  }
}

/** Of a 32-bit sum, the bit that did not fit. */
function carry(left: number, right: number, sum: number): number {
  return ((left & right) | ((left | right) & ~sum)) >>> 31;
}
