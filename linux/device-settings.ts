/**
 * What the kernel says about one network device of the calling thread's namespace, and the two settings that frames
 * below the kernel's TCP depend on. By ioctl(2), for sysfs shows the namespace that it was mounted in.
 */

import { checked, lastErrno, libc, SystemCallError } from './libc.ts';
import { allocate } from './memory.ts';
import { closeDescriptor, openDatagramSocket } from './sockets.ts';

const ioctl = libc.func('ioctl', 'int', ['int', 'unsigned long', 'uintptr_t']);
const if_nametoindex = libc.func('unsigned int if_nametoindex(const char *name)');

const SIOCGIFCONF = 0x8912;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_GTXCSUM = 0x16;
const ETHTOOL_STXCSUM = 0x17;
const ETHTOOL_GCHANNELS = 0x3c;

const IFF_UP = 1;
const IFF_LOOPBACK = 8;
const ARPHRD_ETHER = 1;
const EOPNOTSUPP = 95;

const nameBytes = 16;
/** Where the value of a request is: after the name (struct ifreq). */
const valueAt = nameBytes;
const requestBytes = 40;
/** Where an ethtool request is, behind the struct ifreq that points to it. */
const ethtoolAt = 64;

export interface Queues {
  readonly receive: number;
  readonly transmit: number;
}

/**
 * Every IPv4 address that is on a device, up or not: with its device, and in host order. (os.networkInterfaces() leaves
 * out a device whose carrier the kernel has not looked at yet.)
 */
export function heldAddresses(): { readonly device: string; readonly address: number }[] {
  const socket = openDatagramSocket();
  try {
    // struct ifconf without room says how much is wanted.
    const wanted = configuration(socket, 0, (view) => view.getInt32(0, true));
    return configuration(socket, wanted, (view) =>
      Array.from({ length: view.getInt32(0, true) / requestBytes }, (_, index) => {
        const at = 16 + index * requestBytes;
        const label = new TextDecoder().decode(new Uint8Array(view.buffer, at, nameBytes));
        // struct sockaddr_in: family, port, address. A label may have more after the device's name.
        return { device: label.replace(/[:\0].*$/s, ''), address: view.getUint32(at + valueAt + 4) };
      }),
    );
  } finally {
    closeDescriptor(socket);
  }
}

/** SIOCGIFCONF: a struct ifconf, and room for every struct ifreq behind it. */
function configuration<Result>(
  socket: number,
  roomBytes: number,
  read: (view: DataView<ArrayBuffer>) => Result,
): Result {
  const memory = allocate(16 + roomBytes);
  try {
    const view = new DataView(memory.buffer);
    view.setInt32(0, roomBytes, true);
    view.setBigUint64(8, roomBytes === 0 ? 0n : memory.address + 16n, true);
    checked('Cannot list the addresses of devices', ioctl(socket, SIOCGIFCONF, Number(memory.address)));
    return read(view);
  } finally {
    memory.unmap();
  }
}

/** @throws {SystemCallError} ENODEV: there is none of this name. */
export function deviceIndex(device: string): number {
  const index: number = if_nametoindex(device);
  if (index === 0) throw new SystemCallError(`Cannot find the device "${device}"`, lastErrno());
  return index;
}

/** Bytes of its longest IP packet. @throws {SystemCallError} */
export function mtuOf(device: string): number {
  return request(device, SIOCGIFMTU, (view) => view.getInt32(valueAt, true));
}

/** 6 bytes. @throws when it is no Ethernet device. */
export function hardwareAddressOf(device: string): Uint8Array<ArrayBuffer> {
  return request(device, SIOCGIFHWADDR, (view) => {
    const kind = view.getUint16(valueAt, true);
    // The loopback device has Ethernet headers too, and zeros for an address.
    if (kind !== ARPHRD_ETHER && kind !== 772)
      throw new Error(`Cannot use the device "${device}": its kind is ${kind}; wanted Ethernet (1)`);
    return new Uint8Array(view.buffer.slice(valueAt + 2, valueAt + 8));
  });
}

