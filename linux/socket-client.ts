/**
 * Options of sockets for hot paths: values lie in mapped memory, addresses are plain numbers, nothing is allocated and
 * nothing is thrown; negative is a failure and lastErrno() says which.
 */

import { libc } from './libc.ts';

/** setsockopt(2): fd, level, name, address of the value, its length. */
export const rawSetOption: (fd: number, level: number, name: number, value: number, bytes: number) => number =
  libc.func('setsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uint32_t']);

/** getsockopt(2): fd, level, name, address of the value, address of its length. */
export const rawGetOption: (
  fd: number,
  level: number,
  name: number,
  value: number,
  length: number,
) => number = libc.func('getsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uintptr_t']);
