/**
 * perf_event_open(2): events that a core counts by itself, whoever runs on it.
 *
 * Which of them are misses of a core's own caches differs by maker, and is only said where the kernel's tables say it. A
 * virtual machine often has no counters at all. It samples nothing and follows no process.
 */

import { closeSync, readFileSync, readSync } from 'node:fs';
import { lastErrno, libc, SystemCallError } from './libc.ts';
import { allocate } from './memory.ts';

const syscall = libc.func('syscall', 'long', ['long', 'uintptr_t', 'int', 'int', 'int', 'ulong']);

const perfCallNumbers: Readonly<Record<string, number>> = { x64: 298, arm64: 241, riscv64: 241, ppc64: 319 };

const PERF_TYPE_HARDWARE = 0;
const PERF_TYPE_SOFTWARE = 1;
const PERF_COUNT_HW_CACHE_REFERENCES = 2;
const PERF_COUNT_HW_CACHE_MISSES = 3;
/** PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING */
const readFormat = 3;
const PERF_FLAG_FD_CLOEXEC = 8;
const attributeBytes = 128;
const everyProcess = -1;
const noGroup = -1;

const ENOENT = 2;
const ENODEV = 19;
const EACCES = 13;
const EPERM = 1;
const EOPNOTSUPP = 95;

/** Something that a core counts. */
export interface CoreEvent {
  readonly name: string;
  /** `perf_event_attr.type` and `.config`. */
  readonly type: number;
  readonly config: number;
}

/** Nanoseconds, of any core and machine: what tests hold against a clock. */
export const cpuClock: CoreEvent = { name: 'cpu clock', type: PERF_TYPE_SOFTWARE, config: 0 };

/**
 * Misses of a core's own caches (accesses that go on to the cache that cores share), or why that cannot be known.
 *
 * Intel counts them as "cache references", those of the last level; AMD since Zen as "cache misses", those of the second level
 * (arch/x86/events/{intel,amd}/core.c). Prefetches are in the one and not in the other, so figures of two makers do not compare;
 * further makers' generic events count other caches.
 */
export function privateCacheMisses(
  cpuInformation: string = readFileSync('/proc/cpuinfo', 'latin1'),
): CoreEvent | string {
  const vendor = /^vendor_id\s*:\s*(\S+)/m.exec(cpuInformation)?.[1];
  const family = Number(/^cpu family\s*:\s*(\d+)/m.exec(cpuInformation)?.[1] ?? 0);
  const event = (config: number): CoreEvent => ({
    name: 'misses of private caches',
    type: PERF_TYPE_HARDWARE,
    config,
  });
  if (vendor === 'GenuineIntel') return event(PERF_COUNT_HW_CACHE_REFERENCES);
  if (vendor === 'AuthenticAMD' && family >= 0x17) return event(PERF_COUNT_HW_CACHE_MISSES);
  return `which hardware event counts misses of a core's own caches is known of Intel, and AMD since Zen; this is ${vendor === undefined ? 'a processor that names no maker in /proc/cpuinfo' : `${vendor}, family ${family}`}`;
}

/** What a core had counted at some moment: the count, and nanoseconds for which the counter was wanted and did count. */
export interface CoreCount {
  readonly core: number;
  readonly count: number;
  readonly wantedNs: number;
  readonly countedNs: number;
}

/** One event on some cores, counting from `open()` until `close()`. */
export class CoreCounters {
  readonly #event: CoreEvent;
  readonly #cores: readonly number[];
  #descriptors: readonly number[];
  readonly #words = new BigUint64Array(3);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  private constructor(event: CoreEvent, cores: readonly number[], descriptors: readonly number[]) {
    this.#event = event;
    this.#cores = cores;
    this.#descriptors = descriptors;
  }

  /** @throws Error: the machine has no such counter (usual of virtual ones), or rights are missing; it says which. */
  static open(event: CoreEvent, cores: readonly number[]): CoreCounters {
    const descriptors: number[] = [];
    try {
      for (const core of cores) descriptors.push(openOn(event, core));
    } catch (error) {
      for (const descriptor of descriptors) closeSync(descriptor);
      throw error;
    }
    return new CoreCounters(event, [...cores], descriptors);
  }

  read(): CoreCount[] {
    return this.#descriptors.map((descriptor, index) => {
      readSync(descriptor, this.#bytes, 0, this.#bytes.byteLength, null);
      const [count, wantedNs, countedNs] = this.#words;
      return {
        core: this.#cores[index],
        count: Number(count),
        wantedNs: Number(wantedNs),
        countedNs: Number(countedNs),
      };
    });
  }

  /**
   * Counted between two readings, all cores together. Where counters take turns, scaled to the whole time.
   * @throws Error when a core's counter never had its turn: nothing is known of it.
   */
  between(before: readonly CoreCount[], after: readonly CoreCount[]): number {
    let sum = 0;
    for (const [index, last] of after.entries()) {
      const first = before[index];
      const countedNs = last.countedNs - first.countedNs;
      if (countedNs <= 0)
        throw new Error(
          `Cannot count ${this.#event.name} on core ${last.core}: the counter never ran; wanted a free one: end other uses of perf, or sysctl kernel.nmi_watchdog=0`,
        );
      sum += (last.count - first.count) * ((last.wantedNs - first.wantedNs) / countedNs);
    }
    return sum;
  }

  close(): void {
    for (const descriptor of this.#descriptors) closeSync(descriptor);
    this.#descriptors = [];
  }
}

function openOn(event: CoreEvent, core: number): number {
  const action = `Cannot count ${event.name} on core ${core}`;
  const number = perfCallNumbers[process.arch];
  if (number === undefined)
    throw new Error(`${action}: the number of perf_event_open(2) on ${process.arch} is not known`);
  const memory = allocate(attributeBytes);
  try {
    const attributes = new DataView(memory.buffer);
    attributes.setUint32(0, event.type, true);
    attributes.setUint32(4, attributeBytes, true);
    attributes.setBigUint64(8, BigInt(event.config), true);
    attributes.setBigUint64(32, BigInt(readFormat), true);
    const at = Number(memory.address);
    const returned = syscall(number, at, everyProcess, core, noGroup, PERF_FLAG_FD_CLOEXEC);
    if (returned >= 0) return returned;
    const errno = lastErrno();
    throw new Error(`${new SystemCallError(action, errno).message} (${whatItMeans(errno)})`);
  } finally {
    memory.unmap();
  }
}

function whatItMeans(errno: number): string {
  if (errno === EACCES || errno === EPERM)
    return 'not allowed: wanted CAP_PERFMON, or sysctl kernel.perf_event_paranoid=0';
  if (errno === ENODEV) return 'the core is not online; wanted one that is';
  if (errno === ENOENT || errno === EOPNOTSUPP)
    return 'this machine shows no hardware counters, as most virtual ones; wanted real hardware';
  return 'refused by the kernel; wanted a core and an event that it has';
}
