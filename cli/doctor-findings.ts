/** What the machine's facts mean for a run, and what to do about each. Pure: facts in, findings out. */

import type { Environment } from '../coordinator/environment.ts';
import type { Machine } from '../coordinator/plan/machine.ts';
import type { LinkAbility } from '../linux/link-abilities.ts';

/** ok · weak: a run is possible, its figures or its reach suffer · missing: something cannot be done · unknown: not to be read here. */
export type Standing = 'ok' | 'weak' | 'missing' | 'unknown';

export interface Finding {
  readonly topic: string;
  readonly standing: Standing;
  readonly is: string;
  /** What to do about it; null when nothing needs doing. */
  readonly advice: string | null;
  /** True when no run is possible while it stands. */
  readonly blocks: boolean;
}

/** Something the kernel can do for us: null reason when it can. */
export interface Ability {
  readonly name: string;
  readonly refused: string | null;
  readonly advice: string;
  /** Without it a run is the same but for something beside its figures. */
  readonly isExtra?: boolean;
}

export interface DoctorFacts {
  readonly environment: Environment;
  readonly machine: Machine;
  readonly abilities: readonly Ability[];
  /** The best first. */
  readonly links: readonly LinkAbility[];
  /** Programs by name, null where missing, with how to get each. */
  readonly programs: Readonly<
    Record<string, { readonly path: string | null; readonly get: string; readonly why: string }>
  >;
}

const ok = (topic: string, is: string): Finding => ({
  topic,
  standing: 'ok',
  is,
  advice: null,
  blocks: false,
});
const weak = (topic: string, is: string, advice: string): Finding => ({
  topic,
  standing: 'weak',
  is,
  advice,
  blocks: false,
});
const missing = (topic: string, is: string, advice: string, blocks = false): Finding => ({
  topic,
  standing: 'missing',
  is,
  advice,
  blocks,
});
const unknown = (topic: string, is: string): Finding => ({
  topic,
  standing: 'unknown',
  is,
  advice: null,
  blocks: false,
});

export function findings(facts: DoctorFacts): Finding[] {
  return [
    ...machineFindings(facts),
    ...limitFindings(facts),
    ...facts.abilities.map(({ name, refused, advice, isExtra }) =>
      refused === null ? ok(name, 'works') : (isExtra === true ? weak : missing)(name, refused, advice),
    ),
    linkFinding(facts),
    ...labFindings(facts),
    ...programFindings(facts),
    ...settingFindings(facts),
  ];
}

function machineFindings({ environment, machine }: DoctorFacts): Finding[] {
  const { host, cpu, clock, loadAverage } = environment;
  const list: Finding[] = [
    ok('kernel', `${host.kernel ?? 'unknown'}, ${host.os ?? 'unknown'}, ${host.architecture}`),
  ];
  list.push(
    host.hypervisor === null
      ? ok('hypervisor', 'none')
      : weak(
          'hypervisor',
          host.hypervisor,
          'time stolen by other machines is in the figures: prefer bare metal for claims',
        ),
  );
  list.push(
    machine.cores.length >= 2
      ? ok(
          'cores',
          `${machine.cores.length} to use (${machine.cores.join(', ')}), ${cpu.model ?? 'unknown model'}`,
        )
      : missing(
          'cores',
          `${machine.cores.length} to use`,
          'a local run needs 2: one serves, one makes load',
          true,
        ),
  );
  list.push(
    machine.siblings.some((group) => group.length > 1)
      ? weak(
          'SMT',
          cpu.smt ?? 'on',
          'hardware threads of one core disturb each other: echo off > /sys/devices/system/cpu/smt/control',
        )
      : ok('SMT', cpu.smt ?? 'no core has a second hardware thread'),
  );
  if (cpu.governors === null)
    list.push(unknown('governor', environment.notes['cpu.governors'] ?? 'not shown'));
  else if (cpu.governors.every((governor) => governor === 'performance'))
    list.push(ok('governor', 'performance'));
  else
    list.push(
      weak(
        'governor',
        cpu.governors.join(', '),
        'frequencies change under load: cpupower frequency-set -g performance',
      ),
    );
  if (clock.source === null) list.push(unknown('clock', environment.notes['clock.source'] ?? 'not shown'));
  else if (['tsc', 'arch_sys_counter'].includes(clock.source)) list.push(ok('clock', clock.source));
  else
    list.push(
      weak(
        'clock',
        clock.source,
        'reading the time costs a system call with this source: prefer tsc where it is stable',
      ),
    );
  const [lastMinute = 0] = loadAverage;
  list.push(
    lastMinute < 0.5
      ? ok('load', `${lastMinute.toFixed(2)} in the last minute`)
      : weak(
          'load',
          `${lastMinute.toFixed(2)} in the last minute`,
          'other work disturbs the figures: wait until it is done',
        ),
  );
  return list;
}

