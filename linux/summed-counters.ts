/** Counters of a link of several sockets: what the kernel dropped is asked for when somebody reads it. */

import type { LinkCounters } from '../net/links/link.ts';

export class SummedCounters implements LinkCounters {
  received = 0;
  transmitted = 0;
  sentTogether = 0;
  /** Given to transmit(), and no room for them. */
  refused = 0;
  readonly #sources: readonly { readonly dropped: number }[];

  constructor(sources: readonly { readonly dropped: number }[]) {
    this.#sources = sources;
  }

  /** A system call a socket. */
  get overflows(): number {
    return this.#sources.reduce((sum, { dropped }) => sum + dropped, this.refused);
  }
}
