/**
 * What the kernel says a device can do with XDP frames (generic netlink family "netdev", Linux 6.3;
 * Documentation/netlink/specs/netdev.yaml). It changes while a device is in use: a veth device takes frames sent by XDP
 * only as long as its other end runs an XDP program.
 */

import { SystemCallError } from './libc.ts';
import {
  attribute,
  findAttribute,
  NETLINK_GENERIC,
  NetlinkSocket,
  request,
  textAttribute,
} from './netlink.ts';

const GENL_ID_CTRL = 0x10;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const NETDEV_CMD_DEV_GET = 1;
const NETDEV_A_DEV_IFINDEX = 1;
const NETDEV_A_DEV_XDP_FEATURES = 3;
/** It sends frames that were redirected to it. */
const NETDEV_XDP_ACT_NDO_XMIT = 1 << 2;
/** struct genlmsghdr: command, version, two bytes of nothing. */
const commandBytes = 4;
const ENOENT = 2;

export class XdpFeatures {
  readonly #socket: NetlinkSocket;
  /** One a device. */
  readonly #requests: readonly Uint8Array[];

  /** @param devices indices, in the calling thread's network namespace. @throws when the kernel does not say. */
  constructor(devices: readonly number[]) {
    this.#socket = new NetlinkSocket(NETLINK_GENERIC);
    try {
      const family = familyId(this.#socket);
      this.#requests = devices.map((index) => request(family, 0, aboutDevice(index)));
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** Whether frames may be redirected to all of the devices now: not if one is gone. One request a device. */
  takeFrames(): boolean {
    return this.#requests.every((about) => this.#takesFrames(about));
  }

  #takesFrames(about: Uint8Array): boolean {
    try {
      const answer = this.#socket.ask('Cannot ask what a device does with XDP', about);
      const at = findAttribute(answer, commandBytes, NETDEV_A_DEV_XDP_FEATURES);
      return at >= 0 && (answer.getUint32(at, true) & NETDEV_XDP_ACT_NDO_XMIT) !== 0;
    } catch (error) {
      if (error instanceof SystemCallError) return false;
      throw error;
    }
  }

  close(): void {
    this.#socket.close();
  }
}

function aboutDevice(index: number): Uint8Array {
  return new Uint8Array([
    ...command(NETDEV_CMD_DEV_GET),
    ...attribute(NETDEV_A_DEV_IFINDEX, new Uint8Array(Uint32Array.of(index).buffer)),
  ]);
}

function familyId(socket: NetlinkSocket): number {
  const body = new Uint8Array([
    ...command(CTRL_CMD_GETFAMILY),
    ...textAttribute(CTRL_ATTR_FAMILY_NAME, 'netdev'),
  ]);
  try {
    const answer = socket.ask('Cannot ask what devices do with XDP', request(GENL_ID_CTRL, 0, body));
    return answer.getUint16(findAttribute(answer, commandBytes, CTRL_ATTR_FAMILY_ID), true);
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === ENOENT)
      throw new SystemCallError(
        'Cannot ask what devices do with XDP (the kernel does not say, wanted Linux 6.3 or newer)',
        ENOENT,
      );
    throw error;
  }
}

function command(number: number): Uint8Array {
  return Uint8Array.of(number, 1, 0, 0);
}
