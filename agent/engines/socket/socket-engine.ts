/**
 * The `socket` engine: kernel sockets, by io_uring where it may be used and by epoll where not. Start here.
 *
 * Preparing takes everything that can be refused (memory, rings, descriptors), so that nothing but the flood itself is
 * left to do after the start.
 */

import type { LoadOrder } from '../../load.ts';
import type { Lease, LoadControl } from '../../load-control.ts';
import { Tally } from '../../tally.ts';
import type { PreparedFlood } from '../prepared-flood.ts';
import { chooseBackend } from './backend.ts';
import { Buffers } from './buffers.ts';
import type { ConversationKind } from './conversation.ts';
import { echoConversation } from './echo-conversation.ts';
import { Flood } from './flood.ts';
import { httpConversation } from './http-conversation.ts';

const conversations = { echo: echoConversation, http: httpConversation } as const satisfies Record<
  LoadOrder['application'],
  ConversationKind
>;

/** @throws when neither io_uring nor epoll can carry this order, or the one that was asked for cannot. */
export function prepareSocketFlood(order: LoadOrder, control: LoadControl, lease: Lease): PreparedFlood {
  const kind = conversations[order.application];
  const buffers = new Buffers({
    ...kind.plan(order),
    slots: order.load.kind === 'closed' ? order.load.concurrency : order.load.maxOpen,
    targets: order.target.addresses.map((address) => ({ address, port: order.target.port })),
    sources: order.sourceAddresses,
  });
  const conversation = kind.create(order, buffers);
  const { backend, transport } = chooseBackend(order, { buffers, gathered: conversation.gathered });
  const flood = new Flood({ order, control, lease, conversation, transport });
  return {
    backend,
    run: () => {
      try {
        const { tally, stoppedEarly, measuredSeconds } = flood.run(
          (times, measureFromMs, measureUntilMs) =>
            new Tally({ control, kind: order.load.kind, times, measureFromMs, measureUntilMs }),
        );
        return {
          counts: tally.counts(),
          completedMeanwhile: tally.completedMeanwhile,
          lifetime: control.counts(),
          measuredSeconds,
          histograms: {
            connect: tally.connect.encode(),
            firstByte: tally.firstByte.encode(),
            total: tally.total.encode(),
          },
          stoppedEarly,
        };
      } finally {
        transport.destroy();
        // An operation that is still under way might write: better to lose the memory than to lend it twice.
        if (flood.isOver) buffers.unmap();
      }
    },
  };
}
