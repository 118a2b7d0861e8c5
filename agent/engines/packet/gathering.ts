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
  #sinceUs: number;
  #endedBefore = 0;
  #pauseUs = 0;
  #longestUs = 0;

  constructor(nowUs: number) {
    this.#sinceUs = nowUs;
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
    const elapsedUs = nowUs - this.#sinceUs;
    if (elapsedUs >= windowUs) {
      const count = ended - this.#endedBefore;
      this.#sinceUs = nowUs;
      this.#endedBefore = ended;
      const pauseUs = count === 0 ? 0 : Math.min((share * underWay * elapsedUs) / count, mostUs);
      this.#pauseUs = pauseUs < leastUs ? 0 : Math.floor(pauseUs);
      this.#longestUs = Math.max(this.#longestUs, this.#pauseUs);
    }
    return this.#pauseUs;
  }
}