function limitFindings({ environment, machine }: DoctorFacts): Finding[] {
  const { descriptors } = machine;
  const files =
    descriptors === null
      ? unknown('open files', 'not to be read')
      : descriptors >= 4096
        ? ok('open files', String(descriptors))
        : weak(
            'open files',
            String(descriptors),
            `at most ${Math.max(0, descriptors - 128)} connections at a time: raise it with "ulimit -n 65536"`,
          );
  const memory = environment.limits.lockedMemoryBytes?.soft ?? null;
  const locked =
    memory === null
      ? unknown('locked memory', 'not to be read')
      : memory === 'unlimited' || Number(memory) >= 8_388_608 || environment.rights.user === 0
        ? ok('locked memory', memory)
        : weak(
            'locked memory',
            memory,
            'io_uring may refuse large rings: raise it with "ulimit -l unlimited"',
          );
  return [files, locked];
}

/** What the variant user-level and the engine packet stand on. A TAP device is never chosen: it carries no other's traffic. */
function linkFinding({ links }: DoctorFacts): Finding {
  const chosen = links.find(({ kind, works }) => works !== null && kind !== 'tap');
  const said = [
    chosen === undefined ? 'none to choose' : `${chosen.works}, would be chosen`,
    ...links.filter((link) => link !== chosen && link.works !== null).map(({ works }) => `${works} works`),
    ...links.filter(({ works }) => works === null).map(({ kind, refused }) => `no ${kind}: ${refused}`),
  ].join('; ');
  if (chosen === undefined)
    return missing(
      'links below TCP',
      said,
      'the variant user-level and the engine packet need one: run as root, or give the container CAP_NET_RAW, ' +
        'CAP_NET_ADMIN and CAP_BPF',
    );
  return chosen.works === 'af_xdp (native)'
    ? ok('links below TCP', said)
    : weak(
        'links below TCP',
        said,
        'the variant user-level and the engine packet are slower than with native af_xdp',
      );
}

function labFindings({ machine }: DoctorFacts): Finding[] {
  return [
    ok('lab loopback', 'possible'),
    machine.namespacesRefused === null
      ? ok('lab namespaces', 'possible')
      : weak('lab namespaces', machine.namespacesRefused, 'run as root, or use --lab loopback'),
  ];
}

function programFindings({ programs, environment }: DoctorFacts): Finding[] {
  const versions: Readonly<Record<string, string | null>> = {
    'redis-server': environment.versions.redis,
    nginx: environment.versions.nginx,
  };
  return Object.entries(programs).map(([name, { path, get, why }]) => {
    if (path !== null) return ok(name, versions[name] ?? path);
    const install = `${why}: ${get}`;
    return name === 'redis-server'
      ? missing(name, 'not installed', `${install}, or use --redis URL`, true)
      : weak(name, 'not installed', install);
  });
}

function settingFindings({ environment, machine }: DoctorFacts): Finding[] {
  const { settings } = environment;
  const backlog = Number(settings['net.core.somaxconn'] ?? Number.NaN);
  const ports = machine.ports.high - machine.ports.low + 1 - machine.ports.reserved;
  const control = settings['net.ipv4.tcp_congestion_control'] ?? null;
  const steering = Number(settings['net.core.netdev_max_backlog'] ?? Number.NaN);
  return [
    Number.isNaN(backlog)
      ? unknown('somaxconn', 'not to be read')
      : backlog >= 4096
        ? ok('somaxconn', String(backlog))
        : weak(
            'somaxconn',
            String(backlog),
            'accept queues overflow early on loopback: sysctl net.core.somaxconn=4096',
          ),
    ports >= 20_000
      ? ok('port range', `${machine.ports.low} to ${machine.ports.high}, ${ports} to use`)
      : weak(
          'port range',
          `${machine.ports.low} to ${machine.ports.high}, ${ports} to use`,
          'connections run out of ports on loopback: sysctl net.ipv4.ip_local_port_range="1024 65535", or more agents.sourceAddresses',
        ),
    machine.timeWaitReuse !== 0 && machine.timestamps
      ? ok('tcp_tw_reuse', `${machine.timeWaitReuse}, after ${machine.timeWaitReuseDelaySeconds} s`)
      : weak(
          'tcp_tw_reuse',
          machine.timestamps ? '0' : 'without effect: tcp_timestamps is 0',
          'a port closed by the client is gone for 60 s on loopback: sysctl net.ipv4.tcp_tw_reuse=2, or close: client-rst',
        ),
    control === null
      ? unknown('congestion control', 'not to be read')
      : ['cubic', 'reno'].includes(control)
        ? ok('congestion control', control)
        : weak(
            'congestion control',
            control,
            'it paces, and is the baseline of few: on loopback sysctl net.ipv4.tcp_congestion_control=cubic (the lab "namespaces" sets its own)',
          ),
    Number.isNaN(steering)
      ? unknown('netdev_max_backlog', 'not to be read')
      : steering >= 1000
        ? ok('netdev_max_backlog', String(steering))
        : weak(
            'netdev_max_backlog',
            String(steering),
            'steered packets are dropped in bursts: sysctl net.core.netdev_max_backlog=1000',
          ),
  ];
}
