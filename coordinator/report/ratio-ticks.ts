/**
 * Round numbers to mark on a logarithmic axis of ratios: 1 is among them, and none is 0 or less, which no ratio can be.
 * Pure; knows no pixels.
 */

/** Ratios in [low, high], a range round 1 of positive numbers; about as many as wanted, from the least on. */
export function ratioTicks(low: number, high: number, wanted: number): number[] {
  return high / low <= 6 ? evenTicks(low, high, wanted) : decadeTicks(low, high, wanted);
}

/** Over so small a range even steps look even: 0.9, 1, 1.1. Counted from 1. */
function evenTicks(low: number, high: number, wanted: number): number[] {
  const least = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 2.5, 5].find((each) => each * power >= least * (1 - 1e-9)) ?? 10);
  const first = Math.ceil((low - 1) / step - 1e-9);
  const last = Math.floor((high - 1) / step + 1e-9);
  // One tick tells no distance.
  if (last === first) return evenTicks(low, high, wanted + 1);
  return Array.from({ length: last - first + 1 }, (_, index) => rounded(1 + (first + index) * step));
}

/** 1, 2 and 5 of every decade; where those are too many 1 and 3, then 1, then that of every so many decades. */
function decadeTicks(low: number, high: number, wanted: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const decades = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const ticksAt = (steps: readonly number[], apart: number): number[] =>
    decades
      .filter((decade) => decade % apart === 0)
      .flatMap((decade) => steps.map((step) => rounded(step * 10 ** decade)))
      .filter((tick) => tick >= low && tick <= high);
  const apart = Math.max(2, Math.ceil(Math.log10(high / low) / wanted));
  const choices = [ticksAt([1, 2, 5], 1), ticksAt([1, 3], 1), ticksAt([1], 1)];
  return choices.find((ticks) => ticks.length <= wanted * 1.5) ?? ticksAt([1], apart);
}

/** Without what binary fractions add: 1.1, not 1.1000000000000001. */
function rounded(value: number): number {
  return Number(value.toPrecision(9));
}
