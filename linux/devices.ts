/**
 * Which device of the calling thread's network namespace leads where: the one that holds an address, the one that a
 * target is reached by, and the hardware address that frames to it need.
 */

import { readFileSync } from 'node:fs';
import { heldAddresses, isLoopback, isUp } from './device-settings.ts';
import type { Prefix } from './frame-match.ts';
import { SystemCallError } from './libc.ts';
import { bindTo, closeDescriptor, openDatagramSocket, sendDatagram } from './sockets.ts';
import { sleepMs } from './thread.ts';

const routesFile = '/proc/thread-self/net/route';
const neighboursFile = '/proc/thread-self/net/arp';
const devicesFile = '/proc/thread-self/net/dev';

const RTF_UP = 1;
const RTF_GATEWAY = 2;
const ATF_COM = 2;
/** Nothing listens there: what the kernel sends to it only makes it ask for the neighbour (RFC 863). */
const discardPort = 9;
const EADDRNOTAVAIL = 99;

const askTries = 40;
const askPauseMs = 50;

export interface NextHop {
  readonly device: string;
  /** IPv4, host order: who gets the frames; the target itself when it is on the device's own network. */
  readonly address: number;
  /** Its hardware address, 6 bytes. */
  readonly hardwareAddress: Uint8Array<ArrayBuffer>;
}

/** Whether the kernel answers for an address: it is on a device, or a local route covers it. @param address IPv4, host order */
export function isOwnAddress(address: number): boolean {
  // Before it has its first address, a namespace lets a socket be bound to any.
  if (heldAddresses().length === 0) return false;
  const socket = openDatagramSocket();
  try {
    bindTo(socket, addressText(address), 0);
    return true;
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === EADDRNOTAVAIL) return false;
    throw error;
  } finally {
    closeDescriptor(socket);
  }
}

/** An address of the kernel's within a prefix, written out; null: there is none. */
export function ownAddressWithin(prefix: Prefix): string | null {
  const mask = prefix.bits === 0 ? 0 : -1 << (32 - prefix.bits);
  const found = heldAddresses().find(({ address }) => (address & mask) >>> 0 === prefix.address);
  return found === undefined ? null : addressText(found.address);
}

/**
 * The devices that traffic to an address of this machine comes through: the one that holds it; all that are up, when it
 * is the loopback device that holds it. @throws when none is found.
 */
export function devicesHolding(address: number): string[] {
  const text = addressText(address);
  const holder = heldAddresses().find((held) => held.address === address)?.device;
  if (holder === undefined)
    throw new Error(`Cannot find the device of ${text}: no device holds it; "ip address" shows them all`);
  if (!isLoopback(holder)) return [holder];
  const others = deviceNames(readFileSync(devicesFile, 'latin1')).filter(
    (name) => !isLoopback(name) && isUp(name),
  );
  if (others.length === 0)
    throw new Error(`Cannot find a device that leads to ${text}: it is on "${holder}", and no other is up`);
  return others;
}

/**
 * How a target is reached: by the routing table, and the neighbour's answer, which is asked for when it is not known.
 * Blocks, at most 2 s. @param target IPv4, host order. @throws when there is no route, or nobody answers.
 */
export function nextHopTowards(target: number): NextHop {
  const text = addressText(target);
  if (isOwnAddress(target))
    throw new Error(`Cannot reach ${text}: it is this machine's own, and frames are for others`);
  const route = routeTo(parseRoutes(readFileSync(routesFile, 'latin1')), target);
  if (route === null)
    throw new Error(
      `Cannot reach ${text}: no route leads there through a device; "ip route get ${text}" shows what the kernel would do`,
    );
  const address = route.gateway === 0 ? target : route.gateway;
  for (let tries = 0; tries < askTries; tries++) {
    const found = parseNeighbours(readFileSync(neighboursFile, 'latin1')).find(
      (neighbour) => neighbour.address === address && neighbour.device === route.device,
    );
    if (found !== undefined) return { device: route.device, address, hardwareAddress: found.hardwareAddress };
    if (tries === 0) askFor(text);
    else sleepMs(askPauseMs);
  }
  throw new Error(
    `Cannot reach ${text}: ${addressText(address)} on "${route.device}" does not say its hardware address`,
  );
}

/** A datagram to the target makes the kernel ask for whoever is to get it. */
function askFor(target: string): void {
  const socket = openDatagramSocket();
  try {
    sendDatagram(socket, target, discardPort);
  } finally {
    closeDescriptor(socket);
  }
}

export interface Route {
  readonly device: string;
  readonly network: number;
  readonly mask: number;
  /** 0: the network is the device's own. */
  readonly gateway: number;
  readonly metric: number;
}

/** The most special route that covers the target; of equals the one of least metric. Exported for tests. */
export function routeTo(routes: readonly Route[], target: number): Route | null {
  const [best = null] = routes
    .filter(({ network, mask }) => (target & mask) >>> 0 === network)
    .sort((one, other) => other.mask - one.mask || one.metric - other.metric);
  return best;
}

/** Exported for tests: the text of /proc/net/route, addresses in hexadecimal as the machine's own words. */
export function parseRoutes(text: string): Route[] {
  return text
    .trim()
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [device = '', network = '', gateway = '', flags = '', , , metric = '', mask = ''] =
        line.split(/\s+/);
      const bits = Number.parseInt(flags, 16);
      if ((bits & RTF_UP) === 0) return [];
      return {
        device,
        network: turned(network),
        mask: turned(mask),
        gateway: (bits & RTF_GATEWAY) === 0 ? 0 : turned(gateway),
        metric: Number(metric),
      };
    });
}

/** Exported for tests: the text of /proc/net/arp; only neighbours that have answered, or were set by hand. */
export function parseNeighbours(text: string) {
  return text
    .trim()
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [address = '', , flags = '', hardware = '', , device = ''] = line.trim().split(/\s+/);
      if ((Number.parseInt(flags, 16) & ATF_COM) === 0) return [];
      return {
        address: parseAddress(address),
        device,
        hardwareAddress: Uint8Array.from(hardware.split(':').map((byte) => Number.parseInt(byte, 16))),
      };
    });
}

function deviceNames(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.slice(0, line.lastIndexOf(':')).trim());
}

function turned(hexadecimal: string): number {
  const word = Number.parseInt(hexadecimal, 16);
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** 198.18.0.1 → 0xc6120001. */
function parseAddress(text: string): number {
  return text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

/** 0xc6120001 → 198.18.0.1. */
function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}
