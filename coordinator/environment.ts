/**
 * The environment of a run: what the figures depend on besides the scenario. Recorded always, changed never.
 *
 * What cannot be read is null, and `notes` says why. It refuses to record what is nobody's business: no environment
 * variables, no command lines, no users, no addresses.
 */

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { arch, cpus, freemem, hostname, loadavg, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findProgram } from './labs/program.ts';
import { parseRanges, readSetting, readText } from './plan/machine.ts';

export const environmentSchemaName = 'stampede.environment/1';

/** Settings that short connections feel, by their sysctl names. */
export const recordedSettings = [
  'kernel.io_uring_disabled',
  'kernel.unprivileged_bpf_disabled',
  'kernel.numa_balancing',
  'net.core.bpf_jit_enable',
  'net.core.busy_poll',
  'net.core.default_qdisc',
  'net.core.netdev_budget',
  'net.core.netdev_max_backlog',
  'net.core.rmem_default',
  'net.core.rps_sock_flow_entries',
  'net.core.somaxconn',
  'net.core.wmem_default',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_abort_on_overflow',
  'net.ipv4.tcp_allowed_congestion_control',
  'net.ipv4.tcp_congestion_control',
  'net.ipv4.tcp_ecn',
  'net.ipv4.tcp_fastopen',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_max_syn_backlog',
  'net.ipv4.tcp_max_tw_buckets',
  'net.ipv4.tcp_migrate_req',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_sack',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_timestamps',
  'net.ipv4.tcp_tw_reuse',
  'net.ipv4.tcp_tw_reuse_delay',
  'net.ipv4.tcp_wmem',
  'vm.swappiness',
] as const;

export interface Environment {
  readonly schema: typeof environmentSchemaName;
  readonly collectedAt: string;
  readonly host: {
    readonly name: string;
    readonly os: string | null;
    readonly kernel: string | null;
    readonly kernelBuild: string | null;
    readonly architecture: string;
    /** Who runs this machine when it is a virtual one. */
    readonly hypervisor: string | null;
  };
  readonly cpu: {
    readonly model: string | null;
    readonly online: number;
    readonly allowed: readonly number[];
    /** Frequency governors in use; null when the machine does not show them (most virtual ones). */
    readonly governors: readonly string[] | null;
    /** on, off, notsupported … as the kernel says it. */
    readonly smt: string | null;
    /** Of core 0, e.g. "L1 Data 32K". */
    readonly caches: readonly string[];
    readonly numaNodes: number | null;
    readonly vulnerabilities: Readonly<Record<string, string>>;
  };
  readonly memory: {
    readonly totalBytes: number;
    readonly freeBytes: number;
    readonly hugePages: string | null;
  };
  readonly clock: { readonly source: string | null; readonly available: string | null };
  /** Over the last 1, 5 and 15 minutes, when the run began. */
  readonly loadAverage: readonly number[];
  readonly limits: Readonly<Record<string, { readonly soft: string; readonly hard: string }>>;
  readonly settings: Readonly<Record<string, string | null>>;
  /** Cores each interrupt may go to. */
  readonly interrupts: Readonly<Record<string, string>>;
  /** Device and queue → rps_cpus. */
  readonly steering: Readonly<Record<string, string>>;
  readonly rights: { readonly user: number | null; readonly effectiveCapabilities: string | null };
  readonly versions: {
    readonly stampede: string | null;
    /** Of the working tree Stampede was started from; null when it is none. */
    readonly commit: string | null;
    readonly node: string;
    readonly redis: string | null;
    readonly nginx: string | null;
  };
  /** Path of a field → why it is null. */
  readonly notes: Readonly<Record<string, string>>;
}

export async function collectEnvironment(): Promise<Environment> {
  const [redis, nginx, commit] = await Promise.all([
    versionOf('redis-server', ['--version'], /v=([\d.]+)/),
    versionOf('nginx', ['-v'], /nginx\/([\d.]+)/),
    gitCommit(),
  ]);
  const environment: Omit<Environment, 'notes'> = {
    schema: environmentSchemaName,
    collectedAt: new Date().toISOString(),
    host: {
      name: hostname(),
      os: /^PRETTY_NAME="?([^"\n]*)/m.exec(readText('/etc/os-release') ?? '')?.[1] ?? null,
      kernel: readText('/proc/sys/kernel/osrelease'),
      kernelBuild: readText('/proc/sys/kernel/version'),
      architecture: arch(),
      hypervisor: hypervisor(),
    },
    cpu: {
      model: cpus()[0]?.model ?? null,
      online: parseRanges(readText('/sys/devices/system/cpu/online') ?? '').length || cpus().length,
      allowed: parseRanges(
        /^Cpus_allowed_list:\s*(\S+)/m.exec(readText('/proc/self/status') ?? '')?.[1] ?? '',
      ),
      governors: governors(),
      smt: readText('/sys/devices/system/cpu/smt/control'),
      caches: caches(),
      numaNodes: names('/sys/devices/system/node').filter((name) => /^node\d+$/.test(name)).length || null,
      vulnerabilities: files('/sys/devices/system/cpu/vulnerabilities', ''),
    },
    memory: {
      totalBytes: totalmem(),
      freeBytes: freemem(),
      hugePages: readText('/sys/kernel/mm/transparent_hugepage/enabled'),
    },
    clock: {
      source: readText('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
      available: readText('/sys/devices/system/clocksource/clocksource0/available_clocksource'),
    },
    loadAverage: loadavg(),
    limits: processLimits(),
    settings: Object.fromEntries(recordedSettings.map((name) => [name, readSetting(name)])),
    interrupts: interrupts(),
    steering: steering(),
    rights: {
      user: process.getuid?.() ?? null,
      effectiveCapabilities: /^CapEff:\s*(\S+)/m.exec(readText('/proc/self/status') ?? '')?.[1] ?? null,
    },
    versions: { stampede: packageVersion(), commit, node: process.version, redis, nginx },
  };
  return { ...environment, notes: notesOf(environment) };
}

