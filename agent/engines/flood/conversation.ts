/**
 * What is said on a connection and whether the answers are right: one file an application (`echo-conversation.ts`,
 * `http-conversation.ts`), from the bytes that `protocol/traffic.ts` lays down. Pure: it knows no socket and no clock.
 */

import type { LoadOrder } from '../../load.ts';
import type { BufferPlan, Buffers } from './buffers.ts';

export const Verdict = { more: 0, complete: 1, wrong: 2 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export interface Conversation {
  /** True: requests are gathered from pieces, by a `struct msghdr`. */
  readonly gathered: boolean;
  /**
   * Writes the request of one message and expects its answer.
   * @param connection counts connections, so that no two say the same.
   * @param message from 0.
   */
  ask(slot: number, connection: number, message: number): void;
  /** Looks at the next `bytes` of the answer, received where `Buffers` said. Sets where more goes. */
  hear(slot: number, bytes: number): Verdict;
}

/** What a conversation is made from; `plan` comes first, since the buffers must be as it says. */
export interface ConversationKind {
  plan(order: LoadOrder): Pick<BufferPlan, 'ownBytes' | 'sharedBytes' | 'room'>;
  create(order: LoadOrder, buffers: Buffers): Conversation;
}