/** The one hardware address of several devices that make one link. @throws when they differ. */
export function sharedHardwareAddress(devices: readonly string[]): Uint8Array<ArrayBuffer> {
  const [first, ...others] = devices.map(hardwareAddressOf) as [Uint8Array<ArrayBuffer>, ...Uint8Array[]];
  if (others.some((other) => other.some((byte, index) => byte !== first[index])))
    throw new Error(
      `Cannot use ${devices.join(', ')} as one link: their hardware addresses differ; wanted one for all, ` +
        '"ip link set DEVICE address …"',
    );
  return first;
}

/** @throws {SystemCallError} */
export function isUp(device: string): boolean {
  return (flagsOf(device) & IFF_UP) !== 0;
}

/** @throws {SystemCallError} */
export function isLoopback(device: string): boolean {
  return (flagsOf(device) & IFF_LOOPBACK) !== 0;
}

/** @throws {SystemCallError} EPERM: needs CAP_NET_ADMIN. */
export function bringUp(device: string): void {
  const flags = flagsOf(device) | IFF_UP;
  request(
    device,
    SIOCSIFFLAGS,
    () => undefined,
    (view) => view.setUint16(valueAt, flags, true),
    'bring up',
  );
}

/** How many queues it has in use; a device that does not say has one of each. @throws {SystemCallError} */
export function queuesOf(device: string): Queues {
  try {
    return ethtool(device, ETHTOOL_GCHANNELS, 0, (view) => {
      const [receive, transmit, , combined] = [5, 6, 7, 8].map((word) =>
        view.getUint32(ethtoolAt + word * 4, true),
      ) as [number, number, number, number];
      return { receive: Math.max(1, receive + combined), transmit: Math.max(1, transmit + combined) };
    });
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === EOPNOTSUPP) return { receive: 1, transmit: 1 };
    throw error;
  }
}

/** Whether the kernel leaves the checksums of what it sends to the device. @throws {SystemCallError} */
export function leavesChecksums(device: string): boolean {
  return ethtool(device, ETHTOOL_GTXCSUM, 0, (view) => view.getUint32(ethtoolAt + 4, true) !== 0);
}

/**
 * Says whether the kernel leaves the checksums of what it sends to the device. A veth device never finishes them: who
 * reads frames below the other end's TCP needs this off on the sending end. @throws {SystemCallError} EPERM
 */
export function leaveChecksums(device: string, leave: boolean): void {
  ethtool(device, ETHTOOL_STXCSUM, leave ? 1 : 0, () => undefined);
}

function flagsOf(device: string): number {
  return request(device, SIOCGIFFLAGS, (view) => view.getUint16(valueAt, true));
}

function ethtool<Result>(
  device: string,
  command: number,
  value: number,
  read: (view: DataView) => Result,
): Result {
  const fill = (view: DataView, address: bigint): void => {
    view.setBigUint64(valueAt, address + BigInt(ethtoolAt), true);
    view.setUint32(ethtoolAt, command, true);
    view.setUint32(ethtoolAt + 4, value, true);
  };
  return request(device, SIOCETHTOOL, read, fill, command === ETHTOOL_STXCSUM ? 'set' : 'ask for');
}

function request<Result>(
  device: string,
  number: number,
  read: (view: DataView<ArrayBuffer>) => Result,
  fill: (view: DataView<ArrayBuffer>, address: bigint) => void = () => {},
  doing = 'ask for',
): Result {
  const name = new TextEncoder().encode(device);
  if (name.byteLength >= nameBytes)
    throw new Error(`Cannot use the device "${device}": its name is longer than ${nameBytes - 1} bytes`);
  const memory = allocate(128);
  const socket = openDatagramSocket();
  try {
    new Uint8Array(memory.buffer).set(name);
    const view = new DataView(memory.buffer);
    fill(view, memory.address);
    checked(`Cannot ${doing} the device "${device}"`, ioctl(socket, number, Number(memory.address)));
    return read(view);
  } finally {
    closeDescriptor(socket);
    memory.unmap();
  }
}
