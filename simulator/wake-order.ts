/**
 * Which of the workers that sleep is woken for the next connection of a shared queue.
 *
 * `fifo`: who has slept longest; blocking accept(), whose waiters queue up anew each time. `lifo`: the sleeper nearest the
 * end of one fixed list; epoll with EPOLLEXCLUSIVE, whose entry in the socket's wait queue is made once, when the socket is
 * added, and stays where it is however often its worker is woken. It knows no time and no queue of connections.
 */

export const wakeOrders = ['fifo', 'lifo'] as const;
export type WakeOrder = (typeof wakeOrders)[number];

export interface Sleepers {
  /** Workers that sleep. */
  readonly count: number;
  /** A worker goes to sleep; no worker sleeps twice. */
  sleep(worker: number): void;
  /** The next one, awake from now on; −1 when none sleeps. */
  wake(): number;
}

export function sleepers(order: WakeOrder, workers: number): Sleepers {
  return order === 'fifo' ? new Line(workers) : new FixedList(workers);
}

class Line implements Sleepers {
  count = 0;
  readonly #ring: Int32Array;
  #first = 0;

  constructor(workers: number) {
    this.#ring = new Int32Array(workers);
  }

  sleep(worker: number): void {
    this.#ring[(this.#first + this.count++) % this.#ring.length] = worker;
  }

  wake(): number {
    if (this.count === 0) return -1;
    const worker = this.#ring[this.#first];
    this.#first = (this.#first + 1) % this.#ring.length;
    this.count--;
    return worker;
  }
}

class FixedList implements Sleepers {
  count = 0;
  readonly #isAsleep: Uint8Array;

  constructor(workers: number) {
    this.#isAsleep = new Uint8Array(workers);
  }

  sleep(worker: number): void {
    this.#isAsleep[worker] = 1;
    this.count++;
  }

  wake(): number {
    const worker = this.#isAsleep.indexOf(1);
    if (worker < 0) return -1;
    this.#isAsleep[worker] = 0;
    this.count--;
    return worker;
  }
}
