/** Every engine, by name: adding one is adding a line. */

import type { Engine } from '../../protocol/cell.ts';
import type { LoadOrder } from '../load.ts';
import type { Lease, LoadControl } from '../load-control.ts';
import { prepareK6Flood } from './k6/k6-engine.ts';
import { preparePacketFlood } from './packet/packet-engine.ts';
import type { PreparedFlood } from './prepared-flood.ts';
import { prepareSocketFlood } from './socket/socket-engine.ts';

type Prepare = (
  order: LoadOrder,
  control: LoadControl,
  lease: Lease,
) => PreparedFlood | Promise<PreparedFlood>;

const engines: Readonly<Record<Engine, Prepare>> = {
  socket: prepareSocketFlood,
  packet: preparePacketFlood,
  k6: prepareK6Flood,
};

/** Takes all that an order needs, and makes no load. @throws {Error} naming what was refused. */
export async function prepareFlood(
  order: LoadOrder,
  control: LoadControl,
  lease: Lease,
): Promise<PreparedFlood> {
  return engines[order.engine](order, control, lease);
}
