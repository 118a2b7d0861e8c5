/**
 * "Non-scalable locks are dangerous" (Boyd-Wickizer and others, OLS 2012): C30, C31, C33.
 *
 * One number is calibrated, on the curve of 0.4 %: the cycles for the lock's line to move. Published are the peaks only.
 */

import { type LockStudyRow, studyLock } from '../lock-study.ts';
import { type LockKindName, lockKinds } from '../locks/kinds.ts';
import type { Check, Claim, Curve, Laboratory } from './claim.ts';
import { published } from './published.ts';

/** Calibrated: with it the 0.4 % curve peaks where the paper's does. */
const lineCycles = 1000;
const serialCycles = 400;
const mostCores = 48;
const figure = published['nsl.fig8'];

function curveOf(laboratory: Laboratory, kind: LockKindName, serialShare: number): LockStudyRow[] {
  return laboratory.once(`lock ${kind} ${serialShare}`, () =>
    Array.from({ length: mostCores }, (_, index) =>
      studyLock({
        kind: lockKinds[kind],
        cores: index + 1,
        serialCycles,
        serialShare,
        lineCycles,
        service: 'exponential',
        seed: laboratory.seed,
        acquisitions: 10_000,
        precision: 0.1,
        replications: 8,
      }),
    ),
  );
}

function peakOf(rows: readonly LockStudyRow[]): LockStudyRow {
  return rows.reduce((best, row) => (row.speedup > best.speedup ? row : best));
}

function publishedPeak(serialShare: number): { readonly speedup: number; readonly cores: number } {
  const index = (figure.x as readonly number[]).indexOf(serialShare);
  return { speedup: figure.series.peak[index], cores: figure.series.at_cores[index] };
}

function percentText(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

function peakChecks(
  laboratory: Laboratory,
  serialShare: number,
  tolerance: number,
  basis: Check['basis'],
): Check[] {
  const peak = peakOf(curveOf(laboratory, 'ticket', serialShare));
  const { speedup, cores } = publishedPeak(serialShare);
  return [
    {
      figure: `peak speed-up at ${percentText(serialShare)} serial`,
      published: speedup,
      simulated: peak.speedup,
      unit: '',
      tolerance: { kind: 'relative', share: tolerance },
      basis,
    },
    {
      figure: `cores of the peak at ${percentText(serialShare)} serial`,
      published: cores,
      simulated: peak.cores,
      unit: 'cores',
      tolerance: { kind: 'absolute', by: 2 },
      basis,
    },
  ];
}

function peakCurve(laboratory: Laboratory, kind: LockKindName, serialShare: number): Curve {
  const { speedup, cores } = publishedPeak(serialShare);
  return {
    chart: 'nsl.fig8',
    title: 'Speed-up over one lock; only the peaks are published',
    xName: 'cores',
    yName: 'speed-up',
    name: `${kind}, ${percentText(serialShare)}`,
    grade: figure.grade,
    published: kind === 'ticket' ? [[cores, speedup]] : [],
    simulated: curveOf(laboratory, kind, serialShare).map((row) => [row.cores, row.speedup]),
  };
}

export const lockClaims: readonly Claim[] = [
  {
    id: 'C30',
    says: 'A ticket lock of 400 serial cycles, 0.4 % of the work, has its best speed-up at 27 of 48 cores',
    source: `${figure.source}; the hand-over is calibrated on it`,
    why: 'The curve is flat at its peak, and a mean over seeds has a chance of its own: more acquisitions move it less.',
    simulate: (laboratory) => ({
      checks: peakChecks(laboratory, 0.004, 0.05, 'calibrated-on'),
      curves: () => [peakCurve(laboratory, 'ticket', 0.004)],
    }),
  },
  {
    id: 'C31',
    says: 'With 3.2 % serial the peak is 5.5 at 7 to 8 cores, with 0.2 % it is 40 at 41',
    source: figure.source,
    why: 'The published peaks are read from a bitmap; the one calibrated number is that of the 0.4 % curve.',
    simulate: (laboratory) => ({
      checks: [0.032, 0.002].flatMap((share) => peakChecks(laboratory, share, 0.08, 'predicted')),
      curves: () => [0.032, 0.002].map((share) => peakCurve(laboratory, 'ticket', share)),
    }),
  },
  {
    id: 'C33',
    says: 'With an MCS lock in its place nothing collapses: 48 cores get at least 0.9 of the best throughput',
    source: 'OLS’12, section 4',
    why: 'A hand-over of an MCS lock costs one line however many wait; only chance can move the throughput.',
    simulate: (laboratory) => {
      const rates = curveOf(laboratory, 'mcs', 0.004).map((row) => row.acquisitionsPerMillionCycles);
      return {
        checks: [
          {
            figure: 'throughput at 48 cores ÷ best',
            published: 1,
            simulated: rates[rates.length - 1] / Math.max(...rates),
            unit: '',
            tolerance: { kind: 'at-least', low: 0.9 },
            basis: 'predicted',
          },
        ],
        curves: () => [peakCurve(laboratory, 'mcs', 0.004)],
      };
    },
  },
];
