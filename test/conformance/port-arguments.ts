/** What the conformance port is told on its command line. */

import { isIPv4 } from 'node:net';
import { parseArgs } from 'node:util';
import { parseLinkName } from '../../linux/links.ts';

export const usage = `Usage: node dist/test/conformance/tcp-port.js --link LINK --address IP --port N --control PATH

Runs one user-level TCP with one listening port, and obeys lines on a UNIX stream socket.

  --link LINK          tap:DEVICE, af_packet:DEVICE or af_xdp:DEVICE
  --address IP         IPv4 address of the port. On a TAP device it must not be the kernel's own;
                       on others the kernel may hold it, and answers ARP and ping then
  --port N             1 to 65535
  --control PATH       where the socket is made
  --backlog N          connections that may be half open (4096)
  --time-wait-ms N     how long the side that closed first remembers (60000)
  --trace              says every frame on stderr

Commands, a line each, answered by a line with the result or −errno:
  reset                all connections and descriptors are gone
  accept CLIENT_PORT   descriptor of the connection from there (0: of the first that waits); −11: none
  recv FD N PEEK       bytes taken, at most N, or looked at when PEEK is 1; 0: the end; −11: none are there
  write FD N           bytes queued, at most N; byte n of a connection's stream is n modulo 251
  shutdown FD HOW      0: reading, 1: writing, 2: both
  close FD`;

export interface PortArguments {
  readonly wish: 'tap' | 'af_packet' | 'af_xdp';
  readonly device: string;
  /** IPv4, host order. */
  readonly address: number;
  readonly addressText: string;
  readonly port: number;
  readonly control: string;
  readonly backlog: number;
  readonly timeWaitMs: number;
  readonly trace: boolean;
}

/** @returns null: help is asked for. @throws {Error} saying what is wrong, and what is wanted. */
export function parsePortArguments(words: readonly string[]): PortArguments | null {
  const { values } = parseArgs({
    args: [...words],
    options: {
      link: { type: 'string' },
      address: { type: 'string' },
      port: { type: 'string' },
      control: { type: 'string' },
      backlog: { type: 'string', default: '4096' },
      'time-wait-ms': { type: 'string', default: '60000' },
      trace: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const { wish, device } = parseLinkName(needed('--link', values.link));
  if (wish === 'auto')
    throw new Error('Cannot use --link auto: wanted tap:DEVICE, af_packet:DEVICE or af_xdp:DEVICE');
  const addressText = needed('--address', values.address);
  if (!isIPv4(addressText))
    throw new Error(`Cannot use --address "${addressText}": wanted an IPv4 address, e.g. 198.18.0.2`);
  return {
    wish,
    device,
    address: addressText.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0),
    addressText,
    port: count('--port', needed('--port', values.port), 1, 65_535),
    control: needed('--control', values.control),
    backlog: count('--backlog', values.backlog, 1, 65_536),
    timeWaitMs: count('--time-wait-ms', values['time-wait-ms'], 1, 86_400_000),
    trace: values.trace,
  };
}

function needed(name: string, value: string | undefined): string {
  if (value === undefined || value === '')
    throw new Error(`Cannot start without ${name}: it has no default; "--help" says what is wanted`);
  return value;
}

function count(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new Error(`Cannot use ${name} "${text}": wanted a whole number from ${least} to ${most}`);
}
