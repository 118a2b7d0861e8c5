/**
 * Which cores serve and which make load. Servers get the last cores; the agents get all that no cell's server uses, the
 * same in every cell, so that a smaller server does not meet a stronger generator.
 */

import type { Machine } from './machine.ts';

export interface Placement {
  readonly loadCores: readonly number[];
  /** The cores of a server that has this many. */
  readonly serverCoresOf: (count: number) => readonly number[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export function placeCores(
  coreLevels: readonly number[],
  machine: Pick<Machine, 'cores' | 'siblings'>,
): Placement {
  const { cores } = machine;
  const most = Math.max(...coreLevels);
  const fits = most < cores.length;
  const loadCores = fits ? cores.slice(0, cores.length - most) : cores.slice(0, 1);
  const serverCoresOf = (count: number): readonly number[] => cores.slice(-count);
  const problems = fits
    ? []
    : [
        `Cannot place ${most} server cores: this machine lets Stampede use ${cores.length} ` +
          `(${cores.join(', ')}) and at least one must be left to the load; ` +
          (cores.length > 1
            ? `wanted at most ${cores.length - 1}. Use --set cores=${cores.length - 1}, or a machine with more.`
            : 'wanted a machine with 2 or more.'),
      ];
  const serving = new Set(serverCoresOf(most));
  const shared = loadCores.filter((core) =>
    machine.siblings.some((group) => group.includes(core) && group.some((other) => serving.has(other))),
  );
  const warnings =
    fits && shared.length > 0
      ? [
          `Load cores ${shared.join(', ')} are hardware threads of server cores: each slows the other down. ` +
            'Turn SMT off (echo off > /sys/devices/system/cpu/smt/control), or use fewer server cores.',
        ]
      : [];
  return { loadCores, serverCoresOf, problems, warnings };
}

/**
 * The load cores of each local agent: near-equal runs of neighbours. With more agents than cores, cores are shared.
 */
export function shareCores(loadCores: readonly number[], agents: number): number[][] {
  return Array.from({ length: agents }, (_, index) => {
    if (agents > loadCores.length) return [loadCores[index % loadCores.length] as number];
    const first = Math.floor((index * loadCores.length) / agents);
    const next = Math.floor(((index + 1) * loadCores.length) / agents);
    return loadCores.slice(first, next);
  });
}
