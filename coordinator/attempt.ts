/** The attempt that is under way: who takes part, what they have said so far, and how its waits are ended early. */

import type { AttemptId, Member, MemberMessage } from '../protocol/messages.ts';
import { AttemptVoid, Barrier } from './barrier.ts';
import type { Crew } from './members.ts';

/** Of an attempt that is lost, this many of its last one-second reports are kept. */
const keptSamples = 120;

export class AttemptUnderWay {
  readonly id: AttemptId;
  readonly crew: Crew;
  readonly barrier = new Barrier();
  readonly begunAt = new Date().toISOString();
  readonly #samples: MemberMessage[] = [];
  readonly #rates = new Map<string, number>();

  constructor(id: AttemptId, crew: Crew) {
    this.id = id;
    this.crew = crew;
  }

  get members(): readonly Member[] {
    return [this.crew.server, ...this.crew.agents];
  }

  /** The last reports of everybody: never counted, kept to be looked at. */
  get samples(): readonly MemberMessage[] {
    return this.#samples;
  }

  /** What the agents completed in the last second they told of, all together. */
  get connectionsPerSecond(): number {
    return [...this.#rates.values()].reduce((sum, rate) => sum + rate, 0);
  }

  take(message: MemberMessage): void {
    if (message.kind === 'report') {
      this.#samples.push(message);
      if (this.#samples.length > keptSamples) this.#samples.shift();
      if (message.load !== undefined) this.#rates.set(message.sender, message.load.completed);
    } else if (message.kind === 'failed') {
      const role = message.sender === this.crew.server.name ? 'server' : 'agent';
      this.barrier.fail(
        new AttemptVoid(
          `${message.sender} failed (${message.stage}): ${message.reason}`,
          message.final ? role : null,
        ),
      );
    } else {
      this.barrier.deliver(message);
    }
  }

  /** Ends every wait of the attempt: it is void. */
  void(reason: string): void {
    this.barrier.fail(new AttemptVoid(reason));
  }
}
