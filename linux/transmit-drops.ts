/** How many frames devices dropped that were given to them to send, by their own counters (rtnetlink(7), RTM_GETLINK). */

import { SystemCallError } from './libc.ts';
import { findAttribute, NETLINK_ROUTE, NetlinkSocket, request } from './netlink.ts';

const RTM_GETLINK = 18;
const IFLA_STATS64 = 23;
/** struct ifinfomsg: the index is its second word. */
const deviceBytes = 16;
/** Of struct rtnl_link_stats64. */
const txDroppedAt = 7 * 8;

export class TransmitDrops {
  readonly #socket: NetlinkSocket;
  /** One a device. */
  readonly #requests: readonly Uint8Array[];
  readonly #before: number;

  /** From now on. @param devices indices, in the calling thread's network namespace. @throws {SystemCallError} */
  constructor(devices: readonly number[]) {
    this.#requests = devices.map((index) => {
      const about = new Uint32Array(deviceBytes / 4);
      about[1] = index;
      return request(RTM_GETLINK, 0, new Uint8Array(about.buffer));
    });
    this.#socket = new NetlinkSocket(NETLINK_ROUTE);
    this.#before = this.#count();
  }

  /** A request a device; a device that is gone has dropped nothing. */
  get dropped(): number {
    return Math.max(0, this.#count() - this.#before);
  }

  close(): void {
    this.#socket.close();
  }

  #count(): number {
    return this.#requests.reduce((sum, about) => sum + this.#dropsOf(about), 0);
  }

  #dropsOf(about: Uint8Array): number {
    try {
      const answer = this.#socket.ask('Cannot ask what a device has dropped', about);
      const at = findAttribute(answer, deviceBytes, IFLA_STATS64);
      return at < 0 ? 0 : Number(answer.getBigUint64(at + txDroppedAt, true));
    } catch (error) {
      if (error instanceof SystemCallError) return 0;
      throw error;
    }
  }
}
