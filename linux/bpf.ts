/**
 * bpf(2): maps, programs, and what programs are attached to: raw tracepoints, sockets, network devices. Everything here
 * lives as long as its descriptor: a process that dies leaves nothing behind.
 */

import { lastErrno, libc, SystemCallError } from './libc.ts';
import { allocate } from './memory.ts';

const syscall = libc.func('syscall', 'long', ['long', 'int', 'uintptr_t', 'uint32_t']);

const bpfCallNumbers: Readonly<Record<string, number>> = { x64: 321, arm64: 280, riscv64: 280, ppc64: 361 };

const BPF_MAP_CREATE = 0;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_PROG_LOAD = 5;
const BPF_PROG_TEST_RUN = 10;
const BPF_RAW_TRACEPOINT_OPEN = 17;
const BPF_LINK_CREATE = 28;
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_MAP_TYPE_DEVMAP = 14;
const BPF_MAP_TYPE_XSKMAP = 17;
const BPF_F_MMAPABLE = 1 << 10;
const BPF_F_TEST_XDP_LIVE_FRAMES = 1 << 1;

/** enum bpf_prog_type. */
const programTypes = { 'socket filter': 1, 'traffic class': 3, XDP: 6, 'raw tracepoint': 17 } as const;
export type ProgramType = keyof typeof programTypes;

/** enum bpf_attach_type: places of a network device. */
const attachTypes = { XDP: 37, 'TCX ingress': 46 } as const;
export type DevicePlace = keyof typeof attachTypes;
export const XDP_FLAGS_SKB_MODE = 1 << 1;
export const XDP_FLAGS_DRV_MODE = 1 << 2;
const EAGAIN = 11;
const EACCES = 13;
const mostTries = 8;

const attributeBytes = 128;
/** Of them, what BPF_PROG_TEST_RUN has: the kernel wants the others to be absent or 0. */
const runBytes = 80;
const logBytes = 65_536;

/** One array of one value, zeroed, that may be mapped (Linux 5.5). @returns its descriptor. @throws {SystemCallError} */
export function createMappableMap(valueBytes: number): number {
  return call('Cannot create a BPF map', BPF_MAP_CREATE, (attributes) => {
    attributes.setUint32(0, BPF_MAP_TYPE_ARRAY, true);
    attributes.setUint32(4, 4, true);
    attributes.setUint32(8, valueBytes, true);
    attributes.setUint32(12, 1, true);
    attributes.setUint32(16, BPF_F_MMAPABLE, true);
  });
}

/** A map of AF_XDP sockets by receive queue. @returns its descriptor. @throws {SystemCallError} */
export function createSocketMap(queues: number): number {
  return createTargetMap('AF_XDP sockets', BPF_MAP_TYPE_XSKMAP, queues);
}

/** A map of devices that frames are redirected to, by number from 0. @returns its descriptor. @throws {SystemCallError} */
export function createDeviceMap(devices: number): number {
  return createTargetMap('devices', BPF_MAP_TYPE_DEVMAP, devices);
}

function createTargetMap(of: string, type: number, entries: number): number {
  return call(`Cannot create a BPF map of ${of}`, BPF_MAP_CREATE, (attributes) => {
    attributes.setUint32(0, type, true);
    attributes.setUint32(4, 4, true);
    attributes.setUint32(8, 4, true);
    attributes.setUint32(12, entries, true);
  });
}

/** map[key] = value, both 32 bits. @throws {SystemCallError} */
export function setMapEntry(map: number, key: number, value: number): void {
  const words = allocate(16);
  try {
    new Uint32Array(words.buffer).set([key, 0, value]);
    call(`Cannot set entry ${key} of a BPF map`, BPF_MAP_UPDATE_ELEM, (attributes) => {
      attributes.setUint32(0, map, true);
      attributes.setBigUint64(8, words.address, true);
      attributes.setBigUint64(16, words.address + 8n, true);
    });
  } finally {
    words.unmap();
  }
}

/**
 * @returns its descriptor.
 * @throws {SystemCallError} EPERM: needs CAP_BPF, and CAP_PERFMON (tracepoints) or CAP_NET_ADMIN (devices). Refused by
 * the verifier: the message ends with its last words.
 */
