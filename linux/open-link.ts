/**
 * Opens the kernel link that was asked for, or the best one that is allowed, and says why a better one was not.
 */

import type { KernelLink } from '../net/links/link.ts';
import { openAfPacket } from './af-packet.ts';
import { afXdpFrames, openAfXdp } from './af-xdp.ts';
import { isOwnAddress, ownAddressWithin } from './devices.ts';
import { type FrameMatch, prefixOf } from './frame-match.ts';
import { type KernelShield, shieldKernel } from './kernel-shield.ts';
import type { LinkGround, LinkGroundDevice, LinkKind, LinkRefusal, LinkRequest } from './links.ts';
import { closeDescriptor, openFrameSocket } from './sockets.ts';
import { openTap } from './tap.ts';
import { redirectTo, type XdpRedirect } from './xdp-redirect.ts';

export interface PreparedLink {
  readonly ground: LinkGround;
  /** As a record says it: `af_xdp (native) on srv0, srv1`. */
  readonly chosen: string;
  /** Better ones, and why they were not to be had. */
  readonly refused: readonly LinkRefusal[];
  /** Whether the kernel answers ARP and ICMP for the addresses; if not, the stack must. */
  readonly kernelAnswers: boolean;
  /** Takes the programs off the devices. Close the links first. */
  close(): void;
}

/** Nothing of what was wished for is allowed. */
export class LinkRefused extends Error {
  override readonly name = 'LinkRefused';
  readonly refused: readonly LinkRefusal[];

  constructor(devices: readonly string[], refused: readonly LinkRefusal[]) {
    super(
      `Cannot open a link on ${devices.join(', ')}: ` +
        refused.map(({ kind, reason }) => `${kind}: ${reason}`).join('; '),
    );
    this.refused = refused;
  }
}

type Preparation = Omit<PreparedLink, 'refused' | 'kernelAnswers'>;

const preparations: Readonly<Record<LinkKind, (request: LinkRequest, match: FrameMatch) => Preparation>> = {
  af_xdp: prepareAfXdp,
  af_packet: prepareAfPacket,
  tap: prepareTap,
};

/**
 * Once a process, in the network namespace of the devices: tries what is wished for, attaches what it needs, and leaves it
 * attached until close() or the end of the process.
 * @throws {LinkRefused} when none of what was wished for is allowed: with every reason.
 */
export function prepareLink(request: LinkRequest): PreparedLink {
  return firstAllowed(request, (prepared) => prepared);
}

/** The link of one thread, in the same network namespace. @param thread 0 … threads-1. @throws {SystemCallError} */
export function openPreparedLink(ground: LinkGround, thread: number): KernelLink {
  switch (ground.kind) {
    case 'af_xdp':
      return openAfXdp({
        role: ground.role,
        devices: ground.devices.map(({ name, queues, map }) => ({
          name,
          queues,
          map,
          own: Array.from({ length: queues }, (_, queue) => queue).filter(
            (queue) => queue % ground.threads === thread,
          ),
        })),
      });
    case 'af_packet':
      return openAfPacket({
        devices: ground.devices.map(({ name }) => name),
        match: byPort(ground.match),
        threads: ground.threads,
      });
    case 'tap':
      return openTap((ground.devices[0] as LinkGroundDevice).name);
  }
}

export interface OpenedLink {
  readonly link: KernelLink;
  readonly chosen: string;
  readonly refused: readonly LinkRefusal[];
  readonly kernelAnswers: boolean;
  /** Closes the link and takes its programs off the devices. */
  close(): void;
}

/** For a process with one such thread: prepares and opens. @throws as prepareLink; `request.threads` must be 1. */
export function openLink(request: LinkRequest): OpenedLink {
  if (request.threads !== 1)
    throw new RangeError(`openLink() is for 1 thread, asked for ${request.threads}: use prepareLink()`);
  return firstAllowed(request, ({ ground, close, ...said }) => {
    let link: KernelLink;
    try {
      link = openPreparedLink(ground, 0);
    } catch (error) {
      close();
      throw error;
    }
    return {
      ...said,
      link,
      close: () => {
        link.close();
        close();
      },
    };
  });
}

