/**
 * The machine of a run as the simulator takes it, from `environment.json`: so that the same folder gives the same figures,
 * wherever it is reported on.
 */

import { z } from 'zod';
import type { Machine } from '../../simulator/machine/machine.ts';
import { machineOfThisHost } from '../../simulator/machine/this-host.ts';

const recordedSchema = z.object({
  cpu: z.object({
    model: z.string().nullable().catch(null),
    online: z.int().min(1).catch(1),
    caches: z.array(z.string()).catch([]),
  }),
});

const unknown = { cpu: { model: null, online: 1, caches: [] } };
/** It is not recorded, and a virtual machine often does not know it: cycles here are a unit, seconds are what is calibrated. */
const megahertz = 2500;

export function machineOfRun(environment: unknown): Machine {
  const parsed = recordedSchema.safeParse(environment);
  const { cpu } = parsed.success ? parsed.data : unknown;
  const files = new Map<string, string>([
    [
      '/proc/cpuinfo',
      `vendor_id\t: ${/AMD|EPYC|Ryzen/i.test(cpu.model ?? '') ? 'AuthenticAMD' : 'GenuineIntel'}`,
    ],
  ]);
  for (const [index, text] of cpu.caches.entries()) {
    const [, level, size] = /^L(\d) \S+ (\d+K)/.exec(text) ?? [];
    if (level === undefined || size === undefined) continue;
    files.set(`/sys/devices/system/cpu/cpu0/cache/index${index}/level`, level);
    files.set(`/sys/devices/system/cpu/cpu0/cache/index${index}/size`, size);
  }
  return machineOfThisHost((path) => files.get(path) ?? null, {
    cores: cpu.online,
    model: cpu.model ?? 'unknown',
    megahertz,
  });
}
