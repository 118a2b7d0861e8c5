/**
 * The door through which members' messages come in: text becomes a MemberMessage here, or a reason why not.
 *
 * A message is refused when it is too large, malformed, of an attempt that is not under way, from somebody who takes no
 * part in it, or said before. Whoever takes part and is refused too often is quarantined: the attempt is void then.
 */

import { type MemberMessage, maxMessageBytes, memberMessageSchema } from '../protocol/messages.ts';

export const refusals = [
  'tooLarge',
  'malformed',
  'prototypeKey',
  'otherRun',
  'oldEpoch',
  'unknownSender',
  'repeated',
  'quarantined',
] as const;
export type Refusal = (typeof refusals)[number];

/** A participant that was refused this often is not listened to any more. */
export const quarantineAfter = 100;
/** Deeper than any message of ours; a deeper one is not walked. */
const maxDepth = 32;
const prototypeKeys = new Set(['__proto__', 'constructor', 'prototype']);

export type Screened =
  | { readonly message: MemberMessage; readonly lostBefore: number }
  | { readonly refusal: Refusal; readonly sender: string | null; readonly why: string };

/** An attempt, as far as the door must know it. */
export interface Expected {
  readonly run: string;
  readonly epoch: number;
  readonly senders: ReadonlySet<string>;
}

export class Screening {
  readonly #run: string;
  #expected: Expected | null = null;
  /** Of the attempt under way: the last sequence number of each sender, and how often each was refused. */
  #sequences = new Map<string, number>();
  #refused = new Map<string, number>();

  constructor(run: string) {
    this.#run = run;
  }

  expect(expected: Expected | null): void {
    this.#expected = expected;
    this.#sequences = new Map();
    this.#refused = new Map();
  }

  isQuarantined(sender: string): boolean {
    return (this.#refused.get(sender) ?? 0) >= quarantineAfter;
  }

  /** `text` null: Redis held more than a message may have, and kept it. Never throws. */
  screen(text: string | null): Screened {
    const screened = this.#screen(text);
    if ('refusal' in screened && screened.sender !== null && this.#expected?.senders.has(screened.sender)) {
      this.#refused.set(screened.sender, (this.#refused.get(screened.sender) ?? 0) + 1);
    }
    return screened;
  }

  #screen(text: string | null): Screened {
    if (text === null || Buffer.byteLength(text) > maxMessageBytes) {
      return { refusal: 'tooLarge', sender: null, why: `over ${maxMessageBytes} bytes` };
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return { refusal: 'malformed', sender: null, why: 'not JSON' };
    }
    // Before the schema sees it: who claims to have sent it, if it is of this attempt at all.
    const claimed = claimedBy(value);
    const sender = claimed.epoch === this.#expected?.epoch ? claimed.sender : null;
    const oddity = oddityOf(value);
    if (oddity !== null) return { ...oddity, sender };
    if (sender !== null && this.isQuarantined(sender)) {
      return { refusal: 'quarantined', sender, why: `refused ${quarantineAfter} times` };
    }
    const parsed = memberMessageSchema.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return {
        refusal: 'malformed',
        sender,
        why: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`.slice(0, 200),
      };
    }
    return this.#admit(parsed.data);
  }

  #admit(message: MemberMessage): Screened {
    const { sender } = message;
    if (message.run !== this.#run) return { refusal: 'otherRun', sender: null, why: message.run };
    if (this.#expected === null || message.epoch !== this.#expected.epoch) {
      return { refusal: 'oldEpoch', sender: null, why: `epoch ${message.epoch} of ${sender}` };
    }
    if (!this.#expected.senders.has(sender)) return { refusal: 'unknownSender', sender: null, why: sender };
    const last = this.#sequences.get(sender) ?? 0;
    if (message.sequence <= last) {
      return {
        refusal: 'repeated',
        sender,
        why: `sequence ${message.sequence} of ${sender}, after ${last}`,
      };
    }
    this.#sequences.set(sender, message.sequence);
    return { message, lostBefore: message.sequence - last - 1 };
  }
}

function claimedBy(value: unknown): { sender: string | null; epoch: unknown } {
  if (value === null || typeof value !== 'object') return { sender: null, epoch: null };
  const { sender, epoch } = value as { sender?: unknown; epoch?: unknown };
  return { sender: typeof sender === 'string' ? sender.slice(0, 64) : null, epoch };
}

/** Keys that would reach into prototypes, and nesting that no message of ours has. Walked without recursion. */
function oddityOf(value: unknown): { refusal: Refusal; why: string } | null {
  let level: object[] = isObject(value) ? [value] : [];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return { refusal: 'malformed', why: `nested deeper than ${maxDepth}` };
    const next: object[] = [];
    for (const one of level) {
      for (const [key, inner] of Object.entries(one)) {
        if (prototypeKeys.has(key)) return { refusal: 'prototypeKey', why: key };
        if (isObject(inner)) next.push(inner);
      }
    }
    level = next;
  }
  return null;
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object';
}
