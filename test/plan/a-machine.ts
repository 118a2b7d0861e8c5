/** Machines for tests of plans: Debian's defaults, changed where a test says so. */

import type { Machine } from '../../coordinator/plan/machine.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import { parseScenario } from '../../protocol/scenario-file.ts';

export function aMachine(changes: Partial<Machine> = {}): Machine {
  const cores = changes.cores ?? [0, 1, 2, 3];
  return {
    cores,
    siblings: cores.map((core) => [core]),
    namespacesRefused: null,
    missingRights: [],
    descriptors: 20_000,
    ports: { low: 32_768, high: 60_999, reserved: 0 },
    timeWaitReuse: 2,
    timeWaitReuseDelaySeconds: 1,
    timestamps: true,
    programs: { nginx: '/usr/sbin/nginx' },
    k6Missing: null,
    ...changes,
  };
}

/** Written as in a file; `name` and two variants are there already. */
export function aScenario(
  changes: { factors?: Record<string, unknown> } & Record<string, unknown> = {},
): Scenario {
  const { factors, ...rest } = changes;
  const loop = factors !== undefined && 'rate' in factors ? {} : { concurrency: 64 };
  const whole = {
    name: 'test',
    ...rest,
    factors: { variant: ['single-queue', 'reuseport'], ...loop, ...factors },
  };
  return parseScenario(JSON.stringify(whole), 'test');
}
