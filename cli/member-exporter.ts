/** The exporter of `stampede agent` and `stampede server`: what the member tells, and the times of its cores. */

import type { Logger } from 'pino';
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

/**
 * Plays a member, its metrics served for as long as it does: a server left open would keep alive a process whose member
 * could not start.
 *
 * @throws {Failure} exit status 2 when they cannot, or may not, be served there; and what `play` rejects with.
 */
export async function withMemberExporter(
  wish: Omit<MemberExporterWish, 'listen'> & { readonly metrics: ListenAddress | null },
  log: Logger,
  play: (watcher: MemberMetrics | undefined) => Promise<void>,
): Promise<void> {
  if (wish.metrics === null) return await play(undefined);
  const { exporter, watcher } = await openMemberExporter({ ...wish, listen: wish.metrics });
  try {
    log.info({ url: exporter.url }, 'serving metrics');
    await play(watcher);
  } finally {
    await exporter.close();
  }
}

async function openMemberExporter(
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
