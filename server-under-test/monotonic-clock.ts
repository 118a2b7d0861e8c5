/**
 * CLOCK_MONOTONIC in nanoseconds as a plain number, without allocating: what bpf_ktime_get_ns() stamps with.
 *
 * performance.now() is that clock minus a start that differs from thread to thread; the start is found by reading both
 * round each other. After 104 days of uptime a number holds it to 2 ns.
 */

const tries = 16;

/** A reader of the clock, good for the calling thread alone; right to well under a microsecond. */
export function monotonicClock(): () => number {
  let best = { widthMs: Number.POSITIVE_INFINITY, startNs: 0 };
  for (let attempt = 0; attempt < tries; attempt++) {
    const before = performance.now();
    const nowNs = Number(process.hrtime.bigint());
    const after = performance.now();
    if (after - before < best.widthMs)
      best = { widthMs: after - before, startNs: nowNs - ((before + after) / 2) * 1e6 };
  }
  const { startNs } = best;
  return () => startNs + performance.now() * 1e6;
}
