/**
 * epoll(7) with its events in mapped memory: waiting and reading what happened allocates nothing.
 *
 * An event carries one number the caller chose (32 bits): a descriptor, a slot, a negative mark. It keeps no table of
 * what is registered; the kernel forgets a descriptor when its last copy is closed.
 */

import { checked, lastErrno, libc } from './libc.ts';
import { allocate, type Mapping } from './memory.ts';

const epoll_create1 = libc.func('int epoll_create1(int flags)');
const epoll_ctl = libc.func('epoll_ctl', 'int', ['int', 'int', 'int', 'uintptr_t']);
const epoll_wait = libc.func('epoll_wait', 'int', ['int', 'uintptr_t', 'int', 'int']);
const epoll_pwait2 = libc.func('syscall', 'long', [
  'long',
  'int',
  'uintptr_t',
  'int',
  'uintptr_t',
  'uintptr_t',
  'size_t',
]);
const close = libc.func('close', 'int', ['int']);

export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
/** Wakes one of the epolls that watch a descriptor, not all of them (Linux 4.5). Only with add(). */
export const EPOLLEXCLUSIVE = 1 << 28;
export const EPOLLET = 1 << 31;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLL_CLOEXEC = 0o2_000_000;
const SYS_epoll_pwait2 = 441;
const EINTR = 4;
const ENOSYS = 38;
const timespecBytes = 16;

/** struct epoll_event is packed on x86-64 alone. Offsets in 32-bit words. */
const eventWords = process.arch === 'x64' ? 3 : 4;
const dataWord = process.arch === 'x64' ? 1 : 2;

export class Epoll {
  readonly #fd: number;
  readonly #memory: Mapping;
  readonly #words: Int32Array;
  readonly #eventsAddress: number;
  readonly #controlAddress: number;
  readonly #controlWord: number;
  readonly #maxEvents: number;
  readonly #timespecAddress: number;
  readonly #timespecWord: number;

  /** @param maxEvents at most so many a wait. @throws {SystemCallError} EMFILE, ENFILE, ENOMEM */
  constructor(maxEvents: number) {
    this.#fd = checked('Cannot create an epoll', epoll_create1(EPOLL_CLOEXEC));
    this.#maxEvents = maxEvents;
    // Events, one more to register with, and a timespec on a boundary of its own.
    const timespecAt = Math.ceil(((maxEvents + 1) * eventWords * 4) / timespecBytes) * timespecBytes;
    this.#memory = allocate(timespecAt + timespecBytes);
    this.#words = new Int32Array(this.#memory.buffer);
    this.#eventsAddress = Number(this.#memory.address);
    this.#timespecAddress = this.#eventsAddress + timespecAt;
    this.#timespecWord = timespecAt / 4;
    this.#controlWord = maxEvents * eventWords;
    this.#controlAddress = this.#eventsAddress + this.#controlWord * 4;
  }

  /** Watches a descriptor. `data`: 32 bits that come back with its events. @throws {SystemCallError} EEXIST, ENOSPC */
  add(fd: number, events: number, data: number): void {
    checked('Cannot watch a descriptor', this.#control(EPOLL_CTL_ADD, fd, events, data));
  }

  /** Watches for other events from now on. @throws {SystemCallError} ENOENT: is not watched. */
  modify(fd: number, events: number, data: number): void {
    checked('Cannot change what is watched for', this.#control(EPOLL_CTL_MOD, fd, events, data));
  }

  /** @throws {SystemCallError} ENOENT: is not watched. */
  remove(fd: number): void {
    checked('Cannot stop watching a descriptor', this.#control(EPOLL_CTL_DEL, fd, 0, 0));
  }

  /**
   * Waits until something happens.
   * @param timeoutMs -1: for ever; 0: not at all.
   * @returns how many events there are; 0 after the time, or when a signal came between.
   */
  wait(timeoutMs: number): number {
    const count = epoll_wait(this.#fd, this.#eventsAddress, this.#maxEvents, timeoutMs);
    return count < 0 && lastErrno() === EINTR ? 0 : checked('Cannot wait for events', count);
  }

  /**
   * Waits like wait(), but by the microsecond (Linux 5.11; before that, to the millisecond it lies in).
   * @param timeoutUs whole and not negative.
   */
  waitMicroseconds(timeoutUs: number): number {
    if (timeoutUs === 0) return this.wait(0);
    this.#words[this.#timespecWord] = Math.floor(timeoutUs / 1e6);
    this.#words[this.#timespecWord + 2] = (timeoutUs % 1e6) * 1000;
    const count: number = epoll_pwait2(
      SYS_epoll_pwait2,
      this.#fd,
      this.#eventsAddress,
      this.#maxEvents,
      this.#timespecAddress,
      0,
      8,
    );
    if (count >= 0) return count;
    if (lastErrno() === EINTR) return 0;
    if (lastErrno() === ENOSYS) return this.wait(Math.floor(timeoutUs / 1000));
    return checked('Cannot wait for events', count);
  }

  /** The EPOLL… bits of event `index` of the last wait. */
  events(index: number): number {
    return this.#words[index * eventWords];
  }

  /** The caller's number of event `index` of the last wait. */
  data(index: number): number {
    return this.#words[index * eventWords + dataWord];
  }

  close(): void {
    close(this.#fd);
    this.#memory.unmap();
  }

  #control(operation: number, fd: number, events: number, data: number): number {
    this.#words[this.#controlWord] = events;
    this.#words[this.#controlWord + dataWord] = data;
    return epoll_ctl(this.#fd, operation, fd, this.#controlAddress);
  }
}
