/**
 * Prepares a flood over whatever carries it: the memory, the conversation, the transport that an engine chooses, and the
 * tally. Everything that can be refused is taken here, so that nothing but the flood itself is left to do after the start.
 */

import type { LoadOrder } from '../../load.ts';
import type { Lease, LoadControl } from '../../load-control.ts';
import { Tally } from '../../tally.ts';
import type { PreparedFlood } from '../prepared-flood.ts';
import { Buffers } from './buffers.ts';
import type { ConversationKind } from './conversation.ts';
import { echoConversation } from './echo-conversation.ts';
import { Flood } from './flood.ts';
import { httpConversation } from './http-conversation.ts';
import type { Carrier, TransportOptions } from './transport.ts';

const conversations = { echo: echoConversation, http: httpConversation } as const satisfies Record<
  LoadOrder['application'],
  ConversationKind
>;

/** @throws what `choose` throws. */
export function prepareOver(
  order: LoadOrder,
  control: LoadControl,
  lease: Lease,
  choose: (options: TransportOptions) => Carrier,
): PreparedFlood {
  const kind = conversations[order.application];
  const buffers = new Buffers({
    ...kind.plan(order),
    slots: order.load.kind === 'closed' ? order.load.concurrency : order.load.maxOpen,
    targets: order.target.addresses.map((address) => ({ address, port: order.target.port })),
    sources: order.sourceAddresses,
  });
  const conversation = kind.create(order, buffers);
  const { backend, transport } = choose({ buffers, gathered: conversation.gathered });
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
          notes: transport.notes(),
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
