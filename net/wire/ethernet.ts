/**
 * Ethernet II headers. A hardware address is two numbers, its first 16 bits and its last 32: compared and stored
 * without an object. VLAN tags are not understood: a tagged frame has an EtherType that nobody speaks.
 */

import { Verdict } from './verdict.ts';

export const ethernetHeaderBytes = 14;
export const EtherType = { ipv4: 0x0800, arp: 0x0806 } as const;

const sourceAt = 6;
const etherTypeAt = 12;

export interface EthernetView {
  /** First two bytes, 0 … 65535. */
  destinationHigh: number;
  /** Last four bytes, as int32. */
  destinationLow: number;
  sourceHigh: number;
  sourceLow: number;
  etherType: number;
}

export function ethernetView(): EthernetView {
  return { destinationHigh: 0, destinationLow: 0, sourceHigh: 0, sourceLow: 0, etherType: 0 };
}

/** @param end of the frame. @returns ok or truncated. */
export function parseEthernet(memory: DataView, at: number, end: number, out: EthernetView): Verdict {
  if (end - at < ethernetHeaderBytes) return Verdict.truncated;
  out.destinationHigh = memory.getUint16(at);
  out.destinationLow = memory.getInt32(at + 2);
  out.sourceHigh = memory.getUint16(at + sourceAt);
  out.sourceLow = memory.getInt32(at + sourceAt + 2);
  out.etherType = memory.getUint16(at + etherTypeAt);
  return Verdict.ok;
}

/** Writes 14 bytes. */
export function emitEthernet(memory: DataView, at: number, header: Readonly<EthernetView>): void {
  memory.setUint16(at, header.destinationHigh);
  memory.setInt32(at + 2, header.destinationLow);
  memory.setUint16(at + sourceAt, header.sourceHigh);
  memory.setInt32(at + sourceAt + 2, header.sourceLow);
  memory.setUint16(at + etherTypeAt, header.etherType);
}

/** First two of the six bytes of a hardware address. */
export function hardwareHigh(address: Uint8Array): number {
  return (address[0] << 8) | address[1];
}

/** Last four of the six bytes of a hardware address, as int32. */
export function hardwareLow(address: Uint8Array): number {
  return (address[2] << 24) | (address[3] << 16) | (address[4] << 8) | address[5];
}
