/**
 * When the metrics were read. A run ends when it ends, and whoever reads it every fifteen seconds would never see what it
 * came to: it is waited for, once, but never for longer than it has let pass before.
 */

import { setTimeout as sleep } from 'node:timers/promises';

const kept = 5;
/** Whoever reads more seldom than this, or has not read for so long, is not waited for. */
const mostBetweenMs = 65_000;
const slackMs = 1_000;

export class Reads {
  readonly #atMs: number[] = [];
  readonly #waiting = new Set<(beganMs: number) => void>();

  /** They were read, to the last byte; `beganMs`: when the reading began, by performance.now(). */
  note(beganMs: number): void {
    this.#atMs.push(beganMs);
    if (this.#atMs.length > kept) this.#atMs.shift();
    for (const wake of this.#waiting) wake(beganMs);
  }

  /** The longest time between two of the last reads; null: nobody reads again and again. */
  get betweenMs(): number | null {
    if (this.#atMs.length < 2) return null;
    const gaps = this.#atMs.slice(1).map((atMs, index) => atMs - this.#atMs[index]);
    const longest = Math.max(...gaps);
    const since = performance.now() - this.#atMs[this.#atMs.length - 1];
    return longest > mostBetweenMs || since > mostBetweenMs ? null : longest;
  }

  async next(signal: AbortSignal): Promise<void> {
    const { betweenMs } = this;
    if (betweenMs === null) return;
    const read = new AbortController();
    const fromMs = performance.now();
    const wake = (beganMs: number) => {
      if (beganMs >= fromMs) read.abort();
    };
    this.#waiting.add(wake);
    const over = AbortSignal.any([signal, read.signal]);
    await sleep(betweenMs + slackMs, undefined, { signal: over }).catch(() => {});
    this.#waiting.delete(wake);
  }
}
