/**
 * A stack in a process that has other things to do: turns of the link and turns of Node's event loop, one after the other.
 *
 *   poll ─► events ─► flush ─┬─ something came: again, for half a millisecond at most ─┐
 *    ▲                       └─ nothing came: sleep on the link, for less than 1 ms ───┤
 *    └──────────────────────────── the event loop ◄────────────────────────────────────┘
 *
 * So a frame is seen at once, and what the event loop brings within a millisecond.
 */

import type { KernelLink } from '../../net/links/link.ts';
import type { Stack } from '../../net/stack.ts';

const idleSleepMs = 0.8;
/** While something goes on, the next thing is expected sooner. */
const busySleepMs = 0.1;
const busyForUs = 20_000;
const longestBusyUs = 500;

export interface TurnsOptions {
  readonly stack: Stack;
  /** Its link, or what is round it. */
  readonly link: KernelLink;
  /** What the stack says of a connection: `mask` of its events. */
  readonly happened: (id: number, mask: number, nowUs: number) => void;
  /** Before each flush: the application does what it wants. */
  readonly eachTurn?: (nowUs: number) => void;
  /** The link broke: its device is gone, or down. The turns are over. */
  readonly failed: (error: unknown) => void;
}

export class StackTurns {
  readonly #options: TurnsOptions;
  #isRunning = false;
  /** When something last happened. */
  #busyUs = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
    setImmediate(this.#run);
  }

  /** No turn follows. The link may be closed. */
  stop(): void {
    this.#isRunning = false;
  }

  /** One turn at once, out of turn: what has come by now is known afterwards. */
  now(): void {
    if (!this.#isRunning) return;
    this.#busyUs = clockUs();
    this.#tried(() => this.#turn(this.#busyUs));
  }

  readonly #run = (): void => {
    if (!this.#isRunning) return;
    this.#tried(() => this.#turns());
    setImmediate(this.#run);
  };

  #tried(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#isRunning = false;
      this.#options.failed(error);
    }
  }

  #turns(): void {
    const { stack, link } = this.#options;
    const beganUs = clockUs();
    for (let nowUs = beganUs; nowUs - beganUs < longestBusyUs && this.#isRunning; nowUs = clockUs()) {
      if (this.#turn(nowUs)) {
        this.#busyUs = nowUs;
        continue;
      }
      const mostMs = nowUs - this.#busyUs < busyForUs ? busySleepMs : idleSleepMs;
      const sleepUs = Math.min(mostMs * 1000, stack.idleUs());
      if (sleepUs > 0) link.wait(sleepUs);
      return;
    }
  }

  /** @returns whether anything happened. */
  #turn(nowUs: number): boolean {
    const { stack, happened, eachTurn } = this.#options;
    const frames = stack.poll(nowUs);
    const events = stack.takeEvents();
    const { id, mask } = stack.events;
    for (let index = 0; index < events; index++) happened(id[index], mask[index], nowUs);
    eachTurn?.(nowUs);
    stack.flush();
    return frames > 0 || events > 0;
  }
}

/** Microseconds, monotonic. */
export function clockUs(): number {
  return performance.now() * 1000;
}
