/** Filling memory with a repeated pattern, without allocating: what both applications' responses are made of. */

/** Below this, a loop is faster than the call of copyWithin. */
const loopBytes = 96;

/**
 * memory[out + i] = memory[source + (phase + i) mod period], for i from 0 to `length`.
 * The pattern must not overlap what is written.
 */
export function fillPeriodic(
  memory: Uint8Array,
  out: number,
  length: number,
  pattern: { readonly at: number; readonly period: number; readonly phase: number },
): void {
  const { at, period } = pattern;
  let phase = pattern.phase;
  if (length <= loopBytes) {
    for (let index = 0; index < length; index++) {
      memory[out + index] = memory[at + phase];
      if (++phase === period) phase = 0;
    }
    return;
  }
  const head = Math.min(length, period - phase);
  memory.copyWithin(out, at + phase, at + phase + head);
  const wrapped = Math.min(length - head, phase);
  memory.copyWithin(out + head, at, at + wrapped);
  repeatFirst(memory, out, head + wrapped, length);
}

/** Repeats the first `written` bytes at `out` up to `length`; they are whole periods, or all there is to write. */
export function repeatFirst(memory: Uint8Array, out: number, written: number, length: number): void {
  let done = written;
  while (done < length) {
    const chunk = Math.min(done, length - done);
    memory.copyWithin(out + done, out, out + chunk);
    done += chunk;
  }
}
