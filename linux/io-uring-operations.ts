/**
 * Submissions of an io_uring, one function an operation: each fills the sixteen words of `struct io_uring_sqe` and
 * returns nothing. Every socket is a direct descriptor: an index into the ring's own table, which costs no file
 * descriptor of the process. Addresses come as two words, because a hot path makes no BigInt.
 *
 *   word 0: opcode | flags << 8 | ioprio << 16 · 1: fd · 2-3: offset, or a second address · 4-5: address · 6: length
 *   7: flags of the operation · 8-9: user data · 11: index of a direct descriptor · 12-13: third address
 */

import type { IoUring } from './io-uring.ts';

export const Operation = {
  sendMessage: 9,
  cancel: 14,
  connect: 16,
  close: 19,
  send: 26,
  receive: 27,
  socket: 45,
  command: 46,
  bind: 56,
} as const;

/** The next submission starts only when this one succeeded; a failure ends the chain. */
export const linked = 1 << (2 + 8);
/** No completion when this one succeeds; when it fails, its completion stands for the rest of the chain. */
export const silent = 1 << (6 + 8);
const fixedFile = 1 << 8;

const SOCK_STREAM = 1;
const SOCKET_URING_OP_SETSOCKOPT = 3;
const MSG_WAITALL = 0x100;

/** Where something lies in memory, as the two words of a 64-bit address. */
export interface WordAddress {
  readonly low: number;
  readonly high: number;
}

/** Splits an address. User addresses are under 2^47, so a number holds them exactly. */
export function wordAddress(address: bigint | number): WordAddress {
  const exact = Number(address);
  return { low: exact | 0, high: Math.floor(exact / 2 ** 32) };
}

/** Opens a TCP socket of `family` as direct descriptor `slot`. */
export function prepareSocket(ring: IoUring, flags: number, slot: number, family: number, tag: number): void {
  const { words } = ring;
  const at = ring.next();
  words[at] = Operation.socket | flags;
  words[at + 1] = family;
  words[at + 2] = SOCK_STREAM;
  words[at + 8] = tag;
  words[at + 9] = slot;
  words[at + 11] = slot + 1;
}

export interface SocketOption {
  readonly level: number;
  readonly name: number;
  readonly bytes: number;
  /** Where the value lies. */
  readonly value: WordAddress;
}

/** Sets an option. Linux 6.7. */
export function prepareSetOption(
  ring: IoUring,
  flags: number,
  slot: number,
  option: SocketOption,
  tag: number,
): void {
  const { words } = ring;
  const at = ring.next();
  words[at] = Operation.command | flags | fixedFile;
  words[at + 1] = slot;
  words[at + 2] = SOCKET_URING_OP_SETSOCKOPT;
  words[at + 4] = option.level;
  words[at + 5] = option.name;
  words[at + 8] = tag;
  words[at + 9] = slot;
  words[at + 11] = option.bytes;
  words[at + 12] = option.value.low;
  words[at + 13] = option.value.high;
}

/** Gives a socket its source address. Linux 6.11. */
export function prepareBind(
  ring: IoUring,
  flags: number,
  slot: number,
  low: number,
  high: number,
  addressBytes: number,
  tag: number,
): void {
  const { words } = ring;
  const at = ring.next();
  words[at] = Operation.bind | flags | fixedFile;
  words[at + 1] = slot;
  words[at + 2] = addressBytes;
  words[at + 4] = low;
  words[at + 5] = high;
  words[at + 8] = tag;
  words[at + 9] = slot;
}

/** Connects; to an address of family AF_UNSPEC: ends the connection by a reset (connect(2), RFC 9293 section 3.10.5). */
export function prepareConnect(
  ring: IoUring,
  flags: number,
  slot: number,
  low: number,
  high: number,
  addressBytes: number,
  tag: number,
): void {
  const { words } = ring;
  const at = ring.next();
  words[at] = Operation.connect | flags | fixedFile;
  words[at + 1] = slot;
  words[at + 2] = addressBytes;
  words[at + 4] = low;
  words[at + 5] = high;
  words[at + 8] = tag;
  words[at + 9] = slot;
}

/** Sends all of `bytes`. */
export function prepareSend(
  ring: IoUring,
  flags: number,
  slot: number,
  low: number,
  high: number,
  bytes: number,
  tag: number,
): void {
  const { words } = ring;
  const at = ring.next();
  words[at] = Operation.send | flags | fixedFile;
  words[at + 1] = slot;
  words[at + 4] = low;
  words[at + 5] = high;
  words[at + 6] = bytes;
  words[at + 7] = MSG_WAITALL;
  words[at + 8] = tag;
  words[at + 9] = slot;
}

/** Sends all that a `struct msghdr` gathers. */
export function prepareSendMessage(
  ring: IoUring,
  flags: number,
  slot: number,
  low: number,
  high: number,
  tag: number,
): void {
  const { words } = ring;
  const at = ring.next();
  words[at] = Operation.sendMessage | flags | fixedFile;
  words[at + 1] = slot;
  words[at + 4] = low;
  words[at + 5] = high;
  words[at + 6] = 1;
  words[at + 7] = MSG_WAITALL;
  words[at + 8] = tag;
  words[at + 9] = slot;
}

/** Receives what is there, at most `bytes`, once something is. */
export function prepareReceive(
  ring: IoUring,
  flags: number,
  slot: number,
  low: number,
  high: number,
  bytes: number,
  tag: number,
): void {
  const { words } = ring;
  const at = ring.next();
  words[at] = Operation.receive | flags | fixedFile;
  words[at + 1] = slot;
  words[at + 4] = low;
  words[at + 5] = high;
  words[at + 6] = bytes;
  words[at + 8] = tag;
  words[at + 9] = slot;
}

/** Closes direct descriptor `slot` and frees its index. */
export function prepareClose(ring: IoUring, flags: number, slot: number, tag: number): void {
  const { words } = ring;
  const at = ring.next();
  words[at] = Operation.close | flags;
  words[at + 8] = tag;
  words[at + 9] = slot;
  words[at + 11] = slot + 1;
}

/** Cancels the operation whose user data is (`targetTag`, `slot`), if it is still under way. */
export function prepareCancel(
  ring: IoUring,
  flags: number,
  slot: number,
  targetTag: number,
  tag: number,
): void {
  const { words } = ring;
  const at = ring.next();
  words[at] = Operation.cancel | flags;
  words[at + 4] = targetTag;
  words[at + 5] = slot;
  words[at + 8] = tag;
  words[at + 9] = slot;
}
