/**
 * single-queue: one listening socket, and so one accept queue and one lock, shared by every core. The option says who is
 * woken when a connection is there: `epoll` everybody who sleeps, `epoll-exclusive` one, `blocking` one of those that
 * wait in accept4.
 */

import { badInput } from '../../protocol/failure.ts';
import { blockingTurnMs } from '../blocking-loop.ts';
import type { WakeUp } from '../core-order.ts';
import { startCoreThreads } from '../core-threads.ts';
import { openListeners } from '../listeners.ts';
import type { VariantImplementation } from './variant.ts';

const wakeUps: Readonly<Record<string, WakeUp>> = {
  epoll: 'level',
  'epoll-exclusive': 'exclusive',
  blocking: 'blocking',
};

export const singleQueue: VariantImplementation = {
  cannot: {},
  start: async ({ spec, option }) => {
    const wakeUp = wakeUps[option ?? 'epoll'] ?? 'level';
    const blocking = wakeUp === 'blocking';
    if (blocking && spec.addresses.length > spec.cores.length) {
      throw badInput(
        `Cannot start single-queue:blocking: ${spec.addresses.length} addresses and ${spec.cores.length} cores; a thread that blocks waits on one address, wanted at least as many cores as addresses`,
      );
    }
    const listeners = openListeners({
      addresses: spec.addresses,
      port: spec.port,
      perAddress: 1,
      reusePort: false,
      blockingTurnMs: blocking ? blockingTurnMs : null,
    });
    const all = listeners.sockets.flat();
    return startCoreThreads(
      { spec, option },
      {
        listeners,
        ownListeners: (index) => (blocking ? [all[index % all.length] as number] : all),
        wakeUp,
        notes: {},
      },
    );
  },
};

/** As single-queue, with its option `blocking`: what that one cannot do on top. */
export const blockingCannot: VariantImplementation['cannot'] = {
  'many-open-connections':
    'a thread serves one connection to its end; those beyond the number of cores wait in the accept queue, and a silent one holds its core for a second',
  'several-addresses': 'a thread blocks on one listener: addresses are dealt out to the threads',
};
