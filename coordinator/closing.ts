/** What was opened is closed in the opposite order, each within its time, whatever went wrong meanwhile. */

import { setTimeout as sleep } from 'node:timers/promises';

interface Closer {
  readonly what: string;
  readonly close: () => Promise<unknown> | undefined;
  readonly withinMs: number;
}

export class Closers {
  readonly #closers: Closer[] = [];

  add(what: string, close: () => Promise<unknown> | undefined, withinMs = 3_000): void {
    this.#closers.push({ what, close, withinMs });
  }

  /** Never rejects. @returns what could not be closed, and why. */
  async closeAll(): Promise<readonly string[]> {
    const troubles: string[] = [];
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      const { what, close, withinMs } = closer;
      const late = Symbol('late');
      try {
        const timer = new AbortController();
        const closed = Promise.resolve(close());
        const winner = await Promise.race([
          closed,
          sleep(withinMs, late, { signal: timer.signal }).catch(() => late),
        ]);
        timer.abort();
        if (winner === late) troubles.push(`${what}: not closed within ${withinMs} ms`);
      } catch (error) {
        troubles.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return troubles;
  }
}
