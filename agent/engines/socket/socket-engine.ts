/** The `socket` engine: kernel sockets, by io_uring where it may be used and by epoll where not. Start here. */

import type { LoadOrder } from '../../load.ts';
import type { Lease, LoadControl } from '../../load-control.ts';
import { prepareOver } from '../flood/prepare.ts';
import type { PreparedFlood } from '../prepared-flood.ts';
import { chooseBackend } from './backend.ts';

/** @throws when neither io_uring nor epoll can carry this order, or the one that was asked for cannot. */
export function prepareSocketFlood(order: LoadOrder, control: LoadControl, lease: Lease): PreparedFlood {
  return prepareOver(order, control, lease, (options) => chooseBackend(order, options));
}
