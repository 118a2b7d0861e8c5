/** What the lease thread and its process tell each other. */

import type { Member } from '../protocol/messages.ts';
import type { ClockOffset } from './clock.ts';

export type MemberWithoutClock = Omit<Member, 'clock'>;

export interface LeaseThreadData {
  readonly redisUrl: string;
  readonly member: MemberWithoutClock;
}

export type ToLeaseThread =
  /** Watch the coordinator of this run, and keep the deadline in `memory` ahead while it is there. */
  | { readonly kind: 'serve'; readonly id: number; readonly run: string; readonly memory: SharedArrayBuffer }
  | { readonly kind: 'release'; readonly id: number }
  | { readonly kind: 'close' };

export type FromLeaseThread =
  | { readonly kind: 'joined'; readonly clock: ClockOffset }
  /** It could not become, or may not stay, a member: the process has to end. */
  | { readonly kind: 'refused'; readonly message: string; readonly badInput: boolean }
  | { readonly kind: 'clock'; readonly clock: ClockOffset }
  /** The member's lease was renewed just now. */
  | { readonly kind: 'renewed' }
  | { readonly kind: 'serving'; readonly id: number }
  /** The lease on this run ended, for good. */
  | { readonly kind: 'lost'; readonly id: number; readonly reason: string }
  | { readonly kind: 'trouble'; readonly trouble: string | null }
  | { readonly kind: 'closed' };
