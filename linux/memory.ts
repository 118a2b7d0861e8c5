/** Memory outside the JavaScript heap, which the kernel may read and write while JavaScript looks at it. */

import koffi from 'koffi';
import { lastErrno, libc, SystemCallError } from './libc.ts';

const mmap = libc.func(
  'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
);
const munmap = libc.func('int munmap(void *address, size_t length)');

const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_POPULATE = 0x8000;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** Where it is: what system calls are given. */
  readonly address: bigint;
  /** After this, any use of `buffer` is a crash. */
  unmap(): void;
}

/** Zeroed pages of this thread's own. @throws {SystemCallError} */
export function allocate(lengthBytes: number): Mapping {
  return map(lengthBytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

/** As `allocate`, but a page costs memory only once it is touched. @throws {SystemCallError} */
export function reserve(lengthBytes: number): Mapping {
  return map(lengthBytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/** Memory shared with the kernel or another process through a descriptor. @throws {SystemCallError} */
export function mapDescriptor(fd: number, lengthBytes: number, offset: number): Mapping {
  return map(lengthBytes, MAP_SHARED | MAP_POPULATE, fd, offset);
}

function map(lengthBytes: number, flags: number, fd: number, offset: number): Mapping {
  const pointer: unknown = mmap(null, lengthBytes, PROT_READ_WRITE, flags, fd, offset);
  const address = koffi.address(pointer as never);
  if (address === MAP_FAILED) throw new SystemCallError(`Cannot map ${lengthBytes} bytes`, lastErrno());
  return {
    buffer: koffi.view(pointer as never, lengthBytes),
    address,
    unmap: () => {
      munmap(pointer, lengthBytes);
    },
  };
}
