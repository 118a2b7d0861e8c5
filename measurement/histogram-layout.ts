/**
 * Where an HDR histogram counts a value, by Gil Tene's layout: linear up to 2^k units, then 2^(k-1) equal slots for each
 * doubling. With three significant digits k is 11: every value is known to one part in 1,024 or better.
 *
 * Pure arithmetic; the unit is 1 ns and the highest value 120 s. It refuses to count.
 */

export const highestNs = 120e9;

export type SignificantDigits = 1 | 2 | 3;

export interface HistogramLayout {
  readonly digits: SignificantDigits;
  /** log2 of the slots of one doubling. */
  readonly halfMagnitude: number;
  readonly slots: number;
}

/** The layout every conforming HdrHistogram has for 1 ns to 120 s at these digits. */
export function layout(digits: SignificantDigits): HistogramLayout {
  const halfMagnitude = Math.ceil(Math.log2(2 * 10 ** digits)) - 1;
  const linear = 2 ** (halfMagnitude + 1);
  let doublings = 1;
  while (linear * 2 ** (doublings - 1) <= highestNs) doublings++;
  return { digits, halfMagnitude, slots: (doublings + 1) * 2 ** halfMagnitude };
}

/** The layout everything is recorded in. */
export const finest = layout(3);

/** Slot of a whole number of nanoseconds from 0 to `highestNs`, in any layout. */
export function slotOf(valueNs: number, { halfMagnitude }: HistogramLayout): number {
  // Math.clz32 and shifts know 31 bits; a division by a power of two is exact beyond.
  const scaleBits = valueNs < 0x8000_0000 ? 0 : 7;
  const value = scaleBits === 0 ? valueNs : Math.floor(valueNs / 128);
  const shift = 31 - Math.clz32(value) - halfMagnitude;
  if (shift + scaleBits <= 0) return value;
  return ((shift + scaleBits) << halfMagnitude) + (value >>> shift);
}

/** The least value counted in a slot, in nanoseconds. */
export function lowestOf(slot: number, { halfMagnitude }: HistogramLayout): number {
  const doubling = (slot >>> halfMagnitude) - 1;
  if (doubling <= 0) return slot;
  const half = 2 ** halfMagnitude;
  return ((slot & (half - 1)) + half) * 2 ** doubling;
}

/** How many nanoseconds wide a slot is. */
export function widthOf(slot: number, { halfMagnitude }: HistogramLayout): number {
  return 2 ** Math.max(0, (slot >>> halfMagnitude) - 1);
}

/** The greatest whole number of nanoseconds counted in a slot. */
export function highestOf(slot: number, inLayout: HistogramLayout): number {
  return lowestOf(slot, inLayout) + widthOf(slot, inLayout) - 1;
}

/** The middle of a slot, rounded up, as HdrHistogram has it. */
export function middleOf(slot: number, inLayout: HistogramLayout): number {
  return lowestOf(slot, inLayout) + Math.floor(widthOf(slot, inLayout) / 2);
}
