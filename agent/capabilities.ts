/**
 * What the agent's engines can use on this machine, for `doctor` and for the record of a run's environment. It tries, and
 * leaves nothing behind; it starts no load.
 */

import { openFilesLimit } from '../linux/limits.ts';
import { messageOf } from '../protocol/failure.ts';
import { describeIoUring, ioUringRefusal } from './engines/socket/backend.ts';

export interface Capability {
  readonly ok: boolean;
  /** Why not; null when ok. */
  readonly reason: string | null;
}

export interface AgentCapabilities {
  /** io_uring for the `socket` engine; without it, the engine takes epoll. `features`: what this kernel's has. */
  readonly ioUring: Capability & { readonly features: readonly string[] };
  /** io_uring with source addresses chosen by the scenario; without it, those trials take epoll. */
  readonly ioUringSources: Capability;
  readonly epoll: Capability;
  /** Connections one load thread can have open at once, by RLIMIT_NOFILE; null: unlimited. */
  readonly openFilesLimit: number | null;
}

export function agentCapabilities(): AgentCapabilities {
  const limit = openFilesLimit();
  return {
    ioUring: { ...capability(() => ioUringRefusal(false)), features: describeIoUring() },
    ioUringSources: capability(() => ioUringRefusal(true)),
    epoll: { ok: true, reason: null },
    openFilesLimit: Number.isFinite(limit) ? limit : null,
  };
}

function capability(refusal: () => string | null): Capability {
  try {
    const reason = refusal();
    return { ok: reason === null, reason };
  } catch (thrown) {
    return { ok: false, reason: messageOf(thrown) };
  }
}
