/**
 * A flood: starts connections when they are due, sees each through its conversation, gives up on those that take too
 * long, and stops when told, when its lease has run out, or when its time is over. One call, `run`, that returns when
 * all is over: no promises, no event loop, nothing allocated per connection.
 *
 *   waiting ──start──► loading ──measured time over──► draining ──all ended──► done
 *      │                  │                                │ limit reached: the rest is timed out
 *      └── stop, lease ───┴────────────────────────────────┴──► clearing ──► done (stopped early)
 *
 * It knows no kernel: what carries it is a Transport, and what is said a Conversation.
 */

import { seededRandom } from '../../../measurement/random.ts';
import { Alarm } from '../../alarm.ts';
import type { ConnectionTimes } from '../../connection-times.ts';
import type { LoadOrder } from '../../load.ts';
import { Command, type Lease, type LoadControl } from '../../load-control.ts';
import { toThreadMs } from '../../monotonic.ts';
import { PoissonPacer } from '../../pacing.ts';
import type { Tally } from '../../tally.ts';
import { type Conversation, Verdict } from './conversation.ts';
import { Cause, causeOf } from './failure-cause.ts';
import { SlotState, Slots } from './slots.ts';
import type { Transport, TransportEvents } from './transport.ts';

/** The command, the lease and every deadline are looked at this often, so this is also the longest wait. */
const lookEveryMs = 10;
/** After the measured time, connections under way have this long, at most, to end. */
const mostDrainMs = 2_000;
/** A stopped flood waits so long for the kernel to give connections back. */
const mostClearMs = 80;
/** A slot that could not connect rests: from the first to the second, doubling. */
const restMs = { first: 10, longest: 320 } as const;
/** All resting slots together try again no more often than this. */
const mostRetriesPerMs = 20;

const now = 0;
const lookAt = 1;

export interface FloodOptions {
  readonly order: LoadOrder;
  readonly control: LoadControl;
  readonly lease: Lease;
  readonly conversation: Conversation;
  readonly transport: Transport;
}

export interface FloodEnd {
  readonly tally: Tally;
  /** Null, or why it ended early. */
  readonly stoppedEarly: string | null;
  /** The measured interval, as far as it was loaded. */
  readonly measuredSeconds: number;
}

export class Flood implements TransportEvents {
  readonly #order: LoadOrder;
  readonly #control: LoadControl;
  readonly #lease: Lease;
  readonly #conversation: Conversation;
  readonly #transport: Transport;
  readonly #slots: Slots;
  /** Free slots, as a stack. */
  readonly #free: Int32Array;
  #freeCount = 0;
  /** Connections that the transport has. */
  #openCount = 0;
  #connections = 0;
  #tally!: Tally;
  /** The time, and when to look next: doubles in an array are stored without a box. */
  readonly #clock = new Float64Array(2);
  /** No connection starts at or after this time. */
  #startUntilMs = 0;
  #stopReason: string | null = null;
  /** What was given up is no failure any more: the flood was stopped. */
  #isClearing = false;

