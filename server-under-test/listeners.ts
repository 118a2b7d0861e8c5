/**
 * The listening sockets of a server: one for all cores, or one a core (SO_REUSEPORT); on one port over all addresses,
 * which nobody else uses. They are opened before any thread starts, in the order of the cores, and belong to the process.
 */

import { readFileSync } from 'node:fs';
import { SystemCallError } from '../linux/libc.ts';
import {
  bindTo,
  boundPort,
  closeDescriptor,
  familyOf,
  hostPort,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  listenOn,
  openTcpSocket,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDTIMEO,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  setOption,
  setTimeoutOption,
  TCP_NODELAY,
} from '../linux/sockets.ts';
import { badInput } from '../protocol/failure.ts';
import { dropEverything } from './socket-filter.ts';

export interface ListenerPlan {
  readonly addresses: readonly string[];
  /** 0: any that is free on every address. */
  readonly port: number;
  /** Listeners an address: 1, or one a core with SO_REUSEPORT. */
  readonly perAddress: number;
  readonly reusePort: boolean;
  /** Null: accepting never waits. A number: it blocks, at most so long a call. */
  readonly blockingTurnMs: number | null;
  /** The kernel answers nothing and accepts nothing: the port is kept for a TCP that is not the kernel's. */
  readonly silent?: boolean;
}

export interface Listeners {
  readonly port: number;
  /** By address, then by core. */
  readonly sockets: readonly (readonly number[])[];
  close(): void;
}

const portAttempts = 32;
const mostWaiting = 4096;

/** How many connections may wait to be accepted at a listener: as many as the kernel allows, up to 4096. */
export function backlog(): number {
  const allowed = Number(readFileSync('/proc/sys/net/core/somaxconn', 'latin1'));
  return Math.min(mostWaiting, allowed);
}

/** @throws {Failure} when the port is taken, or an address is not this machine's. */
export function openListeners(plan: ListenerPlan): Listeners {
  const port = freePort(plan.addresses, plan.port);
  const opened: number[] = [];
  const close = (): void => {
    for (const fd of opened) closeDescriptor(fd);
  };
  try {
    const sockets = plan.addresses.map((address) =>
      Array.from({ length: plan.perAddress }, () => {
        const fd = openListener(address, port, plan);
        opened.push(fd);
        return fd;
      }),
    );
    return { port, sockets, close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * A port that is free on every address: the wanted one, or any. Found out with plain sockets, because two groups of
 * SO_REUSEPORT listeners of one user would share a port without a word.
 * @throws {Failure}
 */
export function freePort(addresses: readonly string[], wanted: number): number {
  for (let attempt = 1; ; attempt++) {
    const probes: number[] = [];
    let port = wanted;
    let tried = addresses[0] ?? '';
    try {
      for (tried of addresses) {
        const fd = openBound(tried, port, { reusePort: false, blocking: false });
        probes.push(fd);
        port = boundPort(fd);
        // SO_REUSEADDR lets two sockets bind one port, but only one listen.
        listenOn(fd, 1);
      }
      return port;
    } catch (error) {
      const taken = error instanceof SystemCallError && error.code === 'EADDRINUSE';
      if (!taken || wanted !== 0 || attempt === portAttempts) throw bindFailure(error, tried, port);
    } finally {
      for (const fd of probes) closeDescriptor(fd);
    }
  }
}

function openListener(address: string, port: number, plan: ListenerPlan): number {
  const fd = openBound(address, port, {
    reusePort: plan.reusePort,
    blocking: plan.blockingTurnMs !== null,
  });
  try {
    // Before it listens: the first packet would be answered.
    if (plan.silent === true) dropEverything(fd);
    // Inherited by every accepted socket, so that none pays a call for it.
    setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (plan.blockingTurnMs !== null) {
      setTimeoutOption(fd, SO_RCVTIMEO, plan.blockingTurnMs);
      setTimeoutOption(fd, SO_SNDTIMEO, plan.blockingTurnMs);
    }
    listenOn(fd, backlog());
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw bindFailure(error, address, port);
  }
}

function openBound(address: string, port: number, how: { reusePort: boolean; blocking: boolean }): number {
  const family = familyOf(address);
  const fd = openTcpSocket(family, SOCK_CLOEXEC | (how.blocking ? 0 : SOCK_NONBLOCK));
  try {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (how.reusePort) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (family === 'ipv6') setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    bindTo(fd, address, port);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function bindFailure(error: unknown, address: string, port: number): unknown {
  if (!(error instanceof SystemCallError)) return error;
  const action = `Cannot listen on ${hostPort(address, port)}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return badInput(
        `${action}: the port is taken; wanted a free one, end what listens there (ss -ltnp 'sport = :${port}') or set "port: 0" for any free port`,
        { cause: error },
      );
    case 'EADDRNOTAVAIL':
      return badInput(`${action}: this machine has no such address; wanted one that "ip address" lists`, {
        cause: error,
      });
    case 'EACCES':
      return badInput(`${action}: ports under 1024 are for root; wanted a port from 1024 on`, {
        cause: error,
      });
    default:
      return error;
  }
}
