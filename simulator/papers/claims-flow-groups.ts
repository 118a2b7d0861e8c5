/** Flow-group migration of Affinity-Accept (EuroSys 2012): C41. Nothing of it is calibrated: the mechanism says it. */

import { flowGroupCount, migrationPeriodSeconds } from '../flow-groups.ts';
import { type StealingResult, studyStealing } from '../stealing-study.ts';
import type { Claim, Laboratory } from './claim.ts';
import { published } from './published.ts';

const cores = 48;
/** A request takes 144 µs of a core (affinity.table2), and a connection brings one. */
const common = {
  serviceSeconds: published['affinity.table2'].series.total_us[2] / 1e6,
  queueLength: 64,
} as const;
const groupsEach = flowGroupCount / cores;

/**
 * Cores 0 and 1 have workers, and core 0 is offered twice as much. Something else leaves it a quarter of its core, which the
 * half of its load is too much for: it stays busy until then, and core 1 can do the rest throughout.
 */
function oneThief({ seed, once }: Laboratory): StealingResult {
  const loads = Array.from({ length: cores }, (_, core) => [0.8, 0.4][core] ?? null);
  const speeds = Array.from({ length: cores }, (_, core) => (core === 0 ? 0.25 : 1));
  return once('stealing, one thief', () => studyStealing({ ...common, loads, speeds, seconds: 6, seed }));
}

/** Two overloaded cores in three, one with little to do. */
function manyBusy({ seed, once }: Laboratory): StealingResult {
  const loads = Array.from({ length: cores }, (_, core) => (core % 3 === 0 ? 0.3 : 1.5));
  return once('stealing, many busy', () => studyStealing({ ...common, loads, seconds: 1, seed }));
}

/** Groups that came to a core while it was busy, at both ends of a period. */
function takenByBusy({ snapshots }: StealingResult): number {
  let taken = 0;
  for (let step = 1; step < snapshots.length; step++) {
    const [before, after] = [snapshots[step - 1], snapshots[step]];
    for (let core = 0; core < after.groups.length; core++)
      if (before.isBusy[core] && after.isBusy[core])
        taken += Math.max(0, after.groups[core] - before.groups[core]);
  }
  return taken;
}

function halvedAfterSeconds({ snapshots }: StealingResult): number {
  // Loads are sums over groups, rounded.
  const half = (snapshots[0].loads[0] / 2) * (1 + 1e-9);
  return snapshots.find(({ loads }) => loads[0] <= half)?.seconds ?? Number.NaN;
}

/** Of the hot core's load at the beginning: what one thief takes over in a period, until it is halved. */
function sharePerStep(result: StealingResult): number {
  const steps = Math.round(halvedAfterSeconds(result) / migrationPeriodSeconds);
  const [first, last] = [result.snapshots[0].loads[0], result.snapshots[steps].loads[0]];
  return (first - last) / first / steps;
}

export const flowGroupClaims: readonly Claim[] = [
  {
    id: 'C41',
    says: 'One thief takes 1/85.3 of a core’s load every 100 ms, and halves a 2:1 hot core in about 4.3 s; busy cores take nothing',
    source: 'Affinity-Accept EuroSys’12, section 3.3.2; the arithmetic is ours',
    why: 'A period in which the hot core happens not to be busy, or nothing is stolen from it, moves no group.',
    simulate: (laboratory) => {
      const one = oneThief(laboratory);
      return {
        checks: [
          {
            figure: 'share of the hot core’s load per step and thief',
            published: 1 / groupsEach,
            simulated: sharePerStep(one),
            unit: '',
            tolerance: { kind: 'relative', share: 0.1 },
            basis: 'predicted',
          },
          {
            figure: 'time to halve it with one thief',
            published: 4.3,
            simulated: halvedAfterSeconds(one),
            unit: 's',
            tolerance: { kind: 'relative', share: 0.1 },
            basis: 'predicted',
          },
          {
            figure: 'groups taken by busy cores',
            published: 0,
            simulated: takenByBusy(manyBusy(laboratory)),
            unit: 'groups',
            tolerance: { kind: 'absolute', by: 0 },
            basis: 'predicted',
          },
        ],
        curves: () => [
          {
            chart: 'affinity.migration',
            title: 'Offered load of a hot core, one thief',
            xName: 'seconds',
            yName: 'load',
            name: 'affinity-accept',
            grade: 'A',
            published: [
              [0, 0.8],
              [4.3, 0.4],
            ],
            simulated: one.snapshots.map(({ seconds, loads }) => [Number(seconds.toFixed(1)), loads[0]]),
          },
        ],
      };
    },
  },
];
