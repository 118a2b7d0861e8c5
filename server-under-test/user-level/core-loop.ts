/**
 * The loop of one core of a user-level server: one link, one stack, one application, one thread.
 *
 *   poll (frames in, timers) ─► events ─► conversations ─► flush (frames out) ─┐
 *    ▲                                                                         │
 *    └── nothing came for a while: sleep until a frame, a timer, 20 ms ◄───────┘
 *
 * It looks on for a moment before it sleeps, because under load the next frame is there sooner than a thread wakes; idle,
 * it sleeps in poll(2), so that the time of its core says what the connections cost.
 */

import { randomBytes } from 'node:crypto';
import type { KernelLink } from '../../net/links/link.ts';
import { Stack } from '../../net/stack.ts';
import { ACCEPTED } from '../../net/tcp/events.ts';
import type { Application } from '../applications/application.ts';
import { ConnectionMemory } from '../connection-memory.ts';
import type { ConnectionTroubles } from '../connections.ts';
import { acceptedIndex, MEASURING, PHASE, STOPPING } from '../core-order.ts';
import { Conversations } from './conversations.ts';
import { MeasuredFigures } from './measured-figures.ts';
import type { UserLevelCoreResult, UserLevelOrder } from './order.ts';

/**
 * How long it looks on after the last frame. At 2,000 connections a second this costs no more than sleeping at once (57 µs
 * of the thread's time a connection either way), for a wake-up costs about as much; a frame that comes meanwhile waits less.
 */
const spinUs = 50;
/** The word that says stop is looked at this often at least. */
const longestWaitUs = 20_000;
const housekeepingUs = 200_000;
/** Of all send and receive buffers; a page costs memory only once touched. What finds none left waits, or is sent again. */
const bufferMemoryBytes = 256 * 1024 * 1024;

export class CoreLoop {
  readonly #shared: Int32Array;
  readonly #counter: number;
  readonly #link: KernelLink;
  readonly #stack: Stack;
  readonly #application: Application;
  readonly #conversations: Conversations;
  readonly #figures: MeasuredFigures;
  readonly #troubles: ConnectionTroubles = { reset: 0, idle: 0, noMemory: 0 };

  constructor(order: UserLevelOrder, link: KernelLink, application: Application) {
    const { maxConnections } = order;
    this.#shared = new Int32Array(order.shared);
    this.#counter = acceptedIndex(order.index);
    this.#link = link;
    this.#application = application;
    this.#stack = new Stack({
      link,
      addresses: order.addresses,
      random: () => randomBytes(4).readUInt32LE(),
      maxConnections,
      buffers: { memoryBytes: bufferMemoryBytes },
      answers: { arp: !order.kernelAnswers, ping: !order.kernelAnswers },
    });
    this.#conversations = new Conversations({
      stack: this.#stack,
      application,
      memory: new ConnectionMemory({
        longestRequestBytes: application.longestRequestBytes,
        maxConnections,
      }),
      troubles: this.#troubles,
      maxConnections,
      idleMs: order.idleMs,
    });
    this.#figures = new MeasuredFigures(this.#stack, link, order.port);
    this.#stack.listen(order.port);
  }

  run(): UserLevelCoreResult {
    const stack = this.#stack;
    let nowUs = clockUs();
    let housekeepingAtUs = nowUs + housekeepingUs;
    let busyAtUs = nowUs;
    for (;;) {
      const phase = Atomics.load(this.#shared, PHASE);
      if (phase === STOPPING) break;
      this.#figures.measure(phase === MEASURING);
      nowUs = clockUs();
      const frames = stack.poll(nowUs);
      const events = stack.takeEvents();
      if (events > 0) this.#handle(events, (nowUs / 1000) | 0);
      stack.flush();
      if (frames > 0) {
        this.#figures.batch(frames);
        busyAtUs = nowUs;
      } else if (events === 0 && nowUs - busyAtUs >= spinUs) this.#sleep();
      if (nowUs >= housekeepingAtUs) {
        housekeepingAtUs = nowUs + housekeepingUs;
        this.#conversations.endIdle((nowUs / 1000) | 0);
        this.#application.tick(Date.now());
      }
    }
    this.#figures.measure(false);
    this.#conversations.abortAll();
    stack.flush();
    return {
      figures: this.#figures.result(),
      troubles: this.#troubles,
      togetherRefused: this.#link.togetherRefused ?? null,
    };
  }

  #handle(count: number, nowMs: number): void {
    const { id, mask } = this.#stack.events;
    for (let index = 0; index < count; index++) {
      if ((mask[index] & ACCEPTED) !== 0) this.#accepted(id[index]);
      this.#conversations.happened(id[index], mask[index], nowMs);
    }
  }

  #accepted(id: number): void {
    // Relaxed: one thread writes, the main thread looks now and then.
    this.#shared[this.#counter]++;
    if (this.#figures.measuring) this.#figures.accepted(id);
  }

  #sleep(): void {
    const idleUs = this.#stack.idleUs();
    if (idleUs > 0) this.#link.wait(Math.min(longestWaitUs, idleUs));
  }
}

/** Microseconds since this thread began. */
function clockUs(): number {
  return performance.now() * 1000;
}
