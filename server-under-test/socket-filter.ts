/** Classic BPF programs on sockets (struct sock_filter, linux/filter.h): a few instructions, which take no rights. */

import { allocate } from '../linux/memory.ts';
import { SOL_SOCKET, setOptionBytes } from '../linux/sockets.ts';

const SO_ATTACH_FILTER = 26;
const BPF_RET_K = 0x06;

export type FilterInstruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number];

/** Whatever comes for this socket is dropped without an answer: no reset either, even when it listens. */
export function dropEverything(fd: number): void {
  attachFilter(fd, SO_ATTACH_FILTER, encodeFilter([[BPF_RET_K, 0, 0, 0]]));
}

/** struct sock_filter[] */
export function encodeFilter(instructions: readonly FilterInstruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  instructions.forEach(([code, jumpTrue, jumpFalse, k], index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jumpTrue);
    view.setUint8(index * 8 + 3, jumpFalse);
    view.setUint32(index * 8 + 4, k, true);
  });
  return bytes;
}

/** @param option the socket option that takes a struct sock_fprog. @throws {SystemCallError} */
export function attachFilter(fd: number, option: number, filter: Uint8Array): void {
  const memory = allocate(filter.byteLength);
  try {
    new Uint8Array(memory.buffer).set(filter);
    // struct sock_fprog: length in instructions, padding, pointer.
    const program = new BigUint64Array([BigInt(filter.byteLength / 8), memory.address]);
    setOptionBytes(fd, SOL_SOCKET, option, program);
  } finally {
    memory.unmap();
  }
}
