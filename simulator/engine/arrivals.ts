/**
 * Open arrivals: clients who come by a Poisson process, whatever the server is doing, and do not come back once served.
 *
 *   arrival ── SYN ─► is there a place? ── yes ─► a slot, and the life that `connections.ts` tells
 *                          └─ no: dropped, again after 1, 2, 4, … s, given up after the last try
 *
 * A SYN reserves its place in the queue of those to be accepted; one that finds none is dropped before it costs the server
 * anything, so no last ACK of a handshake is lost. It knows no core and no step, and refuses to go on with millions waiting.
 */

import type { EventQueue } from '../event-queue.ts';
import { SimulationInputError } from '../input-error.ts';
import type { RandomStream } from '../random.ts';
import type { Accounts } from './accounts.ts';
import { onArrival } from './event-kinds.ts';

const newcomer = -1;
/** Clients who wait to try again; more would fill the memory before the run is over. */
export const mostWaiting = 4e6;

export interface ArrivalsOptions {
  readonly meanGapCycles: number;
  readonly secondCycles: number;
  /** A SYN is given so many further tries. */
  readonly maxTries: number;
  /** From a client to the server. */
  readonly halfTripCycles: number;
  /** Connections that can be under way at a time. */
  readonly slots: number;
  readonly events: EventQueue;
  readonly chance: RandomStream;
  readonly accounts: Accounts;
  /** Lets a connection begin in `slot`, its SYN sent at `started`; false: its queue is full. */
  readonly admit: (slot: number, started: number) => boolean;
}

export class Arrivals {
  /** Since the run began: clients that came, and that went without ever being admitted. */
  arrived = 0;
  givenUp = 0;
  /** Clients whose SYN was dropped and who will try again. */
  waiting = 0;

  readonly #options: ArrivalsOptions;
  /** The slot that was freed last is taken first, as kernels do: its lines may still be in a cache. */
  readonly #free: Int32Array;
  #freeCount: number;
  // By client who waits to try again.
  readonly #started: number[] = [];
  readonly #tries: number[] = [];
  readonly #unused: number[] = [];

  constructor(options: ArrivalsOptions) {
    this.#options = options;
    this.#freeCount = options.slots;
    this.#free = Int32Array.from({ length: options.slots }, (_, index) => options.slots - 1 - index);
  }

  /** Connections that are under way. */
  get open(): number {
    return this.#options.slots - this.#freeCount;
  }

  begin(): void {
    this.#scheduleNext();
  }

  /** A SYN reaches the server: of a client who tries again or, by a negative number, of a new one. */
  arrives(client: number): void {
    if (client < 0) {
      this.#scheduleNext();
      this.arrived++;
    }
    const { events, halfTripCycles } = this.#options;
    const started = client < 0 ? events.time - halfTripCycles : this.#started[client];
    if (this.#isAdmitted(started)) {
      if (client >= 0) this.#leaves(client);
      return;
    }
    this.#options.accounts.dropped++;
    this.#triesAgain(client < 0 ? this.#stays(started) : client);
  }

  /** Its connection is over. */
  frees(slot: number): void {
    this.#free[this.#freeCount++] = slot;
  }

  #scheduleNext(): void {
    const { events, chance, meanGapCycles } = this.#options;
    events.put(events.time + chance.exponential(meanGapCycles), onArrival, newcomer);
  }

  #isAdmitted(started: number): boolean {
    if (this.#freeCount === 0 || !this.#options.admit(this.#free[this.#freeCount - 1], started)) return false;
    this.#freeCount--;
    return true;
  }

  /** RFC 6298, section 5.5. */
  #triesAgain(client: number): void {
    const { events, secondCycles, maxTries, accounts } = this.#options;
    const tries = this.#tries[client]++;
    if (tries < maxTries) {
      events.put(events.time + 2 ** tries * secondCycles, onArrival, client);
      return;
    }
    this.givenUp++;
    accounts.givenUp++;
    this.#leaves(client);
  }

  #stays(started: number): number {
    const client = this.#unused.pop() ?? this.#started.length;
    this.#started[client] = started;
    this.#tries[client] = 0;
    if (++this.waiting > mostWaiting)
      throw new SimulationInputError(
        `Cannot simulate that many arrivals: ${mostWaiting.toLocaleString('en-US')} clients wait to try again before the run is over; wanted a rate nearer to what the server can do, or fewer connections to measure`,
      );
    return client;
  }

  #leaves(client: number): void {
    this.waiting--;
    this.#unused.push(client);
  }
}
