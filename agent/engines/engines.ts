/** Every engine, by name: adding one is adding a line. */

import type { Engine } from '../../protocol/cell.ts';
import type { LoadOrder } from '../load.ts';
import type { Lease, LoadControl } from '../load-control.ts';
import { preparePacketFlood } from './packet/packet-engine.ts';
import type { PreparedFlood } from './prepared-flood.ts';
import { prepareSocketFlood } from './socket/socket-engine.ts';

type Prepare = (order: LoadOrder, control: LoadControl, lease: Lease) => PreparedFlood;

const engines: Readonly<Record<Engine, Prepare>> = {
  socket: prepareSocketFlood,
  packet: preparePacketFlood,
};

/** Takes all that an order needs, and starts nothing. @throws {Error} naming what was refused. */
export function prepareFlood(order: LoadOrder, control: LoadControl, lease: Lease): PreparedFlood {
  return engines[order.engine](order, control, lease);
}
