/**
 * How much of what was said came through: counts of messages taken, lost and refused, for the run and for the attempt
 * under way. Every lost sample shows here (and in the notes of its trial's record).
 */

import type { MemberMessage } from '../protocol/messages.ts';
import { type Refusal, refusals } from './screening.ts';

export interface CoverageRecord {
  readonly messages: number;
  /** Gaps in the senders' sequence numbers. */
  readonly lost: number;
  readonly refused: Readonly<Record<Refusal, number>>;
  /** Senders that were refused too often. */
  readonly quarantined: readonly string[];
}

export class Coverage {
  #messages = 0;
  #lost = 0;
  #attemptLost = 0;
  #attemptReports = 0;
  readonly #refused = Object.fromEntries(refusals.map((refusal) => [refusal, 0])) as Record<Refusal, number>;
  readonly #quarantined = new Set<string>();

  /** A new attempt is under way. */
  begin(): void {
    this.#attemptLost = 0;
    this.#attemptReports = 0;
  }

  received(message: MemberMessage, lostBefore: number): void {
    this.#messages++;
    this.#lost += lostBefore;
    this.#attemptLost += lostBefore;
    if (message.kind === 'report') this.#attemptReports++;
  }

  /** True the first time of its kind. */
  refuse(refusal: Refusal): boolean {
    return this.#refused[refusal]++ === 0;
  }

  quarantine(sender: string): void {
    this.#quarantined.add(sender);
  }

  /** Of the attempt under way: null when every sample came through. */
  attemptNote(): string | null {
    if (this.#attemptLost === 0) return null;
    return `${this.#attemptLost} of ${this.#attemptLost + this.#attemptReports} one-second reports were lost on the way; the result does not rest on them`;
  }

  record(): CoverageRecord {
    return {
      messages: this.#messages,
      lost: this.#lost,
      refused: { ...this.#refused },
      quarantined: [...this.#quarantined].slice(0, 100),
    };
  }
}
