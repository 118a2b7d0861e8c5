/**
 * Sleeping until a time and not past it. A kernel ends a timed wait late, by tens of microseconds on a virtual machine:
 * as much as a whole connection takes. So: ask to be woken as much earlier as the last wake-ups were late, and look
 * again without sleeping for what is left. Pure: time comes in, waits come out, both as whole microseconds.
 */

/** What one wake-up weighs in the average. */
const weight = 1 / 8;

export class Alarm {
  readonly #mostEarlyUs: number;
  readonly #earlyUs = new Float64Array(1);
  #askedUs = 0;

  /**
   * @param mostEarlyUs lateness over this is not the kernel's timer but a busy machine, and is not waited for awake;
   * 0: sleeps until the time, and is late by what the kernel is.
   */
  constructor(mostEarlyUs: number) {
    this.#mostEarlyUs = mostEarlyUs;
  }

  /** How long to sleep so as not to be late for what is due in `leftUs`; 0: do not sleep. */
  waitUs(leftUs: number): number {
    this.#askedUs = Math.max(0, (leftUs - this.#earlyUs[0]) | 0);
    return this.#askedUs;
  }

  /** Tells how long the sleep was. One that something else ended early says nothing. */
  rang(sleptUs: number): void {
    if (this.#askedUs === 0 || sleptUs < this.#askedUs) return;
    const lateUs = Math.min(this.#mostEarlyUs, sleptUs - this.#askedUs);
    this.#earlyUs[0] += (lateUs - this.#earlyUs[0]) * weight;
  }
}
