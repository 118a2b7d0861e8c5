/** Network devices, as the calling thread's network namespace has them. */

export interface NextHop {
  readonly device: string;
  /** IPv4, host order: who gets the frames; the target itself when it is on the device's own network. */
  readonly address: number;
  /** Its hardware address, 6 bytes. */
  readonly hardwareAddress: Uint8Array;
}

/** Devices through which traffic to an address of this machine comes: the one that holds it; every one when `lo` does. */
export function devicesHolding(address: number): string[] {
  throw new Error(`Cannot find ${address}: not built in`);
}

/** How a target is reached: by the routing table, and the neighbour's answer (asked for when not known; ≤ 2 s). */
export function nextHopTowards(target: number): NextHop {
  throw new Error(`Cannot find ${target}: not built in`);
}
