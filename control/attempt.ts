/** One attempt at one trial, as a role sees it: its order, when to start and to finish, whom to tell, when it is over. */

import type { AttemptId, ControlMessage, MemberMessage } from '../protocol/messages.ts';
import type { ClockOffset } from './clock.ts';
import { toMonotonicNs } from './clock.ts';
import type { Reporter } from './report.ts';

/** The attempt is over before its end: told so, replaced by a newer one, or left alone by its coordinator. */
export class AttemptEnded extends Error {
  override readonly name = 'AttemptEnded';
}

export type Stage = Extract<MemberMessage, { kind: 'failed' }>['stage'];

export class Attempt<Order extends AttemptId> {
  readonly order: Order;
  readonly reporter: Reporter;
  /** Shared with load threads: see `LoadDeadline`. */
  readonly leaseMemory: SharedArrayBuffer;
  /** Aborted with an AttemptEnded when the attempt ends early. */
  readonly signal: AbortSignal;
  /** When to start, as CLOCK_MONOTONIC of this machine. Rejects with AttemptEnded. */
  readonly startAtNs: Promise<bigint>;
  /** Settles when the coordinator says that all load is done. Rejects with AttemptEnded. */
  readonly finish: Promise<void>;
  /** True when the coordinator itself ended it: then it does not want to hear of it any more. */
  isUnwanted = false;
  readonly #abort = new AbortController();
  readonly #clock: () => ClockOffset;
  #onStart: (startAtNs: bigint) => void = () => undefined;
  #onFinish: () => void = () => undefined;

  constructor(order: Order, reporter: Reporter, leaseMemory: SharedArrayBuffer, clock: () => ClockOffset) {
    this.order = order;
    this.reporter = reporter;
    this.leaseMemory = leaseMemory;
    this.#clock = clock;
    this.signal = this.#abort.signal;
    this.startAtNs = this.#orEnded((resolve) => {
      this.#onStart = resolve;
    });
    this.finish = this.#orEnded<void>((resolve) => {
      this.#onFinish = resolve;
    });
  }

  /** A message of this run's control stream. */
  take(message: ControlMessage): void {
    const { run, epoch } = this.order;
    if (message.run !== run || message.epoch < epoch) return;
    if (message.epoch > epoch) this.#drop(`attempt ${message.epoch} of the run has begun`);
    else if (message.kind === 'start') this.#onStart(toMonotonicNs(message.startAt, this.#clock()));
    else if (message.kind === 'finish') this.#onFinish();
    else this.#drop(`aborted by the coordinator: ${message.reason}`);
  }

  /** The first reason stands. */
  end(reason: string): void {
    this.#abort.abort(new AttemptEnded(reason));
  }

  #drop(reason: string): void {
    this.isUnwanted = true;
    this.end(reason);
  }

  #orEnded<Value>(begin: (resolve: (value: Value) => void) => void): Promise<Value> {
    const promise = new Promise<Value>((resolve, reject) => {
      begin(resolve);
      this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true });
    });
    // A role that failed before it came to wait has said so already.
    promise.catch(() => undefined);
    return promise;
  }
}
