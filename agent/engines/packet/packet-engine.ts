/**
 * The `packet` engine: a TCP of our own, below the kernel's, on frames straight from the device that leads to the target.
 * It has its own ports on every source address of its share, and leaves the kernel's alone. Start here.
 *
 *   target ─► next hop, by the kernel's tables ─► link on its device, the best that is allowed ─► stack ─► flood
 *
 * The link takes what comes from the target's port off the device, so that the kernel, which knows nothing of these
 * connections, has nothing to answer. One thread owns all queues of the device. IPv4 only.
 */

import { networkInterfaces } from 'node:os';
import { type NextHop, nextHopTowards } from '../../../linux/devices.ts';
import { type OpenedLink, openLink } from '../../../linux/open-link.ts';
import { seededRandom } from '../../../measurement/random.ts';
import { Stack } from '../../../net/stack.ts';
import { badInput } from '../../../protocol/failure.ts';
import { packetRestSeconds } from '../../../protocol/packet-ports.ts';
import { parseAddress } from '../../allow.ts';
import type { LoadOrder } from '../../load.ts';
import type { Lease, LoadControl } from '../../load-control.ts';
import { monotonicUs } from '../../monotonic.ts';
import { prepareOver } from '../flood/prepare.ts';
import type { Carrier, TransportOptions } from '../flood/transport.ts';
import type { PreparedFlood } from '../prepared-flood.ts';
import { Gathering } from './gathering.ts';
import { NamesInTurn } from './names-in-turn.ts';
import { PacketTransport } from './packet-transport.ts';

/** Connections that end while as many begin: their closing handshakes are the stack's to finish. */
const closingPerSlot = 4;
const leastClosing = 4_096;
/** A closed loop goes as fast as it can; more than this a second from one core has not been seen. */
const mostPerSecond = 250_000;
/** Of an open loop's rate: bursts are above it. */
const burst = 1.5;

/** @throws when there is no way to the target, or no link on its device may be opened: with every reason. */
export function preparePacketFlood(order: LoadOrder, control: LoadControl, lease: Lease): PreparedFlood {
  return prepareOver(order, control, lease, (options) => carryByPackets(order, options));
}

function carryByPackets(order: LoadOrder, options: TransportOptions): Carrier {
  const { port } = order.target;
  const targets = order.target.addresses.map(toWord);
  const hops = targets.map((target) => nextHopTowards(target));
  const device = onlyDevice(hops, order);
  const sources = sourcesOf(order, device).map(toWord);
  const names = new NamesInTurn({ sources, targets });
  const addresses = Uint32Array.from(sources);
  const opened = openLink({
    wish: order.backend === 'af_xdp' || order.backend === 'af_packet' ? order.backend : 'auto',
    devices: [device],
    role: 'client',
    port,
    addresses,
    threads: 1,
  });
  try {
    const maxConnections = idsFor(order, options.buffers.slots, names.count);
    const stack = stackOver(opened, addresses, maxConnections);
    targets.forEach((target, index) => {
      stack.setNeighbour(hops[index].address, hops[index].hardwareAddress);
      stack.setRoute(target, 32, hops[index].address);
    });
    const transport = new PacketTransport({
      ...options,
      stack,
      link: opened.link,
      closeLink: opened.close,
      names,
      targetPort: port,
      maxConnections,
      gathering: order.load.kind === 'closed' ? new Gathering(monotonicUs()) : null,
    });
    return { backend: describe(opened), transport };
  } catch (thrown) {
    opened.close();
    throw thrown;
  }
}

function stackOver(
  { link, kernelAnswers }: OpenedLink,
  addresses: Uint32Array,
  maxConnections: number,
): Stack {
  // The same secrets in every trial: with them, a name's sequence numbers go on where they were (RFC 6528), and a server
  // that still has its TIME_WAIT takes the new connection for what it is. They protect nobody here.
  const random = seededRandom(1, 'secrets of the packet engine');
  return new Stack({
    link,
    addresses,
    random: () => Math.floor(random() * 2 ** 32),
    maxConnections,
    answers: { arp: !kernelAnswers, ping: !kernelAnswers },
    timers: { timeWaitMs: packetRestSeconds * 1000 },
  });
}

/** Ids of the stack: open connections, those that close, and those that rest. */
function idsFor(order: LoadOrder, slots: number, names: number): number {
  const closing = Math.max(leastClosing, closingPerSlot * slots);
  const perSecond = order.load.kind === 'open' ? order.load.ratePerSecond * burst : mostPerSecond;
  const resting = order.close === 'client-fin' ? Math.min(perSecond * packetRestSeconds, names) : 0;
  return slots + closing + Math.ceil(resting);
}

function onlyDevice(hops: readonly NextHop[], order: LoadOrder): string {
  const devices = [...new Set(hops.map((hop) => hop.device))];
  if (devices.length === 1 && devices[0] !== 'lo') return devices[0];
  const [what, wanted] =
    devices.length === 1
      ? ['the device "lo", which has no frames', 'a target on another machine or in another namespace']
      : [`devices ${devices.join(', ')}`, 'one for all of them'];
  throw badInput(
    `Cannot make load by engine "packet" to ${order.target.addresses.join(', ')}: the way there is over ${what}; wanted ${wanted}`,
  );
}

/** Without any of its own: what the device has. */
function sourcesOf(order: LoadOrder, device: string): readonly string[] {
  if (order.sourceAddresses.length > 0) return order.sourceAddresses;
  const own = networkInterfaces()[device]?.find(({ family }) => family === 'IPv4');
  if (own === undefined)
    throw badInput(
      `Cannot make load by engine "packet": device "${device}" has no IPv4 address; wanted one, or --source-addresses`,
    );
  return [own.address];
}

/** 32 bits in host order. */
function toWord(address: string): number {
  const parsed = parseAddress(address);
  if (parsed?.kind() !== 'ipv4')
    throw badInput(`Cannot make load by engine "packet" with ${address}: wanted an IPv4 address`);
  return parsed.toByteArray().reduce((word, byte) => word * 256 + byte, 0);
}

/** e.g. "packet over af_xdp (native) on load0", or "packet over af_packet on load0 (af_xdp: … EPERM)". */
function describe({ chosen, refused }: OpenedLink): string {
  const why = refused.map(({ kind, reason }) => `${kind}: ${reason}`).join('; ');
  return `packet over ${chosen}${why === '' ? '' : ` (${why})`}`;
}
