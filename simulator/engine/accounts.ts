/** Where the cycles of a run went, by operation of its program, and what became of its connections. Sums only. */

import type { Program } from './program.ts';

export class Accounts {
  /** By operation: work, lines moved, lines polled at while a lock was held. */
  readonly work: Float64Array;
  readonly moved: Float64Array;
  readonly polled: Float64Array;
  /** By operation that takes a lock: spinning, hand-over, and holding. */
  readonly waited: Float64Array;
  readonly handedOver: Float64Array;
  readonly held: Float64Array;
  /** Cycles under the connection's own lock. */
  ownLock = 0;
  connections = 0;
  transactions = 0;
  dropped = 0;
  givenUp = 0;
  stolen = 0;
  transmitted = 0;
  transmittedElsewhere = 0;
  /** Accepted connections by core. */
  readonly accepted: Float64Array;

  constructor(program: Program, cores: number) {
    const operations = program.code.length;
    this.work = new Float64Array(operations);
    this.moved = new Float64Array(operations);
    this.polled = new Float64Array(operations);
    this.waited = new Float64Array(operations);
    this.handedOver = new Float64Array(operations);
    this.held = new Float64Array(operations);
    this.accepted = new Float64Array(cores);
  }

  reset(): void {
    for (const each of [
      this.work,
      this.moved,
      this.polled,
      this.waited,
      this.handedOver,
      this.held,
      this.accepted,
    ])
      each.fill(0);
    this.ownLock = 0;
    this.connections = 0;
    this.transactions = 0;
    this.dropped = 0;
    this.givenUp = 0;
    this.stolen = 0;
    this.transmitted = 0;
    this.transmittedElsewhere = 0;
  }
}

export const sum = (values: ArrayLike<number>): number => {
  let total = 0;
  for (let index = 0; index < values.length; index++) total += values[index];
  return total;
};
