/** The exporter of `stampede agent` and `stampede server`: what the member tells, and the times of its cores. */

import { packageVersion } from '../coordinator/environment.ts';
import { Exporter } from '../exporter/exporter.ts';
import { type CoreSeconds, MemberMetrics } from '../exporter/member-metrics.ts';
import { type CoreTicks, readCpuTimes } from '../linux/cpu-times.ts';
import type { ListenAddress } from '../protocol/access.ts';
import { leaseMs } from '../protocol/keys.ts';

/** USER_HZ (proc_stat(5)). */
const ticksPerSecond = 100;

export interface MemberExporterWish {
  readonly role: 'agent' | 'server';
  readonly name: string;
  readonly cores: readonly number[];
  readonly listen: ListenAddress;
  readonly token: string | null;
}

/** @throws {Failure} exit status 2 when it cannot, or may not, be served there. */
export async function openMemberExporter(
  wish: MemberExporterWish,
): Promise<{ readonly exporter: Exporter; readonly watcher: MemberMetrics }> {
  let watcher: MemberMetrics | null = null;
  const { role, name, cores, listen, token } = wish;
  const exporter = await Exporter.open(
    { service: role, listen, token, version: packageVersion() ?? 'unknown' },
    () => (watcher === null ? 'it is starting' : watcher.trouble()),
  );
  watcher = new MemberMetrics(exporter.registry, {
    member: name,
    role,
    leaseMs,
    cores: () =>
      readCpuTimes()
        .filter(({ core }) => cores.includes(core))
        .map(inSeconds),
    nowMs: () => performance.now(),
  });
  return { exporter, watcher };
}

function inSeconds({ core, user, system, softirq, idle }: CoreTicks): CoreSeconds {
  return {
    core,
    user: user / ticksPerSecond,
    system: system / ticksPerSecond,
    softirq: softirq / ticksPerSecond,
    idle: idle / ticksPerSecond,
  };
}
