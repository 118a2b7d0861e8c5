/** What an engine gives a load thread: everything taken, nothing started. */

import type { ThreadResult } from '../load.ts';

export interface PreparedFlood {
  /** What makes the load, e.g. "io_uring", or "epoll (io_uring: operation not permitted)". */
  readonly backend: string;
  /** Blocks the thread from before the start until all is over, unless others make the load: then it only waits. */
  run(): ThreadResult | Promise<ThreadResult>;
}
