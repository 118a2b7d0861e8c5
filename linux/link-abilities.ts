/**
 * Which kernel links this machine allows: found by opening each on devices of a network namespace made for that, which is
 * gone afterwards. What one device's driver can do may differ: AF_XDP here is that of veth, as in the lab of namespaces.
 */

import { bringUp } from './device-settings.ts';
import type { LinkKind } from './links.ts';
import { LinkRefused, openLink } from './open-link.ts';
import { inNewNetworkNamespace } from './thread.ts';
import { createVethPair } from './veth.ts';

export interface LinkAbility {
  readonly kind: LinkKind;
  /** How it works: `af_xdp (native)`, and what it does without; null: it was refused. */
  readonly works: string | null;
  /** Why it was refused; null when it works. */
  readonly refused: string | null;
}

const kinds: readonly LinkKind[] = ['af_xdp', 'af_packet', 'tap'];

/** The kernel holds the first, and would answer for it; the second is nobody's (RFC 2544). */
const loopbackAddress = 0x7f00_0001;
const freeAddress = 0xc612_0001;

/** The best first. Blocks for some hundredths of a second. */
export function linkAbilities(): LinkAbility[] {
  try {
    return inNewNetworkNamespace(() => {
      bringUp('lo');
      return kinds.map(tried);
    });
  } catch (error) {
    const reason = `cannot be tried: ${messageOf(error)}; needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF)`;
    return kinds.map((kind) => ({ kind, works: null, refused: reason }));
  }
}

function tried(kind: LinkKind): LinkAbility {
  const device = `${kind}0`;
  try {
    if (kind !== 'tap') createVethPair(device, `${kind}1`);
    const opened = openLink({
      wish: kind,
      devices: [device],
      role: 'server',
      port: 1,
      addresses: Uint32Array.of(kind === 'tap' ? freeAddress : loopbackAddress),
      threads: 1,
    });
    const { togetherRefused = null } = opened.link;
    opened.close();
    const how = togetherRefused === null ? '' : `; frames are sent one by one: ${togetherRefused}`;
    return { kind, works: opened.chosen.replace(` on ${device}`, '') + how, refused: null };
  } catch (error) {
    const reason = error instanceof LinkRefused ? error.refused[0]?.reason : undefined;
    return { kind, works: null, refused: reason ?? messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