export function loadProgram(type: ProgramType, instructions: Uint8Array): number {
  const memory = allocate(instructions.byteLength + 16 + logBytes);
  try {
    const bytes = new Uint8Array(memory.buffer);
    const licenseAt = instructions.byteLength;
    const logAt = licenseAt + 16;
    bytes.set(instructions);
    // Reading kernel memory is for programs under a licence compatible with the GPL; MIT alone is not on its list.
    bytes.set(new TextEncoder().encode('Dual MIT/GPL\0'), licenseAt);
    const fill = (log: boolean) => (attributes: DataView) => {
      attributes.setUint32(0, programTypes[type], true);
      attributes.setUint32(4, instructions.byteLength / 8, true);
      attributes.setBigUint64(8, memory.address, true);
      attributes.setBigUint64(16, memory.address + BigInt(licenseAt), true);
      attributes.setUint32(24, log ? 1 : 0, true);
      attributes.setUint32(28, log ? logBytes : 0, true);
      attributes.setBigUint64(32, log ? memory.address + BigInt(logAt) : 0n, true);
    };
    const action = 'Cannot load a BPF program';
    try {
      return loadWhole(action, fill(false));
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.errno !== EACCES) throw error;
    }
    try {
      return call(action, BPF_PROG_LOAD, fill(true));
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      const log = new TextDecoder().decode(bytes.subarray(logAt)).replace(/\0.*$/s, '').trim();
      throw new SystemCallError(`${action} (verifier: ${log.slice(-300)})`, error.errno);
    }
  } finally {
    memory.unmap();
  }
}

/** Runs a program at every pass of a tracepoint, until the descriptor is closed. @throws {SystemCallError} */
export function openRawTracepoint(name: string, program: number): number {
  const text = allocate(name.length + 1);
  try {
    new Uint8Array(text.buffer).set(new TextEncoder().encode(name));
    return call(`Cannot attach to the tracepoint ${name}`, BPF_RAW_TRACEPOINT_OPEN, (attributes) => {
      attributes.setBigUint64(0, text.address, true);
      attributes.setUint32(8, program, true);
    });
  } finally {
    text.unmap();
  }
}

/**
 * Runs a program for every packet of a device, until the descriptor is closed or the device goes.
 * @param flags XDP_FLAGS_…; 0 for other places.
 * @throws {SystemCallError} EBUSY: there is another program; EOPNOTSUPP: the driver cannot; EINVAL: the kernel cannot.
 */
export function attachToDevice(
  program: number,
  options: { readonly place: DevicePlace; readonly deviceIndex: number; readonly flags: number },
): number {
  return call(`Cannot attach a program to ${options.place}`, BPF_LINK_CREATE, (attributes) => {
    attributes.setUint32(0, program, true);
    attributes.setUint32(4, options.deviceIndex, true);
    attributes.setUint32(8, attachTypes[options.place], true);
    attributes.setUint32(12, options.flags, true);
  });
}

/** An XDP program that is run on frames of the kernel's own making, which then go where it sends them (Linux 5.18). */
export interface FrameSource {
  /** Runs the program on so many frames, one after the other, at least 1. One system call. @returns 0, or an errno. */
  run(frames: number): number;
  close(): void;
}

/** @param frameBytes of each frame before the program changes it. @param batch frames between two looks at who got them. */
export function frameSource(program: number, frameBytes: number, batch: number): FrameSource {
  const number = bpfCallNumber('Cannot run an XDP program');
  const memory = allocate(attributeBytes + frameBytes);
  const address = Number(memory.address);
  const attributes = new DataView(memory.buffer);
  attributes.setUint32(0, program, true);
  attributes.setUint32(8, frameBytes, true);
  attributes.setBigUint64(16, memory.address + BigInt(attributeBytes), true);
  attributes.setUint32(64, BPF_F_TEST_XDP_LIVE_FRAMES, true);
  attributes.setUint32(72, batch, true);
  return {
    run: (frames) => {
      attributes.setUint32(32, frames, true);
      return syscall(number, BPF_PROG_TEST_RUN, address, runBytes) < 0 ? lastErrno() : 0;
    },
    close: () => memory.unmap(),
  };
}

/** The verifier stops at a pending signal, e.g. a profiler's: it is asked again, a few times. */
function loadWhole(action: string, fill: (attributes: DataView) => void): number {
  for (let tries = 1; ; tries++) {
    try {
      return call(action, BPF_PROG_LOAD, fill);
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.errno !== EAGAIN || tries === mostTries) throw error;
    }
  }
}

function call(action: string, command: number, fill: (attributes: DataView) => void): number {
  const number = bpfCallNumber(action);
  const memory = allocate(attributeBytes);
  try {
    fill(new DataView(memory.buffer));
    const returned = syscall(number, command, Number(memory.address), attributeBytes);
    if (returned < 0) throw new SystemCallError(action, lastErrno());
    return returned;
  } finally {
    memory.unmap();
  }
}

function bpfCallNumber(action: string): number {
  const number = bpfCallNumbers[process.arch];
  if (number === undefined)
    throw new Error(`${action}: the number of bpf(2) on ${process.arch} is not known`);
  return number;
}
