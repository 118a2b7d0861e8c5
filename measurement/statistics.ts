/** Small statistics of lists of numbers: median, mean, fairness, Holm's correction. Pure; none of them knows a metric. */

/** The middle value, or the mean of the two in the middle; null of an empty list. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Jain's fairness index, (Σx)² / (n Σx²): 1 when all shares are equal, 1/n when one has everything. Null where there is
 * nothing to share. (Jain, Chiu and Hawe, DEC-TR-301, 1984.)
 */
export function jainFairness(shares: readonly number[]): number | null {
  let sum = 0;
  let squares = 0;
  for (const share of shares) {
    sum += share;
    squares += share * share;
  }
  return squares === 0 ? null : Math.min(1, (sum * sum) / (shares.length * squares));
}

/**
 * Holm's step-down correction: which of these claims stand when the chance that any false one stands is to be `alpha`.
 * (Holm, 1979.) Needs no independence between them, which metrics of the same trials do not have.
 */
export function holm(pValues: readonly number[], alpha: number): boolean[] {
  const order = pValues.map((_, index) => index).sort((left, right) => pValues[left] - pValues[right]);
  const stands = pValues.map(() => false);
  for (const [rank, index] of order.entries()) {
    if (pValues[index] > alpha / (pValues.length - rank)) break;
    stands[index] = true;
  }
  return stands;
}
