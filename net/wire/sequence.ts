/**
 * Sequence numbers, compared modulo 2^32 (RFC 9293 3.4). They are int32 here, which the engine keeps unboxed; a number
 * that a person reads is `value >>> 0`. Two numbers 2^31 apart are each before the other: no window is that wide.
 */

export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

export function atOrBefore(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}

export function after(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

export function atOrAfter(a: number, b: number): boolean {
  return ((b - a) | 0) <= 0;
}

/** Steps forward from one to the other; negative when `to` is before `from`. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}
