/**
 * The newest epoch this process has seen of each run. What comes with an older one is refused, however late it wakes up;
 * and nothing is begun twice.
 */

const runsKept = 1_000;

export class EpochFence {
  readonly #newest = new Map<string, number>();

  newest(run: string): number {
    return this.#newest.get(run) ?? 0;
  }

  /** An attempt with this epoch exists: those before it are over. */
  see(run: string, epoch: number): void {
    const newest = Math.max(epoch, this.newest(run));
    // The run that was seen last is forgotten last.
    this.#newest.delete(run);
    this.#newest.set(run, newest);
    if (this.#newest.size > runsKept) {
      const [oldest] = this.#newest.keys();
      if (oldest !== undefined) this.#newest.delete(oldest);
    }
  }
}
