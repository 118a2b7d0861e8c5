/**
 * Which source addresses k6 is told to connect from. It binds to one before it connects, and then the kernel gives a port to
 * one connection at a time, whatever its target, and not again before TIME_WAIT is over (60 s): no tcp_tw_reuse helps.
 * So a single address is not named where the kernel comes to the same by itself.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { parseAddress } from '../../allow.ts';
import type { LoadOrder } from '../../load.ts';

/** Empty: the kernel chooses. */
export async function namedSources({
  sourceAddresses,
  target,
}: Pick<LoadOrder, 'sourceAddresses' | 'target'>): Promise<readonly string[]> {
  const [only, ...more] = sourceAddresses;
  if (only === undefined || more.length > 0) return sourceAddresses;
  const chosen = await kernelsChoice(target.addresses[0], target.port);
  // On this machine itself, nobody can tell one from the other.
  return chosen === only || (isLoopback(chosen) && isLoopback(only)) ? [] : sourceAddresses;
}

/** By the routes of the calling thread's network namespace. Nothing is sent. */
async function kernelsChoice(address: string, port: number): Promise<string> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.connect(port, address);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}

function isLoopback(address: string): boolean {
  return parseAddress(address)?.range() === 'loopback';
}
