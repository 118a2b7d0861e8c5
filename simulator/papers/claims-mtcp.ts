/**
 * mTCP (NSDI 2014) on e5-2690: C13 to C21.
 *
 * Calibrated on one-core points, and the application on its share under Linux 2.6. The latency between two cores of the socket
 * is what micro-benchmarks report.
 */

import { cpuClasses } from '../designs/design.ts';
import { sum } from '../engine/accounts.ts';
import type { Run } from '../engine/run.ts';
import { meanOf } from '../statistics.ts';
import { type Basis, type Claim, type Curve, check, type Laboratory, relative } from './claim.ts';
import { published } from './published.ts';
import { applicationCycles, burst, rate, runs, speedUp } from './test-bed.ts';

const machine = 'e5-2690' as const;
const fig7 = published['mtcp.fig7a'];
const fig8 = published['mtcp.fig8'];

const message = (laboratory: Laboratory, design: string, cores: number): number =>
  rate(laboratory, { machine, design, cores });
const acceptOnly = (laboratory: Laboratory, design: string, cores: number): number =>
  rate(laboratory, { machine, design, cores, workload: 'accept-only' });
const best = (laboratory: Laboratory, design: string): number =>
  Math.max(...(fig8.x as readonly number[]).map((cores) => acceptOnly(laboratory, design, cores)));

const designOf = {
  linux: 'stock',
  reuseport: 'reuseport',
  megapipe: 'megapipe',
  mtcp: 'user-level',
} as const;

const curvesOf7 = (laboratory: Laboratory): Curve[] =>
  (['linux', 'reuseport', 'megapipe', 'mtcp'] as const).map((name) => ({
    chart: 'mtcp.fig7a',
    title: 'mTCP, Figure 7a: one 64 B message a connection',
    xName: 'cores',
    yName: '100,000 messages/s',
    name,
    grade: fig7.grade,
    published: (fig7.x as readonly number[]).map((cores, index) => [cores, fig7.series[name][index]]),
    simulated: (fig7.x as readonly number[]).map((cores) => [
      cores,
      message(laboratory, designOf[name], cores) / 1e5,
    ]),
  }));

const curvesOf8 = (laboratory: Laboratory): Curve[] =>
  (['linux', 'reuseport', 'mtcp'] as const).map((name) => ({
    chart: 'mtcp.fig8',
    title: 'mTCP, Figure 8: accept only',
    xName: 'cores',
    yName: '100,000 connections/s',
    name,
    grade: fig8.grade,
    published: (fig8.x as readonly number[]).map((cores, index) => [cores, fig8.series[name][index]]),
    simulated: (fig8.x as readonly number[]).map((cores) => [
      cores,
      acceptOnly(laboratory, designOf[name], cores) / 1e5,
    ]),
  }));

/** Per cent of a busy core's cycles that are not the application's. */
function stackShare(laboratory: Laboratory, design: string): number {
  const shareOf = (run: Run) =>
    100 * (1 - applicationCycles(run) / (sum(run.engine.accounts.work) + sum(run.engine.accounts.moved)));
  return meanOf(runs(laboratory, { machine, design, cores: 1, workload: 'http' }).map(shareOf));
}

const source = "mTCP NSDI'14";
const clients = 8_000;
/** `somaxconn` as Linux came. */
const usualBacklog = 128;

