/** Frames that are held back until a time: a binary heap in typed arrays, first due first out, bounded. */

export class HeldFrames {
  readonly #at: Int32Array;
  readonly #length: Int32Array;
  readonly #dueUs: Float64Array;
  /** Frames due at one time leave in the order they came. */
  readonly #order: Float64Array;
  #count = 0;
  #came = 0;

  constructor(most: number) {
    this.#at = new Int32Array(most);
    this.#length = new Int32Array(most);
    this.#dueUs = new Float64Array(most);
    this.#order = new Float64Array(most);
  }

  get count(): number {
    return this.#count;
  }

  /** Infinity: none is held. */
  get dueAtUs(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : this.#dueUs[0];
  }

  /** Of the frame that is due first. */
  get firstAt(): number {
    return this.#at[0];
  }

  get firstLength(): number {
    return this.#length[0];
  }

  /** @returns false: there is no room for it. */
  add(at: number, length: number, dueUs: number): boolean {
    if (this.#count === this.#at.length) return false;
    let place = this.#count++;
    this.#set(place, at, length, dueUs, this.#came++);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#isBefore(place, parent)) break;
      this.#swap(place, parent);
      place = parent;
    }
    return true;
  }

  /** Forgets the frame that is due first. */
  removeFirst(): void {
    const last = --this.#count;
    this.#swap(0, last);
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= last) return;
      const right = left + 1;
      const first = right < last && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(first, place)) return;
      this.#swap(first, place);
      place = first;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const difference = this.#dueUs[one] - this.#dueUs[other];
    return difference < 0 || (difference === 0 && this.#order[one] < this.#order[other]);
  }

  #set(place: number, at: number, length: number, dueUs: number, order: number): void {
    this.#at[place] = at;
    this.#length[place] = length;
    this.#dueUs[place] = dueUs;
    this.#order[place] = order;
  }

  #swap(one: number, other: number): void {
    const at = this.#at[one];
    const length = this.#length[one];
    const dueUs = this.#dueUs[one];
    const order = this.#order[one];
    this.#set(one, this.#at[other], this.#length[other], this.#dueUs[other], this.#order[other]);
    this.#set(other, at, length, dueUs, order);
  }
}
