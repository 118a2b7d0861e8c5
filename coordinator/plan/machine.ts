/**
 * The facts about this machine that a plan rests on, read once from /proc, /sys and by trying. A fact that cannot be
 * read is null, or the kernel's documented default where the kernel is too old to have the setting.
 */

import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { findK6 } from '../../control/k6-program.ts';
import { namespacesRefused } from '../labs/possible.ts';
import { findProgram } from '../labs/program.ts';

export interface Machine {
  /** That this process may run on (a container may have fewer than the machine), ascending. */
  readonly cores: readonly number[];
  /** Groups of hardware threads that share a core; without SMT, groups of one. */
  readonly siblings: readonly (readonly number[])[];
  /** Why network namespaces cannot be made; null: they can. */
  readonly namespacesRefused: string | null;
  /** Of the capabilities(7) that taking frames from a device needs, those that this process lacks. */
  readonly missingRights: readonly string[];
  /** RLIMIT_NOFILE that processes started by this one will have. */
  readonly descriptors: number | null;
  /** ip_local_port_range, and how many of it are in ip_local_reserved_ports. */
  readonly ports: { readonly low: number; readonly high: number; readonly reserved: number };
  /** tcp_tw_reuse: 0 never, 1 always, 2 on loopback only. */
  readonly timeWaitReuse: number;
  /** tcp_tw_reuse_delay (Linux 6.14); 1 s before it was a setting. */
  readonly timeWaitReuseDelaySeconds: number;
  readonly timestamps: boolean;
  /** Where reference servers are; null: not installed. */
  readonly programs: { readonly nginx: string | null };
  /** Why k6 cannot be run, and how to get it, the end of a sentence; null: it is there. */
  readonly k6Missing: string | null;
}

export function readMachine(): Machine {
  const cores = allowedCores();
  const [low = 32_768, high = 60_999] = (readSetting('net.ipv4.ip_local_port_range') ?? '')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(Number);
  const reserved = parseRanges(readSetting('net.ipv4.ip_local_reserved_ports') ?? '').filter(
    (port) => port >= low && port <= high,
  ).length;
  return {
    cores,
    siblings: siblingGroups(cores),
    namespacesRefused: namespacesRefused(),
    missingRights: missingRights(readText('/proc/self/status') ?? ''),
    descriptors: descriptorLimit(),
    ports: { low, high, reserved },
    timeWaitReuse: Number(readSetting('net.ipv4.tcp_tw_reuse') ?? 2),
    timeWaitReuseDelaySeconds: Number(readSetting('net.ipv4.tcp_tw_reuse_delay') ?? 1000) / 1000,
    timestamps: Number(readSetting('net.ipv4.tcp_timestamps') ?? 1) !== 0,
    programs: { nginx: findProgram('nginx') },
    k6Missing: findK6().missing,
  };
}

/** A sysctl by its dotted name; null when this kernel has none, or does not let us read it. */
export function readSetting(name: string): string | null {
  return readText(`/proc/sys/${name.replaceAll('.', '/')}`);
}

/** A small file of /proc or /sys, trimmed; null when it cannot be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

/** "0-2,5" → [0, 1, 2, 5]. */
export function parseRanges(text: string): number[] {
  return text
    .split(',')
    .filter((part) => part.trim() !== '')
    .flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number) as [number, number?];
      return Array.from({ length: (last ?? first) - first + 1 }, (_, index) => first + index);
    });
}

/** Those that this process may run on, ascending: all, unless a container or taskset(1) allows it fewer. */
export function allowedCores(): number[] {
  const status = readText('/proc/self/status') ?? '';
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  return allowed === undefined ? cpus().map((_, index) => index) : parseRanges(allowed);
}

function siblingGroups(cores: readonly number[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const core of cores) {
    const list = readText(`/sys/devices/system/cpu/cpu${core}/topology/thread_siblings_list`) ?? String(core);
    groups.set(list, parseRanges(list));
  }
  return [...groups.values()];
}

/** Of each right, the bits of a capability set that give it (linux/capability.h). */
const frameRights: Readonly<Record<string, readonly bigint[]>> = {
  CAP_NET_ADMIN: [12n],
  CAP_NET_RAW: [13n],
  // Once part of CAP_SYS_ADMIN, which still stands for it.
  CAP_BPF: [39n, 21n],
};

/** Exported for tests: the text of /proc/self/status. */
export function missingRights(status: string): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return Object.entries(frameRights).flatMap(([name, bits]) =>
    bits.some((bit) => ((effective >> bit) & 1n) === 1n) ? [] : [name],
  );
}

/** Node raises its soft limit to the hard one at start, and children inherit that. */
function descriptorLimit(): number | null {
  const limit = /^Max open files\s+(\S+)\s+(\S+)/m.exec(readText('/proc/self/limits') ?? '')?.[1];
  if (limit === undefined) return null;
  return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit);
}
