/** Waiting for memory once instead of many times. */

import type { FrameBatch } from './links/link.ts';

/**
 * Reads a byte at either end of every frame before any is looked at: what another core has written comes from there for
 * all of them together, instead of one after the other.
 */
export function touch(memory: DataView, batch: FrameBatch, count: number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) {
    const at = batch.at[index];
    // A link may hand over a frame of nothing: before the first one there is no byte.
    const last = Math.max(batch.length[index], 1) - 1;
    sum = (sum + memory.getInt8(at) + memory.getInt8(at + last)) | 0;
  }
  return sum;
}
