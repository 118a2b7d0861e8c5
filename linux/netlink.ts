/** Netlink sockets: one request, one answer (netlink(7), Documentation/userspace-api/netlink/intro.rst). */

import { checked, libc, SystemCallError } from './libc.ts';
import { bindBytes, closeDescriptor } from './sockets.ts';

const socketCall = libc.func('int socket(int family, int kind, int protocol)');
const send = libc.func('long send(int fd, void *bytes, size_t length, int flags)');
const recv = libc.func('long recv(int fd, void *bytes, size_t length, int flags)');

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2_000_000;
const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 0x1;
/** struct nlmsghdr */
const headerBytes = 16;
const attributeHeaderBytes = 4;
const answerBytes = 8192;

export const NETLINK_ROUTE = 0;
export const NETLINK_GENERIC = 16;
export const NLM_F_ACK = 0x4;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

/** Belongs to the network namespace that the calling thread is in when it is made. */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #answer = new Uint8Array(answerBytes);

  /** @throws {SystemCallError} EPROTONOSUPPORT: the kernel has no such family. */
  constructor(protocol: number) {
    this.#fd = checked('Cannot open a netlink socket', socketCall(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol));
    const address = new Uint8Array(12);
    address[0] = AF_NETLINK;
    try {
      bindBytes('Cannot bind a netlink socket', this.#fd, address);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * @returns what follows the header of the answer, to be read before the next request; an acknowledgement is empty.
   * @throws {SystemCallError} what the kernel answered.
   */
  ask(action: string, request: Uint8Array): DataView {
    checked(action, send(this.#fd, request, request.byteLength, 0));
    const length = checked(action, recv(this.#fd, this.#answer, answerBytes, 0));
    const answer = new DataView(this.#answer.buffer, 0, length);
    if (answer.getUint16(4, true) !== NLMSG_ERROR)
      return new DataView(this.#answer.buffer, headerBytes, length - headerBytes);
    // struct nlmsgerr: 0, or the error, negative.
    const error = answer.getInt32(headerBytes, true);
    if (error !== 0) throw new SystemCallError(action, -error);
    return new DataView(this.#answer.buffer, length, 0);
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}

/** A request, for any socket, as often as it is wanted. @param body what follows the header, a multiple of four bytes. */
export function request(type: number, flags: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerBytes + body.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.byteLength, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | flags, true);
  bytes.set(body, headerBytes);
  return bytes;
}

/** struct nlattr: length, type, contents, filled up to a multiple of four. */
export function attribute(type: number, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = attributeHeaderBytes + contents.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = new Uint8Array((length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, length, true);
  view.setUint16(2, type, true);
  let at = attributeHeaderBytes;
  for (const content of contents) {
    bytes.set(content, at);
    at += content.byteLength;
  }
  return bytes;
}

/** A text, ended by a zero. */
export function textAttribute(type: number, text: string): Uint8Array<ArrayBuffer> {
  return attribute(type, new TextEncoder().encode(`${text}\0`));
}

/** Where the contents of an attribute begin, of those that follow each other from `from` on; −1: it is not there. */
export function findAttribute(view: DataView, from: number, type: number): number {
  for (let at = from; at + attributeHeaderBytes <= view.byteLength; ) {
    const length = view.getUint16(at, true);
    if (view.getUint16(at + 2, true) === type) return at + attributeHeaderBytes;
    at += Math.max(attributeHeaderBytes, (length + 3) & ~3);
  }
  return -1;
}
