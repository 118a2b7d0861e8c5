/** ARP of IPv4 over Ethernet (RFC 826), and nothing else. Addresses are int32. */

import { EtherType } from './ethernet.ts';
import { Verdict } from './verdict.ts';

export const arpBytes = 28;
export const ArpOperation = { request: 1, reply: 2 } as const;

const hardwareEthernet = 1;
/** Hardware type and protocol type; address lengths 6 and 4. */
const firstWord = (hardwareEthernet << 16) | EtherType.ipv4;
const addressLengths = 0x0604;

const addressLengthsAt = 4;
const operationAt = 6;
const senderHardwareAt = 8;
const senderAddressAt = 14;
const targetHardwareAt = 18;
const targetAddressAt = 24;

export interface ArpView {
  operation: number;
  /** First two bytes of the sender's hardware address. */
  senderHigh: number;
  /** Last four bytes of it, as int32. */
  senderLow: number;
  senderAddress: number;
  targetHigh: number;
  targetLow: number;
  targetAddress: number;
}

export function arpView(): ArpView {
  return {
    operation: 0,
    senderHigh: 0,
    senderLow: 0,
    senderAddress: 0,
    targetHigh: 0,
    targetLow: 0,
    targetAddress: 0,
  };
}

/** @param end of the frame. @returns ok, truncated or badArp. */
export function parseArp(memory: DataView, at: number, end: number, out: ArpView): Verdict {
  if (end - at < arpBytes) return Verdict.truncated;
  if (memory.getInt32(at) !== firstWord || memory.getUint16(at + addressLengthsAt) !== addressLengths)
    return Verdict.badArp;
  out.operation = memory.getUint16(at + operationAt);
  out.senderHigh = memory.getUint16(at + senderHardwareAt);
  out.senderLow = memory.getInt32(at + senderHardwareAt + 2);
  out.senderAddress = memory.getInt32(at + senderAddressAt);
  out.targetHigh = memory.getUint16(at + targetHardwareAt);
  out.targetLow = memory.getInt32(at + targetHardwareAt + 2);
  out.targetAddress = memory.getInt32(at + targetAddressAt);
  return Verdict.ok;
}

/** Writes 28 bytes. */
export function emitArp(memory: DataView, at: number, packet: Readonly<ArpView>): void {
  memory.setInt32(at, firstWord);
  memory.setUint16(at + addressLengthsAt, addressLengths);
  memory.setUint16(at + operationAt, packet.operation);
  memory.setUint16(at + senderHardwareAt, packet.senderHigh);
  memory.setInt32(at + senderHardwareAt + 2, packet.senderLow);
  memory.setInt32(at + senderAddressAt, packet.senderAddress);
  memory.setUint16(at + targetHardwareAt, packet.targetHigh);
  memory.setInt32(at + targetHardwareAt + 2, packet.targetLow);
  memory.setInt32(at + targetAddressAt, packet.targetAddress);
}
