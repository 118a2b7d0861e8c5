/**
 * Seeded randomness: the same seed and label give the same numbers on every machine, for ever.
 *
 * xoshiro128** (Blackman and Vigna, 2018), its state filled by splitmix32 from a hash of the label. A label splits one
 * seed into streams that do not disturb each other: adding a draw to "order" moves nothing in "arrivals". It refuses to
 * be a source of secrets.
 */

/**
 * Uniform numbers in [0, 1), with 53 random bits each.
 *
 * @param seed any integer; its low 32 bits count.
 * @param label names the stream: two labels of one seed give unrelated numbers.
 */
export function seededRandom(seed: number, label = ''): () => number {
  const fill = splitmix32(hash(label) ^ Math.imul(seed | 0, 0x9e37_79b1));
  let a = fill();
  let b = fill();
  let c = fill();
  // Of the 2^128 states, all zero is the only one that never moves.
  let d = fill() | 1;

  const next32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
  return () => ((next32() >>> 5) * 0x400_0000 + (next32() >>> 6)) / 2 ** 53;
}

/** A copy of `list` in random order, every order as likely (Fisher–Yates). */
export function shuffled<Item>(list: readonly Item[], random: () => number): Item[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const kept = result[last];
    result[last] = result[other];
    result[other] = kept;
  }
  return result;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function splitmix32(start: number): () => number {
  let state = start | 0;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return mixed ^ (mixed >>> 16);
  };
}

/** FNV-1a over UTF-16 code units, stirred once more so that short labels differ in every bit. */
function hash(text: string): number {
  let value = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x0100_0193);
  value = Math.imul(value ^ (value >>> 16), 0x7feb_352d);
  value = Math.imul(value ^ (value >>> 15), 0x846c_a68b);
  return value ^ (value >>> 16);
}
