/**
 * What one core of a user-level server did in the measured interval: the difference of the stack's counters at its two
 * ends, and what is looked at in between. It costs a few additions a batch; nothing of it is allocated while serving but
 * the copy of the counters at each end.
 */

import { LatencyHistogram } from '../../measurement/histogram.ts';
import type { Link } from '../../net/links/link.ts';
import type { Stack } from '../../net/stack.ts';

/** What the means and maxima of several cores can be put together from. */
export interface Lengths {
  readonly looks: number;
  readonly sum: number;
  readonly most: number;
}

/** Of one core, in the measured interval. */
export interface CoreFigures {
  readonly batches: Lengths;
  readonly acceptQueue: Lengths;
  readonly halfOpen: Lengths;
  /** The stack's counters by name, and the link's `overflows`, `framesSent` and `sentTogether`. */
  readonly counters: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  /** Encoded LatencyHistogram: the last ACK of a handshake to the application. */
  readonly acceptWait: string;
}

type Counts = Pick<CoreFigures, 'counters' | 'drops'>;

const waitingAtOnce = 256;

export class MeasuredFigures {
  /** Whether the measured interval is on. */
  measuring = false;
  readonly #stack: Stack;
  readonly #link: Link;
  readonly #port: number;
  readonly #batches = new LengthSum();
  readonly #acceptQueue = new LengthSum();
  readonly #halfOpen = new LengthSum();
  readonly #wait = new LatencyHistogram();
  /** Recorded together, from a loop of their own: V8 then boxes none of them. */
  readonly #waitsNs = new Float64Array(waitingAtOnce);
  #waiting = 0;
  #acceptedNow = 0;
  #begin: Counts;
  #end: Counts | null = null;

  constructor(stack: Stack, link: Link, port: number) {
    this.#stack = stack;
    this.#link = link;
    this.#port = port;
    this.#begin = this.#counts();
  }

  /** Called once a turn: notes when the interval begins and ends. */
  measure(measuring: boolean): void {
    if (measuring === this.measuring) return;
    this.measuring = measuring;
    if (measuring) this.#reset();
    else this.#end = this.#counts();
  }

  /** A connection is handed to the application now. */
  accepted(id: number): void {
    this.#acceptedNow++;
    this.#waitsNs[this.#waiting++] = performance.now() * 1e6 - this.#stack.establishedAtUs(id) * 1e3;
    if (this.#waiting === waitingAtOnce) this.#recordWaits();
  }

  /** A batch was handled. @param frames that it had. */
  batch(frames: number): void {
    if (!this.measuring) return;
    this.#batches.add(frames);
    // The application takes all that there are, so those of this turn are what the queue was.
    this.#acceptQueue.add(this.#acceptedNow);
    this.#acceptedNow = 0;
    // Those that were established are taken: what still waits is half open.
    this.#halfOpen.add(this.#stack.waiting(this.#port));
  }

  result(): CoreFigures {
    const end = this.#end ?? this.#begin;
    this.#recordWaits();
    return {
      batches: this.#batches.lengths(),
      acceptQueue: this.#acceptQueue.lengths(),
      halfOpen: this.#halfOpen.lengths(),
      counters: differences(this.#begin.counters, end.counters),
      drops: differences(this.#begin.drops, end.drops),
      acceptWait: this.#wait.encode(),
    };
  }

  #recordWaits(): void {
    for (let index = 0; index < this.#waiting; index++) this.#wait.record(this.#waitsNs[index]);
    this.#waiting = 0;
  }

  #reset(): void {
    for (const sum of [this.#batches, this.#acceptQueue, this.#halfOpen]) sum.reset();
    this.#wait.reset();
    this.#waiting = 0;
    this.#acceptedNow = 0;
    this.#begin = this.#counts();
    this.#end = null;
  }

  #counts(): Counts {
    const { drops, ...counters } = this.#stack.counters;
    const { overflows, transmitted: framesSent, sentTogether = 0 } = this.#link.counters;
    return { counters: { ...counters, overflows, framesSent, sentTogether }, drops: { ...drops } };
  }
}

class LengthSum {
  #looks = 0;
  #sum = 0;
  #most = 0;

  add(length: number): void {
    this.#looks++;
    this.#sum += length;
    if (length > this.#most) this.#most = length;
  }

  reset(): void {
    this.#looks = 0;
    this.#sum = 0;
    this.#most = 0;
  }

  lengths(): Lengths {
    return { looks: this.#looks, sum: this.#sum, most: this.#most };
  }
}

function differences(
  begin: Readonly<Record<string, number>>,
  end: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(end).map(([name, count]) => [name, count - (begin[name] ?? 0)]));
}
