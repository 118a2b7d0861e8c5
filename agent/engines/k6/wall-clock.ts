/**
 * The wall clock, which k6's times are of, on the scale of performance.now(), which ours are of. Both are read together
 * again and again: the wall clock is slewed by NTP, up to 500 µs a second, and a trial may last an hour. One that jumps
 * cuts a trial in two, and is an error. Pure: both readings come in.
 */

export interface ClockReadings {
  /** performance.now(), before and after the other was read. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Whole milliseconds, cut off. */
  readonly wallMs: number;
}

export function readClocks(): ClockReadings {
  const beforeMs = performance.now();
  const wallMs = Date.now();
  return { beforeMs, wallMs, afterMs: performance.now() };
}

/** A pair of readings further apart than this is of a thread that was held up between them. */
const mostApartMs = 0.2;
/** So many pairs tell the offset to some tens of microseconds: the wall clock's own are whole milliseconds. */
const readingsKept = 64;
/** More than slewing and the whole millisecond can make between two looks. */
const jumpMs = 20;

export class WallClock {
  /** Each is too small by what was cut off the millisecond: 0 to 1 ms. */
  readonly #offsetsMs: number[] = [];
  #offsetMs = 0;
  #jumpedMs = 0;

  /** To be called many times a second. */
  look({ beforeMs, afterMs, wallMs }: ClockReadings): void {
    const known = this.#offsetsMs[this.#offsetsMs.length - 1];
    if (known !== undefined && afterMs - beforeMs > mostApartMs) return;
    const offsetMs = wallMs - (beforeMs + afterMs) / 2;
    if (known !== undefined && Math.abs(offsetMs - known) > jumpMs) this.#jumpedMs = offsetMs - known;
    this.#offsetsMs.push(offsetMs);
    if (this.#offsetsMs.length > readingsKept) this.#offsetsMs.shift();
    this.#offsetMs = Math.max(...this.#offsetsMs);
  }

  /** By how much it jumped; 0: it did not. */
  get jumpedMs(): number {
    return this.#jumpedMs;
  }

  /** On the scale of performance.now(), of a time in whole milliseconds, cut off: half of one is given back. */
  toThreadMs(wallMs: number): number {
    return wallMs + 0.5 - this.#offsetMs;
  }
}
