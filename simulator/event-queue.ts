/**
 * What is to happen, in order of time: a binary heap in typed arrays.
 *
 * Events of one time come out in the order in which they were put in, so a run follows from its seed alone. An event is
 * two small integers that only its owner understands. It doubles its arrays when they are full and allocates nothing an
 * event. It refuses times that are not numbers; it cannot take an event back: owners ignore what is no longer wanted.
 */

const firstCapacity = 1024;

export class EventQueue {
  /** Of the event that `next()` took last; its unit is the owner's. */
  time = 0;
  event = 0;
  argument = 0;

  #size = 0;
  /** Counts events ever put in: exact up to 2^53 of them. */
  #sequence = 0;
  #times = new Float64Array(firstCapacity);
  #sequences = new Float64Array(firstCapacity);
  #events = new Int32Array(firstCapacity);
  #arguments = new Int32Array(firstCapacity);

  get size(): number {
    return this.#size;
  }

  /** When the next event is due; Infinity when there is none. */
  get nextTime(): number {
    return this.#size === 0 ? Infinity : this.#times[0];
  }

  /** @throws {RangeError} when `time` is not a number. */
  put(time: number, event: number, argument = 0): void {
    if (Number.isNaN(time)) throw new RangeError(`Cannot schedule event ${event}: its time is not a number`);
    if (this.#size === this.#times.length) this.#grow();
    const times = this.#times;
    // Nothing that is waiting is younger, so equal times never move it up.
    let slot = this.#size++;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if (times[parent] <= time) break;
      this.#move(parent, slot);
      slot = parent;
    }
    times[slot] = time;
    this.#sequences[slot] = this.#sequence++;
    this.#events[slot] = event;
    this.#arguments[slot] = argument;
  }

  /** Takes the next event into `time`, `event` and `argument`; false: there is none. */
  next(): boolean {
    if (this.#size === 0) return false;
    this.time = this.#times[0];
    this.event = this.#events[0];
    this.argument = this.#arguments[0];
    const last = --this.#size;
    if (last > 0) this.#sink(last);
    return true;
  }

  /** Forgets everything, the order of what came before included. */
  clear(): void {
    this.#size = 0;
    this.#sequence = 0;
  }

  /** Puts the event of slot `from` at the top, and lets it sink to where it belongs. */
  #sink(from: number): void {
    const times = this.#times;
    const sequences = this.#sequences;
    const time = times[from];
    const sequence = sequences[from];
    const event = this.#events[from];
    const argument = this.#arguments[from];
    const size = this.#size;
    let slot = 0;
    for (let child = 1; child < size; child = 2 * slot + 1) {
      const right = child + 1;
      if (
        right < size &&
        (times[right] < times[child] ||
          (times[right] === times[child] && sequences[right] < sequences[child]))
      )
        child = right;
      if (time < times[child] || (time === times[child] && sequence < sequences[child])) break;
      this.#move(child, slot);
      slot = child;
    }
    times[slot] = time;
    sequences[slot] = sequence;
    this.#events[slot] = event;
    this.#arguments[slot] = argument;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from];
    this.#sequences[to] = this.#sequences[from];
    this.#events[to] = this.#events[from];
    this.#arguments[to] = this.#arguments[from];
  }

  #grow(): void {
    const capacity = this.#times.length * 2;
    const [times, sequences] = [new Float64Array(capacity), new Float64Array(capacity)];
    const [events, operands] = [new Int32Array(capacity), new Int32Array(capacity)];
    times.set(this.#times);
    sequences.set(this.#sequences);
    events.set(this.#events);
    operands.set(this.#arguments);
    [this.#times, this.#sequences] = [times, sequences];
    [this.#events, this.#arguments] = [events, operands];
  }
}
