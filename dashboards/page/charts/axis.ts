/** From values to pixels: round numbers for ticks, linear and logarithmic. Pure; knows no document. */

export interface Axis {
  readonly ticks: readonly number[];
  /** Pixels from where the axis begins. */
  at(value: number): number;
}

/** From 0, or `least`, to a round number not under `most`. */
export function linearAxis(least: number, most: number, pixels: number, wantedTicks: number): Axis {
  const step = roundStep((most - least || 1) / Math.max(1, wantedTicks));
  const from = Math.floor(least / step + 1e-9) * step;
  const until = Math.max(from + step, Math.ceil(most / step - 1e-9) * step);
  const count = Math.round((until - from) / step);
  return {
    ticks: Array.from({ length: count + 1 }, (_, index) => from + index * step),
    at: (value) => ((value - from) / (until - from)) * pixels,
  };
}

/** Whole decades round the values, which are positive; ticks at each of them. */
export function logAxis(least: number, most: number, pixels: number): Axis {
  const from = Math.floor(Math.log10(least) + 1e-9);
  const until = Math.max(from + 1, Math.ceil(Math.log10(most) - 1e-9));
  return {
    ticks: Array.from({ length: until - from + 1 }, (_, index) => 10 ** (from + index)),
    at: (value) => ((Math.log10(value) - from) / (until - from)) * pixels,
  };
}

/** 1, 2, 2.5 or 5 times a power of ten, not under `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 2.5, 5].find((step) => step * power >= least - power * 1e-9) ?? 10);
}

/** A coordinate with a tenth of a pixel: more only makes the document larger. */
export function pixel(value: number): string {
  return String(Math.round(value * 10) / 10);
}
