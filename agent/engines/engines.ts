/** Every engine, by name: adding one is adding a line. */

import type { Engine } from '../../protocol/cell.ts';
import type { LoadOrder } from '../load.ts';
import type { Lease, LoadControl } from '../load-control.ts';
import type { PreparedFlood } from './prepared-flood.ts';
import { prepareSocketFlood } from './socket/socket-engine.ts';

type Prepare = (order: LoadOrder, control: LoadControl, lease: Lease) => PreparedFlood;

const engines: Readonly<Record<Engine, Prepare>> = {
  socket: prepareSocketFlood,
  packet: () => {
    throw new Error('Cannot make load by engine "packet": not built in');
  },
};

/** Takes all that an order needs, and starts nothing. @throws {Error} naming what was refused. */
export function prepareFlood(order: LoadOrder, control: LoadControl, lease: Lease): PreparedFlood {
  return engines[order.engine](order, control, lease);
}