  constructor(options: FloodOptions) {
    this.#order = options.order;
    this.#control = options.control;
    this.#lease = options.lease;
    this.#conversation = options.conversation;
    this.#transport = options.transport;
    const { load } = options.order;
    this.#slots = new Slots(load.kind === 'closed' ? load.concurrency : load.maxOpen);
    this.#free = new Int32Array(this.#slots.count);
    for (let slot = this.#slots.count - 1; slot >= 0; slot--) this.#release(slot);
  }

  /**
   * Waits for the start and floods to the end.
   * @param tallyFor makes the tally, once the start is known.
   */
  run(tallyFor: (times: ConnectionTimes, measureFromMs: number, measureUntilMs: number) => Tally): FloodEnd {
    const { measuredSeconds } = this.#order;
    const startMs = this.#awaitStart();
    const measureFromMs = startMs + this.#order.warmUpSeconds * 1000;
    this.#startUntilMs = measureFromMs + measuredSeconds * 1000;
    this.#tally = tallyFor(this.#slots.times, measureFromMs, this.#startUntilMs);
    // The transport too learns what time it is, before it opens anything.
    this.#transport.poll(0, this);
    if (this.#stopReason === null) {
      if (this.#order.load.kind === 'closed') this.#loadClosed();
      else this.#loadOpen(startMs, this.#order.load.ratePerSecond, this.#order.load.seed);
    }
    const loadedMs = Math.max(0, this.#clock[now] - measureFromMs);
    if (this.#stopReason === null) this.#drain();
    if (this.#stopReason !== null) this.#clear();
    return {
      tally: this.#tally,
      stoppedEarly: this.#stopReason,
      measuredSeconds:
        this.#stopReason === null ? measuredSeconds : Math.min(loadedMs / 1000, measuredSeconds),
    };
  }

  /** True when the kernel has given every connection back: only then may its memory go. */
  get isOver(): boolean {
    return this.#openCount === 0;
  }

  woke(): void {
    this.#clock[now] = performance.now();
  }

  connected(slot: number): void {
    const { state, times, deadlineMs, refusals } = this.#slots;
    if (state[slot] !== SlotState.connecting) return;
    state[slot] = SlotState.exchanging;
    times.connectedMs[slot] = this.#clock[now];
    deadlineMs[slot] = this.#clock[now] + this.#order.responseTimeoutMs;
    refusals[slot] = 0;
  }

  received(slot: number, bytes: number): void {
    const { state, times } = this.#slots;
    if (state[slot] === SlotState.awaitingFin) {
      if (bytes === 0) this.#complete(slot);
      else this.#failOpen(slot, Cause.wrongContent);
      return;
    }
    // Given up a moment ago, and answered all the same: too late is too late.
    if (state[slot] === SlotState.givenUp) this.#failOpen(slot, Cause.timedOut);
    else if (bytes === 0) this.#failOpen(slot, Cause.shortResponse);
    else {
      if (times.firstByteMs[slot] < 0) times.firstByteMs[slot] = this.#clock[now];
      const verdict = this.#conversation.hear(slot, bytes);
      if (verdict === Verdict.more) this.#transport.receive(slot);
      else if (verdict === Verdict.wrong) this.#failOpen(slot, Cause.wrongContent);
      else this.#answered(slot);
    }
  }

  failed(slot: number, errno: number): void {
    const hadConnected = this.#slots.times.connectedMs[slot] >= 0;
    this.#ended(slot, causeOf(errno));
    // An open loop is paced by its rate, whatever becomes of it.
    if (hadConnected || this.#order.load.kind === 'open') this.#release(slot);
    else this.#rest(slot);
  }

  /** Blocks until the start, and returns it; stop and lease end the waiting too. */
  #awaitStart(): number {
    while (this.#control.command === Command.none && !this.#isToStop())
      this.#control.waitWhile(Command.none, lookEveryMs);
    const startMs = toThreadMs(Number(this.#control.startAtMonotonicNs));
    for (let left = startMs - performance.now(); left > 0; left = startMs - performance.now()) {
      if (this.#isToStop()) break;
      this.#control.waitWhile(Command.start, Math.min(left, lookEveryMs));
    }
    return startMs;
  }

  #loadClosed(): void {
    const { intendedMs } = this.#slots.times;
    const { startsAtOnce } = this.#transport;
    while (this.#look() && this.#clock[now] < this.#startUntilMs) {
      for (let starts = 0; starts < startsAtOnce && this.#freeCount > 0; starts++) {
        const slot = this.#free[--this.#freeCount];
        intendedMs[slot] = this.#clock[now];
        this.#start(slot);
      }
      this.#transport.poll(this.#freeCount > 0 ? 0 : this.#usUntil(this.#startUntilMs), this);
    }
  }

  #loadOpen(startMs: number, ratePerSecond: number, seed: number): void {
    const { intendedMs } = this.#slots.times;
    const { startsAtOnce, awakeUs } = this.#transport;
    const pacer = new PoissonPacer({ ratePerSecond, startMs, random: seededRandom(seed, 'arrivals') });
    const { dueMs } = pacer;
    const alarm = new Alarm(awakeUs);
    while (this.#look() && dueMs[0] < this.#startUntilMs) {
      for (let starts = 0; starts < startsAtOnce && dueMs[0] <= this.#clock[now]; pacer.advance()) {
        if (dueMs[0] >= this.#startUntilMs) break;
        if (this.#freeCount === 0) this.#tally.missed(dueMs);
        else {
          const slot = this.#free[--this.#freeCount];
          intendedMs[slot] = dueMs[0];
          this.#start(slot);
          starts++;
        }
      }
      const before = this.#clock[now];
      this.#transport.poll(alarm.waitUs(this.#usUntil(dueMs[0])), this);
      alarm.rang(((this.#clock[now] - before) * 1000) | 0);
    }
    // The last ones started; what is left of the measured time still passes.
    while (this.#look() && this.#clock[now] < this.#startUntilMs)
      this.#transport.poll(this.#usUntil(this.#startUntilMs), this);
  }

  /** No new connections: those under way end, or are timed out at the limit. */
  #drain(): void {
    const limitMs = this.#startUntilMs + Math.min(this.#order.responseTimeoutMs, mostDrainMs);
    while (this.#look() && this.#openCount > 0 && this.#clock[now] < limitMs)
      this.#transport.poll(this.#usUntil(limitMs), this);
    if (this.#stopReason === null && this.#openCount > 0) this.#giveBackAll();
  }

  #clear(): void {
    this.#isClearing = true;
    this.#giveBackAll();
  }

  #giveBackAll(): void {
    for (let slot = 0; slot < this.#slots.count; slot++) this.#giveUp(slot);
    const limitMs = performance.now() + mostClearMs;
    while (this.#openCount > 0 && this.#clock[now] < limitMs) this.#transport.poll(1000, this);
    // The last closes are submitted, too.
    this.#transport.poll(0, this);
  }

  /** Its intended time is set. */
  #start(slot: number): void {
    const connection = this.#connections++;
    const { state, answered, deadlineMs, times } = this.#slots;
    times.connectedMs[slot] = -1;
    times.firstByteMs[slot] = -1;
    answered[slot] = 0;
    deadlineMs[slot] = this.#clock[now] + this.#order.connectTimeoutMs;
    state[slot] = SlotState.connecting;
    this.#openCount++;
    this.#tally.started(slot);
    if (slot >= this.#transport.capacity) {
      // Rests in an open loop too: on top of the free ones, it would be taken before those that can open.
      this.#ended(slot, Cause.noDescriptor);
      this.#rest(slot);
      return;
    }
    this.#conversation.ask(slot, connection, 0);
    this.#transport.open(slot, connection);
  }

  #answered(slot: number): void {
    const { state, answered, deadlineMs } = this.#slots;
    const message = ++answered[slot];
    deadlineMs[slot] = this.#clock[now] + this.#order.responseTimeoutMs;
    if (message < this.#order.messages) {
      this.#conversation.ask(slot, this.#connections, message);
      this.#transport.send(slot);
    } else if (this.#order.close === 'server-fin') {
      state[slot] = SlotState.awaitingFin;
      this.#transport.receive(slot);
    } else this.#complete(slot);
  }

  #complete(slot: number): void {
    this.#transport.close(slot, this.#order.close === 'client-rst');
    this.#slots.times.endedMs[slot] = this.#clock[now];
    this.#tally.completed(slot);
    this.#openCount--;
    this.#release(slot);
  }

  #failOpen(slot: number, cause: number): void {
    this.#transport.close(slot, false);
    this.#ended(slot, cause);
    this.#release(slot);
  }

  /** Counts a failure of a connection that is closed. */
  #ended(slot: number, cause: number): void {
    this.#openCount--;
    if (this.#isClearing) return;
    this.#slots.times.endedMs[slot] = this.#clock[now];
    this.#tally.failed(slot, cause);
  }

  #release(slot: number): void {
    this.#slots.state[slot] = SlotState.free;
    this.#free[this.#freeCount++] = slot;
  }

  /** A closed loop would otherwise ask a dead server a million times a second. */
  #rest(slot: number): void {
    const { count, refusals, state, deadlineMs } = this.#slots;
    const doubled = Math.min(restMs.longest, restMs.first * 2 ** refusals[slot]);
    if (refusals[slot] < 8) refusals[slot]++;
    state[slot] = SlotState.resting;
    deadlineMs[slot] = this.#clock[now] + Math.max(doubled, count / mostRetriesPerMs);
  }

  /** Whole microseconds until something must be done though nothing comes. */
  #usUntil(untilMs: number): number {
    return Math.max(0, (Math.min(untilMs, this.#clock[lookAt]) - this.#clock[now]) * 1000) | 0;
  }

  /** Every `lookEveryMs`: command, lease, deadlines. False: stop. */
  #look(): boolean {
    if (this.#clock[now] < this.#clock[lookAt]) return true;
    this.#clock[lookAt] = this.#clock[now] + lookEveryMs;
    if (this.#isToStop()) return false;
    const { count, state, deadlineMs } = this.#slots;
    for (let slot = 0; slot < count; slot++) {
      if (state[slot] === SlotState.free || deadlineMs[slot] > this.#clock[now]) continue;
      if (state[slot] === SlotState.resting) this.#release(slot);
      else this.#giveUp(slot);
    }
    return true;
  }

  #giveUp(slot: number): void {
    const { state, deadlineMs } = this.#slots;
    if (state[slot] === SlotState.free || state[slot] === SlotState.resting) return;
    state[slot] = SlotState.givenUp;
    // Should the kernel have been between two operations, the next look cancels again.
    deadlineMs[slot] = this.#clock[now];
    this.#transport.cancel(slot);
  }

  #isToStop(): boolean {
    if (this.#control.command === Command.stop) this.#stopReason = 'told to stop';
    else if (performance.now() >= toThreadMs(this.#lease.endsAtNs())) this.#stopReason = 'its lease ran out';
    return this.#stopReason !== null;
  }
}
