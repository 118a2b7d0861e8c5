/**
 * What a member says of one attempt, onto the report stream: in order, numbered, bounded.
 *
 * While Redis is away messages wait; when too many do, the oldest one-second reports go first, and the gap in the
 * numbers tells the reader. A result or a failure is never dropped for another. Saying something never throws and never
 * waits.
 */

import type { Redis } from 'ioredis';
import { messageOf } from '../protocol/failure.ts';
import { reportStream, reportStreamMaxEntries } from '../protocol/keys.ts';
import {
  type AttemptId,
  type MemberMessage,
  maxMessageBytes,
  memberMessageSchema,
} from '../protocol/messages.ts';
import { withRevival } from './connection.ts';
import { entryField } from './control-stream.ts';

type Envelope = keyof AttemptId | 'sender' | 'sequence';
type Body<Message> = Message extends MemberMessage ? Omit<Message, Envelope> : never;
/** A message without what the reporter adds. */
export type MemberSaying = Body<MemberMessage>;

/** Two minutes of one-second reports. */
const maxWaiting = 120;
const retryMs = 200;
const silentMs = 3_000;

interface Waiting {
  readonly kind: MemberMessage['kind'];
  readonly text: string;
}

export class Reporter {
  readonly #redis: Redis;
  readonly #attempt: AttemptId;
  readonly #sender: string;
  readonly #waiting: Waiting[] = [];
  #sequence = 0;
  #dropped = 0;
  #sending: Promise<void> | null = null;
  #closed = false;

  constructor(redis: Redis, attempt: AttemptId, sender: string) {
    this.#redis = redis;
    const { run, trial, attempt: number, epoch } = attempt;
    this.#attempt = { run, trial, attempt: number, epoch };
    this.#sender = sender;
  }

  /** Numbers that were given and never sent. */
  get dropped(): number {
    return this.#dropped;
  }

  say(saying: MemberSaying): void {
    if (this.#closed) return;
    const message = { ...saying, ...this.#attempt, sender: this.#sender, sequence: ++this.#sequence };
    const fault = faultOf(message);
    if (fault === null) {
      this.#waiting.push({ kind: saying.kind, text: JSON.stringify(message) });
      this.#makeRoom();
      this.#sending ??= this.#send();
      return;
    }
    this.#dropped++;
    if (saying.kind === 'report' || saying.kind === 'failed') return;
    // Silence would be waited for; and the next attempt would come to the same.
    this.say({
      kind: 'failed',
      stage: saying.kind === 'result' ? 'finish' : 'prepare',
      reason: `Cannot say "${saying.kind}": ${fault}`.slice(0, 2_000),
      final: true,
    });
  }

  /** Leaves out so many numbers: reports that could not be made. The reader sees the gap and counts them as lost. */
  skip(count: number): void {
    this.#sequence += count;
    this.#dropped += count;
  }

  /** Waits until everything was sent, at most `deadlineMs`. @returns whether it was. */
  async flush(deadlineMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([this.#sending ?? Promise.resolve(), timeout]);
    clearTimeout(timer);
    return this.#sending === null;
  }

  /** Says nothing more; what still waits is dropped. */
  close(): void {
    this.#closed = true;
    this.#dropped += this.#waiting.length;
    this.#waiting.length = 0;
  }

  /** One at a time: two on their way could change places when the connection is made again. */
  async #send(): Promise<void> {
    let next = this.#waiting[0];
    while (next !== undefined) {
      const sent = await this.#sendOne(next.text);
      if (sent && this.#waiting[0] === next) this.#waiting.shift();
      else if (!sent) await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
      next = this.#waiting[0];
    }
    this.#sending = null;
  }

  async #sendOne(text: string): Promise<boolean> {
    if (this.#redis.status !== 'ready') return false;
    const stream = reportStream(this.#attempt.run);
    try {
      await withRevival(
        this.#redis,
        silentMs,
        this.#redis.xadd(stream, 'MAXLEN', '~', reportStreamMaxEntries, '*', entryField, text),
      );
      return true;
    } catch {
      return false;
    }
  }

  #makeRoom(): void {
    while (this.#waiting.length > maxWaiting) {
      // Not the first: it may be on its way.
      const oldest = this.#waiting.findIndex(({ kind }, index) => index > 0 && kind === 'report');
      if (oldest < 0) return;
      this.#waiting.splice(oldest, 1);
      this.#dropped++;
    }
  }
}

/** Our own mistakes (NaN, a text too long) must not reach the coordinator as noise that it has to refuse. */
function faultOf(message: unknown): string | null {
  try {
    memberMessageSchema.parse(message);
  } catch (error) {
    return messageOf(error).replaceAll(/\s+/g, ' ');
  }
  const bytes = Buffer.byteLength(JSON.stringify(message));
  return bytes > maxMessageBytes ? `it has ${bytes} bytes; wanted at most ${maxMessageBytes}` : null;
}
