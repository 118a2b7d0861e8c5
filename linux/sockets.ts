/**
 * TCP sockets as the kernel has them: descriptors, options, socket addresses in memory.
 *
 * Two kinds of calls. Those that set something up throw SystemCallError. Those of the hot path (accept4, recv, send,
 * connect, close) return what the kernel returned: negative is a failure and lastErrno() says which; they take
 * addresses of mapped memory as plain numbers, and allocate nothing.
 */

import { isIP } from 'node:net';
import { checked, libc } from './libc.ts';

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_ERROR = 4;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
/** The core that processed the last packet of a connection (Linux 3.19). */
export const SO_INCOMING_CPU = 49;
export const SO_ATTACH_REUSEPORT_CBPF = 51;
export const IPPROTO_IP = 0;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const TCP_NODELAY = 1;
export const IPV6_V6ONLY = 26;
/** bind() leaves the choice of the port to connect(), which knows the whole four-tuple (Linux 4.2). */
export const IP_BIND_ADDRESS_NO_PORT = 24;

export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2_000_000;
export const MSG_NOSIGNAL = 0x4000;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;

/** sizeof(struct sockaddr_in6), the longest that is used here. */
export const socketAddressBytes = 28;

const socketCall = libc.func('int socket(int family, int kind, int protocol)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)');
const getsockopt = libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)');
const sendto = libc.func(
  'long sendto(int fd, void *bytes, size_t length, int flags, void *address, uint32_t addressLength)',
);
const bindCall = libc.func('int bind(int fd, void *address, uint32_t length)');
const listenCall = libc.func('int listen(int fd, int backlog)');
const getsockname = libc.func('int getsockname(int fd, void *address, void *length)');

/** accept4(2): fd, address of a sockaddr or 0, address of its length or 0, SOCK_… flags. */
export const accept4: (fd: number, address: number, length: number, flags: number) => number = libc.func(
  'accept4',
  'int',
  ['int', 'uintptr_t', 'uintptr_t', 'int'],
);
/** recv(2): fd, address, length, flags. */
export const recv: (fd: number, address: number, length: number, flags: number) => number = libc.func(
  'recv',
  'int',
  ['int', 'uintptr_t', 'size_t', 'int'],
);
/** send(2): fd, address, length, flags: MSG_NOSIGNAL, or a lost peer is a signal. */
export const send: (fd: number, address: number, length: number, flags: number) => number = libc.func(
  'send',
  'int',
  ['int', 'uintptr_t', 'size_t', 'int'],
);
/** connect(2): fd, address of a sockaddr, its length. */
export const connect: (fd: number, address: number, length: number) => number = libc.func('connect', 'int', [
  'int',
  'uintptr_t',
  'uint32_t',
]);
/** close(2). Never again on EINTR: the descriptor is gone all the same. */
export const closeDescriptor: (fd: number) => number = libc.func('close', 'int', ['int']);
/** shutdown(2): fd, SHUT_WR or SHUT_RDWR. */
export const shutdown: (fd: number, how: number) => number = libc.func('shutdown', 'int', ['int', 'int']);
/** socket(2), for hot paths; set-up code takes openTcpSocket. */
export const rawTcpSocket = (family: 'ipv4' | 'ipv6', flags: number): number =>
  socketCall(family === 'ipv6' ? AF_INET6 : AF_INET, SOCK_STREAM | flags, IPPROTO_TCP);
/** bind(2), for hot paths: fd, address of a sockaddr, its length. */
export const rawBind: (fd: number, address: number, length: number) => number = libc.func('bind', 'int', [
  'int',
  'uintptr_t',
  'uint32_t',
]);

/** The family that an address written out belongs to. @throws when it is none. */
export function familyOf(address: string): 'ipv4' | 'ipv6' {
  const version = isIP(address);
  if (version === 0) throw new Error(`Cannot use "${address}" as an address: wanted IPv4 or IPv6`);
  return version === 6 ? 'ipv6' : 'ipv4';
}

/** @param flags SOCK_NONBLOCK, SOCK_CLOEXEC. @throws {SystemCallError} EMFILE, ENFILE, EAFNOSUPPORT */
export function openTcpSocket(family: 'ipv4' | 'ipv6', flags: number): number {
  return checked('Cannot open a TCP socket', rawTcpSocket(family, flags));
}

