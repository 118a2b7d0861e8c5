/** What the main thread of a user-level server and its core threads tell each other, on top of core-order.ts. */

import type { LinkGround } from '../../linux/links.ts';
import type { ConnectionTroubles } from '../connections.ts';
import type { ServingOrder } from '../core-order.ts';
import type { CoreFigures } from './measured-figures.ts';

export interface UserLevelOrder extends ServingOrder {
  /** From prepareLink(): thread `index` opens its own link of it. */
  readonly ground: LinkGround;
  /** IPv4, host order. */
  readonly addresses: Uint32Array;
  readonly port: number;
  /** The kernel answers ARP and ICMP for those addresses; else the stack does. */
  readonly kernelAnswers: boolean;
  readonly maxConnections: number;
}

/** What a core thread says when it stops. */
export interface UserLevelCoreResult {
  readonly figures: CoreFigures;
  /** From start to end. */
  readonly troubles: ConnectionTroubles;
  /** Of its link. */
  readonly togetherRefused: string | null;
}
