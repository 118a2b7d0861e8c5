/** Makes a pair of veth devices (rtnetlink(7), RTM_NEWLINK): what is sent into one comes out of the other. */

import { bringUp } from './device-settings.ts';
import { checked, libc, SystemCallError } from './libc.ts';
import { bindBytes, closeDescriptor } from './sockets.ts';

const socketCall = libc.func('int socket(int family, int kind, int protocol)');
const send = libc.func('long send(int fd, void *bytes, size_t length, int flags)');
const recv = libc.func('long recv(int fd, void *bytes, size_t length, int flags)');

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2_000_000;
const NETLINK_ROUTE = 0;
const RTM_NEWLINK = 16;
const NLM_F_REQUEST_ACK_CREATE_EXCL = 0x1 | 0x4 | 0x400 | 0x200;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const headerBytes = 16;
/** struct ifinfomsg, all zero: a new device. */
const deviceBytes = 16;

/** Both ends are in the calling thread's namespace, up. @throws {SystemCallError} EPERM, EEXIST, EOPNOTSUPP: no such driver. */
export function createVethPair(one: string, other: string): void {
  const peer = attribute(VETH_INFO_PEER, new Uint8Array(deviceBytes), name(other));
  const request = new Uint8Array([
    ...new Uint8Array(headerBytes + deviceBytes),
    ...name(one),
    ...attribute(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_KIND, new TextEncoder().encode('veth')),
      attribute(IFLA_INFO_DATA, peer),
    ),
  ]);
  const view = new DataView(request.buffer);
  view.setUint32(0, request.byteLength, true);
  view.setUint16(4, RTM_NEWLINK, true);
  view.setUint16(6, NLM_F_REQUEST_ACK_CREATE_EXCL, true);
  ask(`Cannot make the veth devices "${one}" and "${other}"`, request);
  bringUp(one);
  bringUp(other);
}

function name(text: string): Uint8Array {
  return attribute(IFLA_IFNAME, new TextEncoder().encode(`${text}\0`));
}

/** struct rtattr: length, type, contents, filled up to a multiple of four. */
function attribute(type: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = 4 + contents.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = new Uint8Array((length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, length, true);
  view.setUint16(2, type, true);
  let at = 4;
  for (const content of contents) {
    bytes.set(content, at);
    at += content.byteLength;
  }
  return bytes;
}

function ask(action: string, request: Uint8Array): void {
  const socket = checked(
    'Cannot open a netlink socket',
    socketCall(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE),
  );
  try {
    const address = new Uint8Array(12);
    address[0] = AF_NETLINK;
    bindBytes('Cannot bind a netlink socket', socket, address);
    checked(action, send(socket, request, request.byteLength, 0));
    const answer = new Uint8Array(1024);
    checked(action, recv(socket, answer, answer.byteLength, 0));
    // struct nlmsgerr: 0, or the error, negative.
    const error = new DataView(answer.buffer).getInt32(headerBytes, true);
    if (error !== 0) throw new SystemCallError(action, -error);
  } finally {
    closeDescriptor(socket);
  }
}
