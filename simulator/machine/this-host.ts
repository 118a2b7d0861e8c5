/**
 * The machine this runs on, as far as it says what it is: cores, sockets, caches and clock from sysfs and procfs.
 *
 * Distances no file tells: they are the usual ones of its maker, and what a connection costs on one core is that of a recent
 * kernel; `about` says so. Calibrate on a run (`stampede simulate calibrate`) for better. It measures nothing.
 */

import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { type Machine, machineSchema } from './machine.ts';

export type ReadText = (path: string) => string | null;

const readFile: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
};

export interface HostFacts {
  readonly cores: number;
  readonly model: string;
  /** 0: unknown. */
  readonly megahertz: number;
}

const factsOfNode = (): HostFacts => {
  const all = cpus();
  return { cores: all.length, model: all[0]?.model ?? 'unknown', megahertz: all[0]?.speed ?? 0 };
};

const usualLatencies = {
  mesi: { l1: 5, l2: 14, l3: 60, otherCore: 120, otherSocket: [320], memory: 230, remoteMemory: [380] },
  moesi: { l1: 4, l2: 13, l3: 46, otherCore: 130, otherSocket: [400], memory: 250, remoteMemory: [420] },
} as const;

/** @param read files of /sys and /proc; null for one that is not there. */
export function machineOfThisHost(read: ReadText = readFile, facts: HostFacts = factsOfNode()): Machine {
  const cache = cachesOf(read);
  const sockets = Math.max(1, socketsOf(read, facts.cores));
  const vendor = /^vendor_id\s*:\s*(\S+)/m.exec(read('/proc/cpuinfo') ?? '')?.[1] ?? '';
  const protocol = /AMD|Hygon/.test(vendor) ? 'moesi' : 'mesi';
  const { otherSocket, remoteMemory, ...latencies } = usualLatencies[protocol];
  return machineSchema.parse({
    name: 'this',
    about: `${facts.model}: caches and cores as it says, distances as usual of its maker, one-core costs of a recent kernel`,
    sockets,
    coresPerSocket: Math.max(1, Math.ceil(facts.cores / sockets)),
    clockGHz: facts.megahertz > 0 ? facts.megahertz / 1000 : 2.5,
    protocol,
    lineBytes: cache.lineBytes,
    privateCacheKiB: cache.privateKiB,
    sharedCacheKiB: cache.sharedKiB,
    latencyCycles: { ...latencies, otherSocket: [...otherSocket], remoteMemory: [...remoteMemory] },
    singleCore: { kernel: { connection: 45_000, transaction: 15_000 } },
  });
}

function cachesOf(read: ReadText): { privateKiB: number; sharedKiB: number; lineBytes: number } {
  let [privateKiB, sharedKiB, lineBytes] = [512, 16_384, 64];
  for (let index = 0; index < 8; index++) {
    const folder = `/sys/devices/system/cpu/cpu0/cache/index${index}`;
    const kib = Number.parseInt(read(`${folder}/size`) ?? '', 10);
    if (Number.isNaN(kib)) continue;
    const level = read(`${folder}/level`);
    if (level === '2') privateKiB = kib;
    if (level === '3') sharedKiB = kib;
    lineBytes = Number.parseInt(read(`${folder}/coherency_line_size`) ?? '', 10) || lineBytes;
  }
  return { privateKiB, sharedKiB, lineBytes };
}

function socketsOf(read: ReadText, cores: number): number {
  const packages = new Set<string>();
  for (let core = 0; core < cores; core++)
    packages.add(read(`/sys/devices/system/cpu/cpu${core}/topology/physical_package_id`) ?? '0');
  return packages.size;
}