function firstAllowed<Opened extends { readonly refused: readonly LinkRefusal[] }>(
  request: LinkRequest,
  open: (prepared: PreparedLink) => Opened,
): Opened {
  const held = kernelHolds(request.addresses);
  const match: FrameMatch = {
    local: prefixOf(request.addresses),
    tcp: held ? { role: request.role, port: request.port } : null,
  };
  const refused: LinkRefusal[] = [];
  for (const kind of request.wish === 'auto' ? (['af_xdp', 'af_packet'] as const) : [request.wish]) {
    try {
      return open({ ...preparations[kind](request, match), refused, kernelAnswers: held });
    } catch (error) {
      refused.push({ kind, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  throw new LinkRefused(request.devices, refused);
}

function prepareAfXdp(request: LinkRequest, match: FrameMatch): Preparation {
  afXdpFrames(request.devices);
  // Asked before anything is attached: the right to open one is another than the right to attach.
  closeDescriptor(openFrameSocket('AF_XDP', AF_XDP, 0));
  const redirects: XdpRedirect[] = [];
  const close = (): void => {
    for (const redirect of redirects) redirect.close();
  };
  try {
    for (const device of request.devices) redirects.push(redirectTo(device, match));
    const most = Math.max(...redirects.map(({ queues }) => queues));
    if (request.threads > most)
      throw new Error(
        `Cannot give ${request.threads} threads a queue each: ${request.devices.join(', ')} have at most ${most}; ` +
          '"ethtool --set-channels" may add some',
      );
  } catch (error) {
    close();
    throw error;
  }
  const modes = [...new Set(redirects.map(({ mode, nativeRefused }) => modeText(mode, nativeRefused)))];
  return {
    ground: {
      kind: 'af_xdp',
      role: request.role,
      threads: request.threads,
      devices: redirects.map(({ device, queues, map }) => ({ name: device, queues, map })),
      match,
    },
    chosen: `af_xdp (${modes.join(', ')}) on ${request.devices.join(', ')}`,
    close,
  };
}

function modeText(mode: XdpRedirect['mode'], nativeRefused: string | null): string {
  return nativeRefused === null ? mode : `${mode}, native was refused: ${nativeRefused}`;
}

function prepareAfPacket(request: LinkRequest, match: FrameMatch): Preparation {
  const shields: KernelShield[] = [];
  const close = (): void => {
    for (const shield of shields) shield.close();
  };
  const shared = byPort(match);
  try {
    // Addresses that the kernel does not hold are not its business: it answers nothing for them.
    if (shared !== null) for (const device of request.devices) shields.push(shieldKernel(device, shared));
  } catch (error) {
    close();
    throw error;
  }
  return {
    ground: {
      kind: 'af_packet',
      role: request.role,
      threads: request.threads,
      devices: request.devices.map(withoutMap),
      match,
    },
    chosen: `af_packet on ${request.devices.join(', ')}`,
    close,
  };
}

function prepareTap(request: LinkRequest, match: FrameMatch): Preparation {
  const [device = '', ...others] = request.devices;
  if (others.length > 0 || request.threads > 1)
    throw new Error(
      `Cannot open ${request.devices.join(', ')} as TAP for ${request.threads} threads: wanted one device and one thread`,
    );
  if (match.tcp !== null)
    throw new Error(
      `Cannot open a TAP device "${device}" with an address that the kernel holds: it is the other machine there, and the ` +
        'stack needs an address of its own in the network of the device',
    );
  return {
    ground: { kind: 'tap', role: request.role, threads: 1, devices: [withoutMap(device)], match },
    chosen: `tap on ${device}`,
    close: () => {},
  };
}

function withoutMap(name: string): LinkGroundDevice {
  return { name, queues: 1, map: -1 };
}

function byPort(match: FrameMatch): (FrameMatch & { readonly tcp: object }) | null {
  return match.tcp === null ? null : { ...match, tcp: match.tcp };
}

const AF_XDP = 44;

/** @throws when the kernel holds some of the addresses and not others, or others among them. */
function kernelHolds(addresses: Uint32Array): boolean {
  const own = addresses.filter(isOwnAddress).length;
  if (own === addresses.length) return true;
  if (own > 0)
    throw new Error(
      `Cannot share ${addresses.length} addresses with the kernel: it holds ${own} of them; wanted all or none`,
    );
  const among = ownAddressWithin(prefixOf(addresses));
  if (among !== null)
    throw new Error(
      `Cannot take the addresses of a stack: the kernel's ${among} lies among them; wanted addresses side by side`,
    );
  return false;
}
