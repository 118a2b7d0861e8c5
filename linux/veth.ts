/** Makes a pair of veth devices (rtnetlink(7), RTM_NEWLINK): what is sent into one comes out of the other. */

import { bringUp } from './device-settings.ts';
import {
  attribute,
  NETLINK_ROUTE,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  request,
  textAttribute,
} from './netlink.ts';

const RTM_NEWLINK = 16;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
/** struct ifinfomsg, all zero: a new device. */
const newDevice = new Uint8Array(16);

/** Both ends are in the calling thread's namespace, up. @throws {SystemCallError} EPERM, EEXIST, EOPNOTSUPP: no such driver. */
export function createVethPair(one: string, other: string): void {
  const peer = attribute(VETH_INFO_PEER, newDevice, textAttribute(IFLA_IFNAME, other));
  const body = new Uint8Array([
    ...newDevice,
    ...textAttribute(IFLA_IFNAME, one),
    ...attribute(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_KIND, new TextEncoder().encode('veth')),
      attribute(IFLA_INFO_DATA, peer),
    ),
  ]);
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  try {
    socket.ask(
      `Cannot make the veth devices "${one}" and "${other}"`,
      request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body),
    );
  } finally {
    socket.close();
  }
  bringUp(one);
  bringUp(other);
}
