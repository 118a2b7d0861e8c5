/** CLOCK_MONOTONIC as a double, read without a BigInt: performance.now() and a constant. */

/** What to add to performance.now() of this thread, in nanoseconds, to get CLOCK_MONOTONIC. */
const originNs = measureOrigin();

/** Milliseconds on this thread's performance.now() scale of a time of CLOCK_MONOTONIC. */
export function toThreadMs(monotonicNs: number): number {
  return (monotonicNs - originNs) / 1e6;
}

/** Microseconds of CLOCK_MONOTONIC, now: comparable between threads and processes of one machine. */
export function monotonicUs(): number {
  return performance.now() * 1000 + originNs / 1000;
}

function measureOrigin(): number {
  // Both read the same clock; the least of a few differences is the one with the least time between the two calls.
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 16; round++) {
    const before = performance.now();
    least = Math.min(least, Number(process.hrtime.bigint()) - before * 1e6);
  }
  return least;
}