export const mtcpClaims: readonly Claim[] = [
  {
    id: 'C13',
    says: 'One shared queue on Linux 3.10: 93,700, 139,200, 134,600 and 59,600 messages/s on 1, 2, 4 and 8 cores',
    source: `${source} Fig 7a`,
    why: 'How much pollers disturb a holder follows from one latency and the number of pollers.',
    simulate: (laboratory) => {
      const at = (fig7.x as readonly number[]).map((cores) => message(laboratory, 'stock', cores) / 1e5);
      const basis: readonly Basis[] = ['calibrated-on', 'predicted', 'predicted', 'predicted'];
      const peak = at.indexOf(Math.max(...at));
      return {
        checks: [
          ...at.map((simulated, index) =>
            check(
              `at ${fig7.x[index]} cores`,
              { published: fig7.series.linux[index], simulated, unit: '10⁵/s' },
              relative(0.2),
              basis[index],
            ),
          ),
          check(
            'cores of the peak',
            { published: 2, simulated: Number(fig7.x[peak]) },
            {
              kind: 'between',
              low: 2,
              high: 4,
            },
          ),
          check(
            '8 cores ÷ 1 core',
            { published: 0.636, simulated: at[3] / at[0] },
            { kind: 'at-most', high: 1 },
          ),
        ],
        curves: () => curvesOf7(laboratory),
      };
    },
  },
  {
    id: 'C14',
    says: 'SO_REUSEPORT with threads is 3.11 times as fast on 8 cores as on one',
    source: `${source} Fig 7a`,
    why: 'The table of files that the threads share limits it; its waiters are modelled as those of the listener.',
    simulate: (laboratory) => ({
      checks: [
        check(
          'speed-up at 8 cores',
          { published: 3.11, simulated: speedUp(laboratory, { machine, design: 'reuseport', cores: 8 }) },
          relative(0.1),
        ),
      ],
    }),
  },
  {
    id: 'C15',
    says: 'On 8 cores mTCP does 25.0 times as much as Linux, 5.2 times as SO_REUSEPORT, 2.75 times as MegaPipe',
    source: `${source} Fig 7a`,
    why: 'Each is a ratio of two figures, whose errors add up.',
    simulate: (laboratory) => ({
      checks: (['linux', 'reuseport', 'megapipe'] as const).map((name, index) =>
        check(
          `mTCP ÷ ${name}`,
          {
            published: [25.0, 5.2, 2.75][index],
            simulated: message(laboratory, 'user-level', 8) / message(laboratory, designOf[name], 8),
          },
          relative(0.2),
        ),
      ),
    }),
  },
  {
    id: 'C19',
    says: 'Accepting only, mTCP on 8 cores does 13.0 times as much as Linux at its best, 7.5 times as SO_REUSEPORT at its best',
    source: `${source} Fig 8`,
    why: "Linux' best is at 2 cores, where the model moves more lines between the cores than was measured.",
    simulate: (laboratory) => ({
      checks: (['linux', 'reuseport'] as const).map((name, index) =>
        check(
          `mTCP ÷ best of ${name}`,
          {
            published: [13.0, 7.5][index],
            simulated: acceptOnly(laboratory, 'user-level', 8) / best(laboratory, designOf[name]),
          },
          relative(0.1),
        ),
      ),
      curves: () => curvesOf8(laboratory),
    }),
  },
  {
    id: 'C20',
    says: 'Kernel, TCP and packet input and output take 82.4, 83.3, 78.3 and 58.2 % of the CPU under Linux 2.6, 3.10, MegaPipe, mTCP',
    source: `${source} Fig 1`,
    why: 'The application is the same in all four, and calibrated on the first; both Linux kernels are one in the model.',
    simulate: (laboratory) => ({
      checks: (
        [
          ['Linux 2.6', 'stock', 82.4],
          ['Linux 3.10', 'stock', 83.3],
          ['MegaPipe', 'megapipe', 78.3],
          ['mTCP', 'user-level', 58.2],
        ] as const
      ).map(([name, design, share], index) =>
        check(
          `${name}: all but the ${cpuClasses[3]}`,
          { published: share, simulated: stackShare(laboratory, design), unit: '%' },
          { kind: 'absolute', by: 5 },
          index === 0 ? 'calibrated-on' : 'predicted',
        ),
      ),
    }),
  },
  {
    id: 'C21',
    says: 'Of 8,000 connections at once, Linux takes 63.2 s for the slowest to connect and 127.3 s for the slowest in all; mTCP 0.5 s to connect',
    source: `${source} Table 2`,
    why: 'The longest back-off is only seen when some client is unlucky six times.',
    simulate: (laboratory) => {
      const linux = burst(laboratory, 'stock', clients, usualBacklog);
      const mtcp = burst(laboratory, 'user-level', clients, clients);
      const longest = (values: Float64Array) => values.reduce((most, value) => Math.max(most, value), 0);
      return {
        checks: [
          check(
            'Linux: longest connect',
            { published: 63.2, simulated: longest(linux.connectLatencies), unit: 's' },
            { kind: 'between', low: 62, high: 64 },
          ),
          check(
            'Linux: longest in all',
            { published: 127.3, simulated: longest(linux.latencies), unit: 's' },
            { kind: 'between', low: 126, high: 128 },
          ),
          check(
            'mTCP: longest connect',
            { published: 0.5, simulated: longest(mtcp.connectLatencies), unit: 's' },
            { kind: 'at-most', high: 1 },
          ),
        ],
      };
    },
  },
];
