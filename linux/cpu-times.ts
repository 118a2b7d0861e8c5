/**
 * What each core did with its time, from /proc/stat (proc_stat(5)): the difference of two readings, as fractions.
 *
 * The kernel counts in ticks of 10 ms (USER_HZ): an interval under a second is known to a percent at best. It says
 * nothing of who used a core: whatever else ran there is in the figures.
 */

import { readFileSync } from 'node:fs';

/** Ticks since boot, of 10 ms. */
export interface CoreTicks {
  readonly core: number;
  /** Nice included; guests too, as the kernel counts them here. */
  readonly user: number;
  readonly system: number;
  /** Hardware interrupts included: both are work the network made, billed to whoever happened to run. */
  readonly softirq: number;
  /** Waiting for a disk included: the core had nothing to run. */
  readonly idle: number;
  /** All of the above, and what a hypervisor stole. */
  readonly total: number;
}

/** Fractions of an interval; with what a hypervisor stole they sum to 1. The shape of a record's CoreTimes. */
export interface CoreFractions {
  readonly core: number;
  readonly user: number;
  readonly system: number;
  readonly softirq: number;
  readonly idle: number;
}

/** One reading, a row a core that is online. @throws when /proc is not mounted. */
export function readCpuTimes(): CoreTicks[] {
  return parseCpuTimes(readFileSync('/proc/stat', 'latin1'));
}

/** Exported for tests: the text of /proc/stat. */
export function parseCpuTimes(text: string): CoreTicks[] {
  const rows: CoreTicks[] = [];
  for (const line of text.split('\n')) {
    const match = /^cpu(\d+) (.*)$/.exec(line);
    if (match === null) continue;
    const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softirq = 0, steal = 0] = (
      match[2] as string
    )
      .split(' ')
      .map(Number);
    rows.push({
      core: Number(match[1]),
      user: user + nice,
      system,
      softirq: irq + softirq,
      idle: idle + ioWait,
      total: user + nice + system + idle + ioWait + irq + softirq + steal,
    });
  }
  return rows;
}

/**
 * How each of `cores` spent the time between two readings, in the order of `cores`.
 *
 * A core that is missing from a reading (taken offline), or whose counters did not move, is left out: nothing is known
 * of it. Callers that need every core compare the lengths.
 */
export function coreFractions(
  before: readonly CoreTicks[],
  after: readonly CoreTicks[],
  cores: readonly number[],
): CoreFractions[] {
  return cores.flatMap((core) => {
    const first = before.find((row) => row.core === core);
    const last = after.find((row) => row.core === core);
    const total = first === undefined || last === undefined ? 0 : last.total - first.total;
    if (first === undefined || last === undefined || total <= 0) return [];
    // iowait may run backwards by a tick (proc_stat(5)); a fraction may not.
    const fraction = (name: 'user' | 'system' | 'softirq' | 'idle'): number =>
      Math.min(1, Math.max(0, (last[name] - first[name]) / total));
    return [
      {
        core,
        user: fraction('user'),
        system: fraction('system'),
        softirq: fraction('softirq'),
        idle: fraction('idle'),
      },
    ];
  });
}
