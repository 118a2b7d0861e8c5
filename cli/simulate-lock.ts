/** `stampede simulate lock`: one lock, n cores, no machine; the speed-up that is left. */

import { Command, Option } from 'commander';
import type { LockStudyRow } from '../simulator/lock-study.ts';
import { type LockKindName, lockKindNames } from '../simulator/locks/kinds.ts';
import { coreCounts, numberBetween, wholeBetween, writePage } from './simulate-options.ts';
import { columns } from './terminal.ts';

interface LockOptions {
  readonly kind: LockKindName;
  readonly serialCycles: number;
  readonly serialShare: number;
  readonly handOverCycles: number;
  readonly service: 'exponential' | 'deterministic';
  readonly cores: readonly number[];
  readonly acquisitions: number;
  readonly seeds: number;
  readonly seed: number;
  readonly json?: true;
  readonly chart?: string;
}

const example = `
The model is that of "Non-scalable locks are dangerous" (OLS 2012): a core works for serial-cycles / serial-share cycles, then
takes the lock for serial-cycles and a hand-over that takes longer the more wait. Speed-up: n minus those at the lock.

Example:
  $ stampede simulate lock --kind ticket --serial-cycles 400 --serial-share 0.004 --cores 1..48`;

export function simulateLockCommand(): Command {
  return new Command('lock')
    .description('How one lock scales: the speed-up of n cores by kind of lock.')
    .addOption(new Option('--kind <KIND>', 'kind of lock').choices(lockKindNames).default('ticket'))
    .option('--serial-cycles <N>', 'held for so many cycles', numberBetween({ least: 0, most: 1e9 }), 400)
    .option(
      '--serial-share <SHARE>',
      'of the work of one core, 0.004 is 0.4 %',
      numberBetween({ least: 1e-6, most: 1 }),
      0.004,
    )
    .option(
      '--hand-over-cycles <N>',
      "for the lock's line to move from core to core",
      numberBetween({ least: 0, most: 1e6 }),
      1000,
    )
    .addOption(
      new Option('--service <DISTRIBUTION>', 'of the serial part with its hand-over')
        .choices(['exponential', 'deterministic'])
        .default('exponential'),
    )
    .option('--cores <COUNTS>', 'like 1..48 or 1,2,4,8', coreCounts, coreCounts('1..48'))
    .option(
      '--acquisitions <N>',
      'of the lock a seed, at first; up to 64 times as many where it is uncertain',
      wholeBetween(1000, 100_000_000),
      10_000,
    )
    .option('--seeds <N>', 'independent ones', wholeBetween(1, 1000), 8)
    .option('--seed <N>', 'the first of them', wholeBetween(0, 2 ** 31 - 1), 1)
    .option('--json', 'print JSON')
    .option('--chart <FILE>', 'write a page with the curve')
    .addHelpText('after', example)
    .action(async (options: LockOptions) => {
      const rows = await study(options);
      if (options.chart !== undefined) await writePage(options.chart, await chartPage(options, rows));
      process.stdout.write(options.json ? `${json(options, rows)}\n` : table(rows));
    });
}

async function study(options: LockOptions): Promise<LockStudyRow[]> {
  const { studyLock } = await import('../simulator/lock-study.ts');
  const { lockKinds } = await import('../simulator/locks/kinds.ts');
  return options.cores.map((cores) =>
    studyLock({
      kind: lockKinds[options.kind],
      cores,
      serialCycles: options.serialCycles,
      serialShare: options.serialShare,
      lineCycles: options.handOverCycles,
      service: options.service,
      seed: options.seed,
      acquisitions: options.acquisitions,
      precision: 0.01,
      replications: options.seeds,
    }),
  );
}

function json(
  { kind, serialCycles, serialShare, handOverCycles, service, seed }: LockOptions,
  rows: LockStudyRow[],
) {
  return JSON.stringify({
    schema: 'stampede.simulated-lock/1',
    kind,
    serialCycles,
    serialShare,
    handOverCycles,
    service,
    seed,
    rows,
  });
}

function table(rows: readonly LockStudyRow[]): string {
  const body = rows.map(({ cores, speedup, low, high, waiting, acquisitionsPerMillionCycles }) => [
    String(cores),
    speedup.toFixed(2),
    `${low.toFixed(2)} to ${high.toFixed(2)}`,
    waiting.toFixed(2),
    acquisitionsPerMillionCycles.toFixed(1),
  ]);
  const head = ['cores', 'speed-up', '95 % interval', 'cores at the lock', 'acquisitions/Mcycle'];
  return `${columns([head, ...body])}\n`;
}

async function chartPage(options: LockOptions, rows: readonly LockStudyRow[]): Promise<string> {
  const { curvesPage } = await import('../coordinator/report/html/curves-page.ts');
  const { kind, serialCycles, serialShare, handOverCycles, service } = options;
  return curvesPage({
    kicker: 'Stampede · simulate lock',
    title: `Speed-up over one ${kind} lock`,
    facts: [
      'simulated, not measured',
      `${serialCycles} serial cycles, ${Number((serialShare * 100).toPrecision(4))} % of the work`,
      `${handOverCycles} cycles for a line to move`,
      `${service} service`,
    ],
    charts: [
      {
        id: 'lock',
        title: 'Speed-up by cores',
        explains: 'Cores that work outside the lock, on average.',
        xName: 'cores',
        yName: 'speed-up',
        curves: [
          {
            name: kind,
            colour: 0,
            simulated: rows.map(({ cores, speedup }) => [cores, speedup]),
            published: [],
            coarse: false,
          },
        ],
      },
    ],
  });
}
