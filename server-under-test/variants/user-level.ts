/**
 * user-level: a TCP of its own a core, in the server's process, on frames straight from the device (mTCP, NSDI 2014). The
 * same applications, no sockets, no system call a connection. The option says what brings the frames: `af-xdp`,
 * `af-packet`, or `auto`, the best that the machine allows. The kernel keeps all that is not for the served port: ARP,
 * ICMP, every other connection.
 *
 * What it cannot do: serve loopback, where nothing ever becomes a frame; IPv6; share a device with another server over
 * AF_XDP, for a device has one program.
 */

import { isIPv4 } from 'node:net';
import { devicesHolding } from '../../linux/devices.ts';
import type { LinkWish } from '../../linux/links.ts';
import { type PreparedLink, prepareLink } from '../../linux/open-link.ts';
import { badInput, Failure, messageOf } from '../../protocol/failure.ts';
import type { ServingOrder } from '../core-order.ts';
import { type Listeners, openListeners } from '../listeners.ts';
import { startPinnedThreads } from '../pinned-threads.ts';
import type { UserLevelCoreResult, UserLevelOrder } from '../user-level/order.ts';
import { summarise } from '../user-level/summary.ts';
import type { VariantImplementation, VariantSetting } from './variant.ts';

const wishes: Readonly<Record<string, LinkWish>> = {
  auto: 'auto',
  'af-xdp': 'af_xdp',
  'af-packet': 'af_packet',
};

/** Of one core; those that are closing or in TIME-WAIT are among them. */
const connectionsPerCore = 131_072;

export const userLevel: VariantImplementation = {
  cannot: {
    ipv6: 'its TCP speaks IPv4 only',
    loopback: 'what is sent to loopback never becomes a frame on a device',
  },
  start: async (setting) => {
    const { spec } = setting;
    const addresses = Uint32Array.from(spec.addresses, servable);
    const wish = wishes[setting.option ?? 'auto'] ?? 'auto';
    const { listeners, prepared } = withRights(() => takeOver(spec, addresses, wish));
    const { ground, chosen, refused, kernelAnswers } = prepared;
    const notes: Readonly<Record<string, string>> =
      refused.length === 0
        ? {}
        : {
            'server.userLevel.link': refused
              .map(({ kind, reason }) => `${kind} was refused: ${reason}`)
              .join('; '),
          };
    return startPinnedThreads<UserLevelCoreResult>(setting, {
      entry: new URL('../user-level/core-thread.js', import.meta.url),
      ownOrder: (): Omit<UserLevelOrder, keyof ServingOrder> => ({
        ground,
        addresses,
        port: listeners.port,
        kernelAnswers,
        maxConnections: connectionsPerCore,
      }),
      port: listeners.port,
      notes,
      summarise: (results, counts) => summarise(results, counts, { link: chosen, notes }),
      close: () => {
        prepared.close();
        listeners.close();
      },
    });
  },
};

/** As a number in host order. @throws {Failure} when its traffic is no frames, or not IPv4. */
function servable(address: string): number {
  const action = `Cannot serve user-level on ${address}`;
  if (!isIPv4(address)) throw badInput(`${action}: its TCP speaks IPv4 only; wanted an IPv4 address`);
  const value = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  if (value >>> 24 === 127)
    throw badInput(
      `${action}: what is sent to loopback never becomes a frame on a device; wanted an address that others reach ` +
        'through one. Use the lab "namespaces", or leave user-level out',
    );
  return value;
}

/** The port, held against everybody else without a word of the kernel's on it, and the frames that come for it. */
function takeOver(
  spec: VariantSetting['spec'],
  addresses: Uint32Array,
  wish: LinkWish,
): { readonly listeners: Listeners; readonly prepared: PreparedLink } {
  const listeners = openListeners({
    addresses: spec.addresses,
    port: spec.port,
    perAddress: 1,
    reusePort: false,
    blockingTurnMs: null,
    silent: true,
  });
  try {
    const devices = [...new Set([...addresses].flatMap((address) => devicesHolding(address)))];
    const { port } = listeners;
    const threads = spec.cores.length;
    return {
      listeners,
      prepared: prepareLink({ wish, devices, role: 'server', port, addresses, threads }),
    };
  } catch (error) {
    listeners.close();
    throw error;
  }
}

function withRights<Taken>(take: () => Taken): Taken {
  try {
    return take();
  } catch (error) {
    if (error instanceof Failure) throw error;
    const reason = messageOf(error);
    const rights = /EPERM/.test(reason)
      ? '; needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF, see "stampede doctor"'
      : '';
    throw badInput(`Cannot serve user-level: ${reason}${rights}`, { cause: error });
  }
}
