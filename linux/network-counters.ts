/**
 * How often a listening socket's queue overflowed, from /proc/net/netstat (TcpExt), of the calling thread's own network
 * namespace. The kernel counts a namespace, not a socket: whoever else listens there is in the figures.
 */

import { readFileSync } from 'node:fs';

export interface ListenCounters {
  /** The accept queue was full when a handshake ended. Since the namespace began. */
  readonly overflows: number;
  /** Every connection request dropped at a listener, for that or any other reason. */
  readonly drops: number;
}

/** @throws when /proc is not mounted, or the kernel has no such counters. */
export function readListenCounters(): ListenCounters {
  return parseListenCounters(readFileSync('/proc/thread-self/net/netstat', 'latin1'));
}

/** Exported for tests: the text of /proc/net/netstat. */
export function parseListenCounters(text: string): ListenCounters {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  const counter = (name: string): number => {
    const value = Number(values[names.indexOf(name)] ?? Number.NaN);
    if (Number.isNaN(value))
      throw new Error(`Cannot read /proc/net/netstat: there is no TcpExt ${name}; wanted a Linux kernel`);
    return value;
  };
  return { overflows: counter('ListenOverflows'), drops: counter('ListenDrops') };
}