/** An IPv4 one: what is asked of devices goes through it. @throws {SystemCallError} EMFILE, ENFILE */
export function openDatagramSocket(): number {
  return checked('Cannot open a UDP socket', socketCall(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

/**
 * A socket of whole frames. @param family AF_PACKET, AF_XDP. @param protocol of frames, in network order; 0: none yet.
 * @throws {SystemCallError} EPERM: needs CAP_NET_RAW; EAFNOSUPPORT: the kernel has none.
 */
export function openFrameSocket(name: string, family: number, protocol: number): number {
  return checked(
    `Cannot open an ${name} socket`,
    socketCall(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol),
  );
}

/** Sets an option that is an int. @throws {SystemCallError} */
export function setOption(fd: number, level: number, name: number, value: number): void {
  setOptionBytes(fd, level, name, new Int32Array([value]));
}

/** Sets an option that is a structure. @throws {SystemCallError} */
export function setOptionBytes(fd: number, level: number, name: number, value: ArrayBufferView): void {
  checked(`Cannot set socket option ${level}/${name}`, setsockopt(fd, level, name, value, value.byteLength));
}

const optionValue = new Int32Array(1);
const optionLength = new Uint32Array(1);

/** Reads an option that is an int; allocates nothing. @throws {SystemCallError} */
export function getOption(fd: number, level: number, name: number): number {
  optionLength[0] = 4;
  checked('Cannot read a socket option', getsockopt(fd, level, name, optionValue, optionLength));
  return optionValue[0];
}

/** Reads an option that is a structure, as long as `value`. @throws {SystemCallError} */
export function getOptionBytes(fd: number, level: number, name: number, value: ArrayBufferView): void {
  const length = new Uint32Array([value.byteLength]);
  checked(`Cannot read socket option ${level}/${name}`, getsockopt(fd, level, name, value, length));
}

/** recv and accept, or send, give up with EAGAIN after this. @throws {SystemCallError} */
export function setTimeoutOption(
  fd: number,
  name: typeof SO_RCVTIMEO | typeof SO_SNDTIMEO,
  timeoutMs: number,
): void {
  const seconds = Math.floor(timeoutMs / 1000);
  const microseconds = Math.round((timeoutMs - seconds * 1000) * 1000);
  setOptionBytes(fd, SOL_SOCKET, name, new BigInt64Array([BigInt(seconds), BigInt(microseconds)]));
}

/** @param port 0: the kernel chooses. @throws {SystemCallError} EADDRINUSE, EADDRNOTAVAIL, EACCES */
export function bindTo(fd: number, address: string, port: number): void {
  const bytes = encodeSocketAddress(address, port);
  checked(`Cannot bind to ${hostPort(address, port)}`, bindCall(fd, bytes, bytes.byteLength));
}

/** Binds to an address of any family, e.g. a struct sockaddr_ll. @throws {SystemCallError} */
export function bindBytes(action: string, fd: number, address: Uint8Array): void {
  checked(action, bindCall(fd, address, address.byteLength));
}

/** Sends an empty datagram. @throws {SystemCallError} ENETUNREACH, EHOSTUNREACH */
export function sendDatagram(fd: number, address: string, port: number): void {
  const to = encodeSocketAddress(address, port);
  checked(`Cannot send to ${hostPort(address, port)}`, sendto(fd, null, 0, 0, to, to.byteLength));
}

/** @throws {SystemCallError} EADDRINUSE */
export function listenOn(fd: number, backlog: number): void {
  checked('Cannot listen', listenCall(fd, backlog));
}

/** The port that a socket is bound to. @throws {SystemCallError} */
export function boundPort(fd: number): number {
  const bytes = new Uint8Array(socketAddressBytes);
  const length = new Uint32Array([bytes.byteLength]);
  checked('Cannot read the address of a socket', getsockname(fd, bytes, length));
  return (bytes[2] << 8) | bytes[3];
}

/** `[::1]:80`, `127.0.0.1:80`. */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A struct sockaddr_in or sockaddr_in6 of its exact length. @throws when `address` is no address. */
export function encodeSocketAddress(address: string, port: number): Uint8Array<ArrayBuffer> {
  const ipv6 = familyOf(address) === 'ipv6';
  const bytes = new Uint8Array(ipv6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ipv6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  if (ipv6) bytes.set(ipv6Bytes(address), 8);
  else bytes.set(address.split('.').map(Number), 4);
  return bytes;
}

/** `2001:db8::1` → 16 bytes; a zone (`%eth0`) is dropped. */
function ipv6Bytes(address: string): Uint8Array {
  // A dotted tail (::ffff:1.2.3.4) becomes two groups.
  const text = address
    .replace(/%.*$/, '')
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) =>
      [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(':'),
    );
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]));
}
