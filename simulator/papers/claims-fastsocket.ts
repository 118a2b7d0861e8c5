/**
 * Fastsocket (ASPLOS 2016) on e5-2697v2: C22 to C25, and what choosing a listener costs: C26.
 *
 * One-core points are calibrated on. How many accesses to contended lines the holders of a server of processes make, and the
 * cost of crossing the socket, were chosen looking at 24 cores, since no allowed point tells: those checks are marked so.
 */

import { designs } from '../designs/table.ts';
import { runOnce } from '../engine/run.ts';
import { machines } from '../machine/load.ts';
import { type Claim, type Curve, check, type Laboratory } from './claim.ts';
import { published } from './published.ts';
import { rate, speedUp } from './test-bed.ts';

const machine = 'e5-2697v2' as const;
const figure4 = published['fastsocket.fig4.nginx'];
const cores = figure4.x as readonly number[];
const designOf = { fastsocket: 'fastsocket', 'linux-3.13': 'reuseport', base: 'stock' } as const;

const rateOf = (laboratory: Laboratory, design: string, count: number): number =>
  rate(laboratory, { machine, design, cores: count, workload: 'http' });
const speedUpOf = (laboratory: Laboratory, design: string, count: number): number =>
  speedUp(laboratory, { machine, design, cores: count, workload: 'http' });

const curves = (laboratory: Laboratory): Curve[] =>
  (['fastsocket', 'linux-3.13', 'base'] as const).map((name) => ({
    chart: 'fastsocket.fig4.nginx',
    title: 'Fastsocket, Figure 4: nginx, no keep-alive',
    xName: 'cores',
    yName: 'thousand connections/s',
    name,
    grade: figure4.grade,
    published: cores.map((count, index) => [count, figure4.series[name][index]]),
    simulated: cores.map((count) => [count, rateOf(laboratory, designOf[name], count) / 1e3]),
  }));

/** Cycles of a SYN, by number of listeners, on one core. */
function synCycles(laboratory: Laboratory, design: string, listeners: number): number {
  return laboratory.once(`syn ${design} ${listeners}`, () => {
    const { engine, program, connections } = runOnce({
      machine: machines[machine],
      design: designs[design],
      workload: { name: 'rpc', transactions: 1, bytes: 64, concurrency: 64, thinkSeconds: 0, backlog: 1024 },
      cores: 1,
      listeners,
      seed: laboratory.seed,
      connections: 500,
    });
    let cycles = 0;
    for (let pc = 0; pc < program.code.length; pc++)
      if (program.step[pc] === 0) cycles += engine.accounts.work[pc] + engine.accounts.moved[pc];
    return cycles / connections;
  });
}

/** Least squares: slope, and the share of the variation that a line explains. */
function line(points: readonly (readonly [number, number])[]): { slope: number; explained: number } {
  const n = points.length;
  const meanX = points.reduce((total, [x]) => total + x, 0) / n;
  const meanY = points.reduce((total, [, y]) => total + y, 0) / n;
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  return { slope: xy / xx, explained: yy === 0 ? 1 : xy ** 2 / (xx * yy) };
}

const source = "Fastsocket ASPLOS'16 Fig 4";

export const fastsocketClaims: readonly Claim[] = [
  {
    id: 'C22',
    says: 'nginx on Fastsocket is 20.3 times as fast on 24 cores as on one',
    source,
    why: 'Only the lines of device and allocator are shared then, whose cost across sockets is uncertain.',
    simulate: (laboratory) => ({
      checks: [
        check(
          'speed-up at 24 cores',
          { published: 20.3, simulated: speedUpOf(laboratory, 'fastsocket', 24) },
          { kind: 'between', low: 19, high: 21.5 },
          'calibrated-on',
        ),
      ],
      curves: () => curves(laboratory),
    }),
  },
  {
    id: 'C23',
    says: 'nginx on the base kernel is fastest on 12 cores, one whole socket, and does 0.80 of that on 24',
    source,
    why: 'The fall depends on how often the holder of the listener is disturbed by waiters of the other socket.',
    simulate: (laboratory) => {
      const rates = cores.map((count) => rateOf(laboratory, 'stock', count));
      const peak = Math.max(...rates);
      return {
        checks: [
          check(
            'cores of the peak',
            { published: 12, simulated: cores[rates.indexOf(peak)] },
            {
              kind: 'between',
              low: 10,
              high: 16,
            },
          ),
          check(
            '24 cores ÷ peak',
            { published: 0.8, simulated: rates[rates.length - 1] / peak },
            { kind: 'absolute', by: 0.1 },
            'calibrated-on',
          ),
        ],
      };
    },
  },
  {
    id: 'C24',
    says: 'nginx with SO_REUSEPORT on 3.13 is 12.9 times as fast on 24 cores as on one, and gains 6 % from 16 to 24',
    source,
    why: 'The lists of inodes and dentries saturate at about 20 cores in the model, where a little moves much.',
    simulate: (laboratory) => ({
      checks: [
        check(
          'speed-up at 24 cores',
          { published: 12.9, simulated: speedUpOf(laboratory, 'reuseport', 24) },
          { kind: 'between', low: 11.5, high: 14 },
          'calibrated-on',
        ),
        check(
          'gain from 16 to 24 cores',
          {
            published: 6,
            simulated: 100 * (rateOf(laboratory, 'reuseport', 24) / rateOf(laboratory, 'reuseport', 16) - 1),
            unit: '%',
          },
          { kind: 'at-most', high: 15 },
        ),
      ],
    }),
  },
  {
    id: 'C25',
    says: 'On 24 cores Fastsocket does 2.67 times as much as the base kernel',
    source,
    why: 'A ratio of two figures, whose errors add up.',
    simulate: (laboratory) => ({
      checks: [
        check(
          'Fastsocket ÷ base',
          {
            published: 2.67,
            simulated: rateOf(laboratory, 'fastsocket', 24) / rateOf(laboratory, 'stock', 24),
          },
          { kind: 'relative', share: 0.1 },
          'calibrated-on',
        ),
      ],
    }),
  },
  {
    id: 'C26',
    says: 'Before Linux 4.6 choosing a listener costs in proportion to their number; since then it is constant',
    source: "Fastsocket ASPLOS'16; Linux 4.6",
    why: 'It is what the design says of itself.',
    simulate: (laboratory) => {
      const counts = [1, 2, 4, 8, 16, 24, 48];
      const of = (design: string) =>
        line(counts.map((count) => [count, synCycles(laboratory, design, count)] as const));
      return {
        checks: [
          check(
            'before: share explained by a line',
            { published: 1, simulated: of('reuseport').explained },
            { kind: 'at-least', low: 0.98 },
          ),
          check(
            'since: cycles a further listener',
            { published: 0, simulated: of('reuseport-4.6').slope, unit: 'cycles' },
            { kind: 'absolute', by: 1 },
          ),
        ],
      };
    },
  },
];
