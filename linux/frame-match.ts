/**
 * BPF code that tells the frames of a user-level TCP from all others: IPv4 TCP of one port, to addresses of one prefix;
 * or, where the kernel holds none of the addresses, all that is for them. Everything else is somebody else's: other
 * protocols, tagged frames, fragments after the first (they show no port).
 *
 * Two forms of one match: XDP programs read the packet in place; programs on socket buffers (traffic class, socket
 * filter) copy headers to their stack, for a buffer may be in pieces.
 */

import type { BpfAssembler, Register } from './bpf-assembler.ts';

export interface FrameMatch {
  readonly local: Prefix;
  /** null: every protocol and port, and ARP that asks for the addresses. */
  readonly tcp: { readonly role: 'server' | 'client'; readonly port: number } | null;
}

/** IPv4, host order. */
export interface Prefix {
  readonly address: number;
  /** 0: every address; 32: this one. */
  readonly bits: number;
}

const ethernetTypeAt = 12;
const headerBytes = 14;
const ipv4Least = 20;
const arpBytes = 28;
const etherIpv4 = 0x0800;
const etherArp = 0x0806;
const protocolTcp = 6;
const helperSkbLoadBytes = 26;
const skbVlanPresentAt = 20;

/** The longest prefix that holds all addresses. @param addresses at least one. */
export function prefixOf(addresses: Uint32Array): Prefix {
  const [first = 0] = addresses;
  const differing = addresses.reduce((bits, address) => bits | (address ^ first), 0);
  const bits = Math.clz32(differing);
  return { address: (first & maskOf(bits)) >>> 0, bits };
}

function maskOf(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/** A value as a little-endian load of network bytes gives it. */
function wire16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

function wire32(value: number): number {
  return (wire16(value & 0xffff) << 16) | wire16(value >>> 16);
}

/**
 * Of an XDP program whose r1 is its context: goes on when a frame matches, jumps to `miss` otherwise. Uses r1 to r5; keeps
 * the context in r6.
 */
export function matchXdp(program: BpfAssembler, match: FrameMatch, miss: string): void {
  const frame = 2;
  const end = 3;
  const within = (bytes: number): void => {
    program.register('move', 4, frame).immediate('add', 4, bytes).jumpIfGreater(4, end, miss);
  };
  program.register('move', 6, 1).load(32, frame, 1, 0).load(32, end, 1, 4);
  within(headerBytes + ipv4Least);
  if (match.tcp === null) {
    program.load(16, 5, frame, ethernetTypeAt).jumpIfEqual(5, wire16(etherIpv4), 'ipv4');
    program.jumpIfNotEqual(5, wire16(etherArp), miss);
    within(headerBytes + arpBytes);
    matchAddress(program, frame, headerBytes + 24, match.local, miss);
    program.jumpIfEqual(5, wire16(etherArp), 'hit').label('ipv4');
    matchAddress(program, frame, headerBytes + 16, match.local, miss);
    program.label('hit');
    return;
  }
  program.load(16, 5, frame, ethernetTypeAt).jumpIfNotEqual(5, wire16(etherIpv4), miss);
  matchTcp(program, frame, match.local, miss);
  program.register('add', frame, 1);
  within(headerBytes + 4);
  program.load(16, 5, frame, headerBytes + portAt(match.tcp.role));
  program.jumpIfNotEqual(5, wire16(match.tcp.port), miss);
}

/** As matchXdp, of a program whose r1 is a socket buffer that starts with the Ethernet header. Needs a match by port. */
export function matchSocketBuffer(
  program: BpfAssembler,
  match: FrameMatch & { readonly tcp: object },
  miss: string,
): void {
  // On the stack too, addresses must lie on words: offset 30 of the frame does.
  const stack = headerBytes + ipv4Least + 4;
  const load = (bytes: number): void => {
    program.register('move', 1, 6).register('move', 3, 10).immediate('add', 3, -stack);
    program.immediate('move', 4, bytes).call(helperSkbLoadBytes).jumpIfNotEqual(0, 0, miss);
  };
  // A tag that the device took off is not in the bytes.
  program.register('move', 6, 1).load(32, 5, 6, skbVlanPresentAt).jumpIfNotEqual(5, 0, miss);
  program.immediate('move', 2, 0);
  load(headerBytes + ipv4Least);
  program.register('move', 2, 10).immediate('add', 2, -stack);
  program.load(16, 5, 2, ethernetTypeAt).jumpIfNotEqual(5, wire16(etherIpv4), miss);
  matchTcp(program, 2, match.local, miss);
  program.register('move', 2, 1).immediate('add', 2, headerBytes);
  load(4);
  program.load(16, 5, 10, portAt(match.tcp.role) - stack).jumpIfNotEqual(5, wire16(match.tcp.port), miss);
}

/** IPv4's part of both: leaves the header's length in r1, 20 to 60. Uses r5. */
function matchTcp(program: BpfAssembler, frame: Register, local: Prefix, miss: string): void {
  program.load(8, 1, frame, headerBytes).register('move', 5, 1);
  program.immediate('shiftRight', 5, 4).jumpIfNotEqual(5, 4, miss);
  program.immediate('and', 1, 0xf).immediate('shiftLeft', 1, 2).jumpIfLess(1, ipv4Least, miss);
  program.load(16, 5, frame, headerBytes + 6).immediate('and', 5, wire16(0x1fff));
  program.jumpIfNotEqual(5, 0, miss);
  program.load(8, 5, frame, headerBytes + 9).jumpIfNotEqual(5, protocolTcp, miss);
  matchAddress(program, frame, headerBytes + 16, local, miss);
}

/** Uses r4. */
function matchAddress(program: BpfAssembler, frame: Register, at: number, local: Prefix, miss: string): void {
  if (local.bits === 0) return;
  program.load(32, 4, frame, at);
  if (local.bits < 32) program.immediate32('and', 4, wire32(maskOf(local.bits) >>> 0));
  program.jumpIfNotEqual32(4, wire32(local.address), miss);
}

/** In the TCP header: a server's frames come to its port, a client's from its peer's. */
function portAt(role: 'server' | 'client'): number {
  return role === 'server' ? 2 : 0;
}
