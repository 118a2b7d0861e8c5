/** What a measured cluster comes to: both sides' counts put together, and rates of it. Pure. */

import type { WatchedReports } from './report-watch.ts';
import type { Said } from './simulated-members.ts';

/** Of a cluster, by whatever played its parts. */
export interface Measured {
  readonly coordinator: WatchedReports & { readonly lost: number; readonly refused: number };
  readonly said: readonly Said[];
  readonly redisCpuSeconds: number;
  readonly wholeSeconds: number;
}

export interface ClusterTally {
  readonly said: number;
  readonly received: number;
  /** Said, and not received. */
  readonly lost: number;
  readonly doubled: number;
  /** Never said: the simulated agent was too busy, and left the number out. */
  readonly skipped: number;
  readonly coordinatorCores: number;
  readonly redisCores: number;
  readonly mostMebibytes: number;
  readonly reportsPerSecond: number;
}

const mebibyte = 2 ** 20;

/** @throws {Error} when a report came that nobody said, or the coordinator's own account is another. */
export function tally({ coordinator, said, redisCpuSeconds, wholeSeconds }: Measured): ClusterTally {
  let lost = 0;
  for (const { name, reports } of said) {
    const received = coordinator.reports[name] ?? 0;
    if (received > reports + coordinator.doubled)
      throw new Error(`${received} reports of ${name} were received, and ${reports} said`);
    lost += Math.max(0, reports - received);
  }
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  const skipped = sum(said.map((one) => one.skipped));
  if (coordinator.lost > lost + skipped || coordinator.refused > 0)
    throw new Error(
      `the coordinator missed ${coordinator.lost} and refused ${coordinator.refused}; ${lost} were lost and ${skipped} left out`,
    );
  const received = sum(Object.values(coordinator.reports));
  return {
    said: sum(said.map(({ reports }) => reports)),
    received,
    lost,
    doubled: coordinator.doubled,
    skipped,
    coordinatorCores: coordinator.cpuSeconds / coordinator.wallSeconds,
    redisCores: redisCpuSeconds / wholeSeconds,
    mostMebibytes: Math.max(...coordinator.residentBytes) / mebibyte,
    reportsPerSecond: received / coordinator.wallSeconds,
  };
}

/** The value that `percent` % do not exceed. */
export function percentileOf(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}