function notesOf(environment: Omit<Environment, 'notes'>): Record<string, string> {
  const notes: Record<string, string> = {};
  const absent = (path: string, value: unknown, why: string): void => {
    if (value === null) notes[path] = why;
  };
  absent('cpu.governors', environment.cpu.governors, 'this machine shows no frequency governor');
  absent('cpu.smt', environment.cpu.smt, 'this kernel does not say');
  absent('cpu.numaNodes', environment.cpu.numaNodes, 'this kernel does not say');
  absent('clock.source', environment.clock.source, 'this kernel does not say');
  absent('host.hypervisor', environment.host.hypervisor, 'none, or it does not show itself');
  absent('memory.hugePages', environment.memory.hugePages, 'this kernel has no transparent huge pages');
  absent('versions.redis', environment.versions.redis, 'redis-server is not installed here');
  absent('versions.nginx', environment.versions.nginx, 'nginx is not installed here');
  absent('versions.commit', environment.versions.commit, 'not started from a git working tree');
  for (const [name, value] of Object.entries(environment.settings))
    absent(`settings.${name}`, value, 'this kernel has no such setting, or does not let us read it');
  return notes;
}

function hypervisor(): string | null {
  const flagged = /^flags\s*:.*\bhypervisor\b/m.test(readText('/proc/cpuinfo') ?? '');
  const product = [
    readText('/sys/class/dmi/id/sys_vendor'),
    readText('/sys/class/dmi/id/product_name'),
    readText('/sys/hypervisor/type'),
  ].filter((text) => text !== null && text !== '');
  if (!flagged && readText('/sys/hypervisor/type') === null) return null;
  return product.length > 0 ? product.join(' ') : 'a hypervisor that does not give its name';
}

function governors(): string[] | null {
  const found = names('/sys/devices/system/cpu')
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => readText(`/sys/devices/system/cpu/${name}/cpufreq/scaling_governor`))
    .filter((governor) => governor !== null);
  return found.length > 0 ? [...new Set(found)] : null;
}

function caches(): string[] {
  const folder = '/sys/devices/system/cpu/cpu0/cache';
  return names(folder)
    .filter((name) => name.startsWith('index'))
    .map((name) =>
      ['level', 'type', 'size'].map((field) => readText(join(folder, name, field)) ?? '?').join(' '),
    )
    .map((text) => `L${text}`);
}

function processLimits(): Record<string, { soft: string; hard: string }> {
  const wanted = {
    'Max open files': 'openFiles',
    'Max locked memory': 'lockedMemoryBytes',
    'Max processes': 'processes',
  };
  const text = readText('/proc/self/limits') ?? '';
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([line, name]) => {
      const found = new RegExp(`^${line}\\s+(\\S+)\\s+(\\S+)`, 'm').exec(text);
      return found === null ? [] : [[name, { soft: found[1] as string, hard: found[2] as string }]];
    }),
  );
}

function interrupts(): Record<string, string> {
  return Object.fromEntries(
    names('/proc/irq')
      .filter((name) => /^\d+$/.test(name))
      .map((irq) => [irq, readText(`/proc/irq/${irq}/smp_affinity_list`)])
      .filter((pair): pair is [string, string] => pair[1] !== null),
  );
}

function steering(): Record<string, string> {
  const masks: Record<string, string> = {};
  for (const device of names('/sys/class/net')) {
    for (const queue of names(`/sys/class/net/${device}/queues`).filter((name) => name.startsWith('rx-'))) {
      const mask = readText(`/sys/class/net/${device}/queues/${queue}/rps_cpus`);
      if (mask !== null) masks[`${device}/${queue}`] = mask;
    }
  }
  return masks;
}

/** Every file of a folder of one-line files. */
function files(folder: string, absent: string): Record<string, string> {
  return Object.fromEntries(names(folder).map((name) => [name, readText(join(folder, name)) ?? absent]));
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

const run = promisify(execFile);

async function versionOf(program: string, parameters: string[], pattern: RegExp): Promise<string | null> {
  const path = findProgram(program);
  if (path === null) return null;
  try {
    const { stdout, stderr } = await run(path, parameters, { timeout: 3_000 });
    return pattern.exec(`${stdout}${stderr}`)?.[1] ?? null;
  } catch {
    return null;
  }
}

/** The folder with our package.json, above wherever this was built to. */
export function packageFolder(): string | null {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown };
      if (found.name === 'stampede') return folder;
    } catch {
      // None here: look above.
    }
    if (dirname(folder) === folder) return null;
    folder = dirname(folder);
  }
}

export function packageVersion(): string | null {
  const folder = packageFolder();
  if (folder === null) return null;
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: unknown };
  return typeof version === 'string' ? version : null;
}

async function gitCommit(): Promise<string | null> {
  const folder = packageFolder();
  const git = findProgram('git');
  if (folder === null || git === null) return null;
  try {
    const { stdout: commit } = await run(git, ['-C', folder, 'rev-parse', 'HEAD'], { timeout: 3_000 });
    const { stdout: changes } = await run(
      git,
      ['-C', folder, 'status', '--porcelain', '--untracked-files=no'],
      {
        timeout: 3_000,
      },
    );
    return `${commit.trim()}${changes.trim() === '' ? '' : ' with changes'}`;
  } catch {
    return null;
  }
}
