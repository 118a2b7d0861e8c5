/**
 * The kernel links by name: what is asked for, what a machine allowed, and what was chosen.
 *
 *   prepareLink (once a process, in the network namespace)  ──►  ground, plain data for any thread
 *   openPreparedLink (each thread, for its own queues)      ──►  KernelLink
 *
 * `auto` is the best that is allowed: af_xdp, then af_packet. A TAP device carries no traffic of another device, so it
 * is never chosen, only asked for.
 */

import type { FrameMatch } from './frame-match.ts';

export type LinkKind = 'af_xdp' | 'af_packet' | 'tap';
export type LinkWish = 'auto' | LinkKind;

export interface LinkRequest {
  readonly wish: LinkWish;
  /** All the traffic comes through these; a TAP device stands alone. */
  readonly devices: readonly string[];
  /** Whether `port` is the local one of the stack, or that of its peers. */
  readonly role: 'server' | 'client';
  readonly port: number;
  /** Of the stack, IPv4, host order; at least one. */
  readonly addresses: Uint32Array;
  /** How many threads will each open a link of their own: thread t has the queues t, t + threads, … of every device. */
  readonly threads: number;
}

export interface LinkRefusal {
  readonly kind: LinkKind;
  readonly reason: string;
}

/** All that a thread needs to open its link. Plain data: it may be sent to other threads of the process. */
export interface LinkGround {
  readonly kind: LinkKind;
  readonly role: 'server' | 'client';
  readonly threads: number;
  readonly devices: readonly LinkGroundDevice[];
  /** What of the devices' traffic is the stack's. */
  readonly match: FrameMatch;
}

export interface LinkGroundDevice {
  readonly name: string;
  readonly queues: number;
  /** AF_XDP: descriptor of the map of its sockets. −1: none. */
  readonly map: number;
}

/** Parses `af_xdp:DEV`, `af_packet:DEV`, `tap:DEV`, `auto:DEV`. @throws when it is none of these. */
export function parseLinkName(text: string): { readonly wish: LinkWish; readonly device: string } {
  const [, wish, device] = /^(auto|af_xdp|af_packet|tap):([^\s/]{1,15})$/.exec(text) ?? [];
  if (wish === undefined || device === undefined)
    throw new Error(
      `Cannot read the link "${text}": wanted af_xdp:DEVICE, af_packet:DEVICE, tap:DEVICE or auto:DEVICE`,
    );
  return { wish: wish as LinkWish, device };
}
