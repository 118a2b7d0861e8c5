/**
 * How long the frames of a closed loop are left to gather before they are taken, as a network card leaves them before it
 * interrupts: a wake-up costs about as much as a connection, and with a slow server every frame would be one.
 *
 * A hundredth of what a connection takes, at most: so much coarser are the latencies, which are not what a closed loop is
 * asked for. By Little's law a connection takes as long as those under way need to end, one after the other. An open loop
 * does not gather.
 */

/** Of the mean time of a connection. */
const share = 0.01;
const mostUs = 500;
/** Less is not worth a timer. */
const leastUs = 20;
/** The mean is taken over this long. */
const windowUs = 10_000;

export class Gathering {
  /** Now, and when the window began. */
  readonly #clockUs: Float64Array;
  #endedBefore = 0;
  #pauseUs = 0;
  #longestUs = 0;

  constructor(nowUs: number) {
    this.#clockUs = Float64Array.of(nowUs, nowUs);
  }

  /** The longest there was; 0: none. */
  get longestUs(): number {
    return this.#longestUs;
  }

  /**
   * @param underWay connections now. @param ended connections, since the start.
   * @returns how long to wait now; 0: not at all.
   */
  pauseUs(nowUs: number, underWay: number, ended: number): number {
    // Small enough to be compiled into its caller: a double that is passed to another function is allocated.
    this.#clockUs[0] = nowUs;
    return this.#pauseOf(underWay, ended);
  }

  #pauseOf(underWay: number, ended: number): number {
    const clock = this.#clockUs;
    const elapsedUs = clock[0] - clock[1];
    if (elapsedUs >= windowUs) {
      const count = ended - this.#endedBefore;
      clock[1] = clock[0];
      this.#endedBefore = ended;
      const pauseUs = count === 0 ? 0 : Math.min((share * underWay * elapsedUs) / count, mostUs);
      this.#pauseUs = pauseUs < leastUs ? 0 : Math.floor(pauseUs);
      this.#longestUs = Math.max(this.#longestUs, this.#pauseUs);
    }
    return this.#pauseUs;
  }
}
