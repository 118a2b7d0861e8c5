/**
 * Opens the kernel link that was asked for, or the best one that is allowed, and says why a better one was not.
 */

import type { KernelLink } from '../net/links/link.ts';
import type { LinkGround, LinkRefusal, LinkRequest } from './links.ts';

export interface PreparedLink {
  readonly ground: LinkGround;
  /** As a record says it: `af_xdp native on srv0, srv1`. */
  readonly chosen: string;
  readonly refused: readonly LinkRefusal[];
  /** Whether the kernel answers ARP and ICMP for the addresses; if not, the stack must. */
  readonly kernelAnswers: boolean;
  /** Takes the programs off the devices. Close the links first. */
  close(): void;
}

/**
 * Once a process, in the network namespace of the devices: tries what is wished for, attaches what it needs, and leaves it
 * attached until close() or the end of the process.
 * @throws when none of what was wished for is allowed: with every reason.
 */
export function prepareLink(request: LinkRequest): PreparedLink {
  throw new Error(`Cannot prepare a link on ${request.devices.join(', ')}: not built in`);
}

/** The link of one thread, in the same network namespace. @param thread 0 … threads-1. @throws {SystemCallError} */
export function openPreparedLink(ground: LinkGround, thread: number): KernelLink {
  throw new Error(`Cannot open ${ground.kind} for thread ${thread}: not built in`);
}

export interface OpenedLink {
  readonly link: KernelLink;
  readonly chosen: string;
  readonly refused: readonly LinkRefusal[];
  readonly kernelAnswers: boolean;
  /** Closes the link and takes its programs off the devices. */
  close(): void;
}

/** For a process with one such thread: prepares and opens. `request.threads` must be 1. */
export function openLink(request: LinkRequest): OpenedLink {
  const { ground, close, ...said } = prepareLink(request);
  const link = openPreparedLink(ground, 0);
  return {
    ...said,
    link,
    close: () => {
      link.close();
      close();
    },
  };
}
