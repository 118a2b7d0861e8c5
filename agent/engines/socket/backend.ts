/**
 * io_uring or epoll: what the kernel allows and has decides, and the answer says why, so that no result hides which one
 * made it.
 */

import { IoUring, ringRefusal } from '../../../linux/io-uring.ts';
import { Operation } from '../../../linux/io-uring-operations.ts';
import { badInput } from '../../../protocol/failure.ts';
import type { LoadOrder } from '../../load.ts';
import type { Carrier, TransportOptions } from '../flood/transport.ts';
import { EpollTransport } from './epoll-transport.ts';
import { IoUringTransport } from './io-uring-transport.ts';

const always = ['socket', 'connect', 'send', 'sendMessage', 'receive', 'close', 'cancel'] as const;
const forSourceAddresses = ['command', 'bind'] as const;

/** @throws {Failure} when the one asked for is refused. */
export function chooseBackend(order: LoadOrder, options: TransportOptions): Carrier {
  if (order.backend === 'epoll') return { backend: 'epoll', transport: new EpollTransport(options) };
  let refusal = ioUringRefusal(order.sourceAddresses.length > 0);
  if (refusal === null) {
    try {
      return { backend: 'io_uring', transport: new IoUringTransport(options) };
    } catch (thrown) {
      refusal = ringRefusal(thrown);
    }
  }
  if (order.backend === 'io_uring')
    throw badInput(
      `Cannot make load over io_uring: ${refusal}; allow it, or take the backend "auto" or "epoll"`,
    );
  return { backend: `epoll (io_uring: ${refusal})`, transport: new EpollTransport(options) };
}

/**
 * Why io_uring cannot be used on this machine, by this process; null: it can.
 * @param withSources also what binding to source addresses needs (Linux 6.11).
 */
export function ioUringRefusal(withSources: boolean): string | null {
  return probe<string | null>(
    (ring) => {
      const known = ring.supportedOperations();
      const needed = withSources ? [...always, ...forSourceAddresses] : always;
      const missing = needed.filter((name) => !known.has(Operation[name]));
      return missing.length === 0 ? null : `this kernel lacks its operations ${missing.join(', ')}`;
    },
    (refusal) => refusal,
  );
}

/** What this kernel's io_uring has of what the engine uses, in words; empty where it cannot be used. */
export function describeIoUring(): readonly string[] {
  return probe<readonly string[]>(
    (ring) => {
      const known = ring.supportedOperations();
      const operations = [...always, ...forSourceAddresses].filter((name) => known.has(Operation[name]));
      return [ring.taskWork, ...operations];
    },
    () => [],
  );
}

/** Opens a small ring, asks, and closes it. */
function probe<Answer>(ask: (ring: IoUring) => Answer, refused: (reason: string) => Answer): Answer {
  let ring: IoUring | undefined;
  try {
    ring = new IoUring({ submissions: 8, completions: 16 });
    return ask(ring);
  } catch (thrown) {
    return refused(ringRefusal(thrown));
  } finally {
    ring?.close();
  }
}
