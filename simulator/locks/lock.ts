/**
 * A lock as its cores see it: who holds it, who waits, who comes next, and how long the hand-over takes.
 *
 * A structure without a clock: time and the costs of distance come in as arguments, and the owner's event queue lets the
 * next holder go on when the hand-over is done. How kinds differ is in one file each (`ticket.ts`, `mcs.ts`, …). It
 * refuses a core that asks twice, or releases what it does not hold: those are mistakes of the model that uses it.
 */

/** In the place of a core. */
export const nobody = -1;

/** Cycles for a cache line to move from one core to another; a core to itself costs what its own cache does. */
export type LineCycles = (from: number, to: number) => number;

/** What a kind of lock looks at when it is handed over. One object, used again for every hand-over of every lock. */
export interface HandOver {
  readonly from: number;
  readonly to: number;
  readonly nowCycles: number;
  /** Cores that wait, the next holder included; longest first, of which the first `waiting` count. */
  readonly line: Int32Array;
  /** When each of them began to wait, in cycles. */
  readonly since: Float64Array;
  readonly waiting: number;
  readonly lineCycles: LineCycles;
}

export interface LockKind {
  /** Which of `waiting` cores comes next, as its place in the line. */
  readonly next: (waiting: number, chance: () => number, line: Int32Array) => number;
  /** Cycles from the release until the next holder goes on. */
  readonly handOverCycles: (handOver: HandOver) => number;
  /** The same where a line takes `lineCycles` between any two cores; with 0 waiting: until another core may have it. */
  readonly evenHandOverCycles: (waiting: number, lineCycles: number) => number;
}

export interface LockOptions {
  readonly kind: LockKind;
  readonly lineCycles: LineCycles;
  /** Uniform in [0, 1); only unfair kinds draw. */
  readonly chance: () => number;
}

/** Of a lock that nobody has waited for yet: a model may have one a connection. */
const noLine = new Int32Array(0);
const noTimes = new Float64Array(0);
const noFlags = new Uint8Array(0);

const handOver: { -readonly [Name in keyof HandOver]: HandOver[Name] } = {
  from: nobody,
  to: nobody,
  nowCycles: 0,
  line: noLine,
  since: noTimes,
  waiting: 0,
  lineCycles: () => 0,
};

export class Lock {
  /** The core that holds it, or `nobody`. */
  holder = nobody;
  /** Cores that wait for it. */
  waiting = 0;
  /** From the last grant, by `request()` or `release()`, until its new holder goes on. */
  handOverCycles = 0;

  readonly #options: LockOptions;
  #lastHolder = nobody;
  #line = noLine;
  #since = noTimes;
  /** By core. */
  #isWaiting = noFlags;

  constructor(options: LockOptions) {
    this.#options = options;
  }

  /** True: granted, and the core goes on after `handOverCycles`. False: it waits, and some `release()` will name it. */
  request(core: number, nowCycles: number): boolean {
    if (core === this.holder || this.#isWaiting[core] === 1)
      throw new Error(`Core ${core} asks for a lock that it holds or waits for already`);
    if (this.holder === nobody) {
      const last = this.#lastHolder;
      this.holder = core;
      // Nobody waited: the lock's line is where it was last held.
      this.handOverCycles = last === nobody || last === core ? 0 : this.#options.lineCycles(last, core);
      return true;
    }
    if (this.waiting === this.#line.length) this.#grow();
    if (core >= this.#isWaiting.length) this.#know(core);
    this.#isWaiting[core] = 1;
    this.#line[this.waiting] = core;
    this.#since[this.waiting++] = nowCycles;
    return false;
  }

  /** The next holder, which goes on after `handOverCycles`; or `nobody`. */
  release(core: number, nowCycles: number): number {
    if (core !== this.holder) throw new Error(`Core ${core} releases a lock that core ${this.holder} holds`);
    this.#lastHolder = core;
    this.holder = nobody;
    this.handOverCycles = 0;
    if (this.waiting === 0) return nobody;
    const { kind, chance, lineCycles } = this.#options;
    const place = kind.next(this.waiting, chance, this.#line);
    const next = this.#line[place];
    handOver.from = core;
    handOver.to = next;
    handOver.nowCycles = nowCycles;
    handOver.line = this.#line;
    handOver.since = this.#since;
    handOver.waiting = this.waiting;
    handOver.lineCycles = lineCycles;
    this.handOverCycles = kind.handOverCycles(handOver);
    this.#line.copyWithin(place, place + 1, this.waiting);
    this.#since.copyWithin(place, place + 1, this.waiting);
    this.waiting--;
    this.#isWaiting[next] = 0;
    this.holder = next;
    return next;
  }

  #grow(): void {
    const [line, since] = [this.#line, this.#since];
    this.#line = new Int32Array(Math.max(4, line.length * 2));
    this.#since = new Float64Array(this.#line.length);
    this.#line.set(line);
    this.#since.set(since);
  }

  #know(core: number): void {
    const isWaiting = this.#isWaiting;
    this.#isWaiting = new Uint8Array(Math.max(2 * isWaiting.length, core + 1));
    this.#isWaiting.set(isWaiting);
  }
}
