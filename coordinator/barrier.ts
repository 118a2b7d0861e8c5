/**
 * Waiting until everybody has said something: the barriers of an attempt (all ready, all prepared, all results in).
 *
 * Every wait ends: with the messages, with its deadline, or with the reason why the attempt came to nothing.
 */

import type { MemberMessage } from '../protocol/messages.ts';

type Kind = MemberMessage['kind'];
type Of<K extends Kind> = Extract<MemberMessage, { kind: K }>;

/** Why an attempt came to nothing. */
export class AttemptVoid extends Error {
  override readonly name = 'AttemptVoid';
  /** Set when trying again cannot help: who said so. */
  readonly final: 'agent' | 'server' | null;

  constructor(reason: string, final: 'agent' | 'server' | null = null) {
    super(reason);
    this.final = final;
  }
}

interface Waiter {
  readonly kind: Kind;
  readonly senders: readonly string[];
  readonly settle: () => void;
  readonly reject: (reason: AttemptVoid) => void;
}

export class Barrier {
  readonly #said = new Map<string, MemberMessage>();
  readonly #waiters = new Set<Waiter>();
  readonly #refused = new Map<string, string>();
  #void: AttemptVoid | null = null;
  readonly #voided: Promise<never>;
  #rejectVoided: (reason: AttemptVoid) => void = () => {};

  constructor() {
    this.#voided = new Promise((_, reject) => {
      this.#rejectVoided = reject;
    });
    this.#voided.catch(() => {});
  }

  /** A message of the attempt under way. What is said twice counts once. */
  deliver(message: MemberMessage): void {
    const key = `${message.kind} ${message.sender}`;
    if (!this.#said.has(key)) this.#said.set(key, message);
    for (const waiter of this.#waiters) if (this.#isComplete(waiter)) waiter.settle();
  }

  /** Something of a participant's was refused: said along when it is missed. */
  noteRefusal(sender: string, why: string): void {
    this.#refused.set(sender, why);
  }

  /** Ends every wait, those to come as well. The first reason stands. */
  fail(reason: AttemptVoid): void {
    if (this.#void !== null) return;
    this.#void = reason;
    this.#rejectVoided(reason);
    for (const waiter of this.#waiters) waiter.reject(reason);
  }

  /** The same promise, but it ends when the attempt does. @throws {AttemptVoid} */
  async orVoid<T>(promise: Promise<T>): Promise<T> {
    // The loser may still fail, when nobody listens any more.
    promise.catch(() => {});
    return Promise.race([promise, this.#voided]);
  }

  /**
   * The messages of this kind, in the order of `senders`, once all have come.
   * @throws {AttemptVoid} after `deadlineMs` (naming who is missing), or as soon as the attempt fails.
   */
  async until<K extends Kind>(
    kind: K,
    senders: readonly string[],
    deadlineMs: number,
  ): Promise<readonly Of<K>[]> {
    if (this.#void !== null) throw this.#void;
    let timer: NodeJS.Timeout | undefined;
    let waiter: Waiter | undefined;
    try {
      await new Promise<void>((settle, reject) => {
        waiter = { kind, senders, settle, reject };
        timer = setTimeout(() => reject(this.#tooLate(kind, senders, deadlineMs)), deadlineMs);
        if (this.#isComplete(waiter)) settle();
        else this.#waiters.add(waiter);
      });
    } finally {
      clearTimeout(timer);
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
    return senders.map((sender) => this.#said.get(`${kind} ${sender}`) as Of<K>);
  }

  #isComplete({ kind, senders }: { kind: Kind; senders: readonly string[] }): boolean {
    return senders.every((sender) => this.#said.has(`${kind} ${sender}`));
  }

  #tooLate(kind: Kind, senders: readonly string[], deadlineMs: number): AttemptVoid {
    const missing = senders.filter((sender) => !this.#said.has(`${kind} ${sender}`));
    const refused = missing.flatMap((sender) => this.#refused.get(sender) ?? []);
    const hint = refused.length === 0 ? '' : ` (but what was refused: ${refused.join('; ')})`;
    return new AttemptVoid(`no "${kind}" from ${missing.join(', ')} within ${deadlineMs / 1000} s${hint}`);
  }
}
