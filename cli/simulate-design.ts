/** `stampede simulate` itself: one design on one machine, a row a number of cores; as table, JSON, chart. */

import type { Command } from 'commander';
import { Option } from 'commander';
import type { Machine } from '../simulator/machine/machine.ts';
import { interruptNames, type Placement, placed } from '../simulator/machine/placement.ts';
import type { Simulated, SimulatedRow } from '../simulator/simulator.ts';
import { type ServiceName, serviceNames, type WorkloadName, workloadNames } from '../simulator/workload.ts';
import { coreCounts, numberBetween, refusing, wholeBetween, writePage } from './simulate-options.ts';
import { amount, columns, styleOf } from './terminal.ts';

export interface MachineOptions extends Placement {
  readonly machine: string;
  readonly workload: WorkloadName;
  readonly transactions: number;
  readonly bytes: number;
  readonly concurrency?: number;
  readonly rate?: number;
  readonly thinkMs: number;
  readonly service: ServiceName;
  readonly connections?: number;
}

interface DesignOptions extends MachineOptions {
  readonly design: string;
  readonly cores: readonly number[];
  readonly seeds: number;
  readonly seed: number;
  readonly json?: true;
  readonly chart?: string;
}

/** What is simulated, whichever command asks. */
export function machineOptions(command: Command): Command {
  return command
    .option('--machine <NAME>', 'a machine of the papers, "this", or a YAML file', 'x5560')
    .addOption(new Option('--workload <KIND>', 'what clients ask').choices(workloadNames).default('rpc'))
    .addOption(
      new Option(
        '--interrupts <WHERE>',
        'each core has a queue of the card, or the first takes all packets',
      ).choices(interruptNames),
    )
    .option('--rps', 'with one-core: it only hands packets on, to the core of the flow')
    .option('--transactions <N>', 'requests a connection', wholeBetween(1, 1_000_000), 1)
    .option('--bytes <N>', 'of a request and of its response', wholeBetween(1, 1_000_000_000), 64)
    .option('--concurrency <N>', 'connections that are open at a time', wholeBetween(1, 5_000_000))
    .option(
      '--rate <N>',
      'connections that begin a second, by chance, in place of --concurrency',
      numberBetween({ least: 0.1, most: 1e7 }),
    )
    .option('--think-ms <MS>', 'a client waits between requests', numberBetween({ least: 0, most: 1e6 }), 0)
    .addOption(
      new Option('--service <KIND>', "the application's part of a request, by chance of the same mean or not")
        .choices(serviceNames)
        .default('fixed'),
    )
    .option('--connections <N>', 'to measure, a seed', wholeBetween(100, 100_000_000));
}

export function designOptions(command: Command): Command {
  return machineOptions(command)
    .option('--design <NAME>', 'a server design', 'stock')
    .option('--cores <COUNTS>', 'like 1..8 or 1,2,4,8', coreCounts, coreCounts('1'))
    .option('--seeds <N>', 'independent ones', wholeBetween(1, 1000), 3)
    .option('--seed <N>', 'the first of them', wholeBetween(0, 2 ** 31 - 1), 1)
    .option('--json', 'print JSON')
    .option('--chart <FILE>', 'write a page with the curve');
}

export async function simulateDesign(options: DesignOptions): Promise<void> {
  const result = await refusing(async () => {
    const { simulate } = await import('../simulator/simulator.ts');
    const seeds = Array.from({ length: options.seeds }, (_, index) => options.seed + index);
    const { json: _json, chart: _chart, seed: _seed, ...asked } = options;
    return simulate({ ...asked, machine: await machineAsked(options), seeds });
  });
  if (options.chart !== undefined) await writePage(options.chart, await chartPage(options, result));
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : table(result));
}

/** @throws {SimulationInputError} there is none, or its file is not whole. */
export async function machineAsked({ machine, ...placement }: MachineOptions): Promise<Machine> {
  const named = await machineNamed(machine);
  return placement.interrupts === undefined && placement.rps === undefined ? named : placed(named, placement);
}

async function machineNamed(name: string): Promise<Machine> {
  if (name === 'this') return (await import('../simulator/machine/this-host.ts')).machineOfThisHost();
  return (await import('../simulator/machine/load.ts')).loadMachine(name);
}

function table({ machine, design, rows }: Simulated): string {
  const { bold, dim } = styleOf(process.stdout);
  const head = [
    'cores',
    'connections/s',
    '95 % interval',
    'transactions/s',
    'cycles/connection',
    'misses/connection',
    'lock wait',
    'p50',
    'p99',
    ...(rows.some(isOpen) ? ['drops/s'] : []),
  ];
  const [first, ...lines] = columns([head, ...rows.map(cells)]).split('\n');
  return [
    `${bold(design)} on ${bold(machine)} ${dim('(simulated, not measured)')}`,
    dim(first),
    ...lines,
    '',
  ].join('\n');
}

function cells(row: SimulatedRow): string[] {
  return [
    String(row.cores),
    amount(row.connectionsPerSecond),
    `${amount(row.low)} to ${amount(row.high)}`,
    amount(row.transactionsPerSecond),
    amount(row.cyclesPerConnection),
    row.missesPerConnection.toFixed(1),
    `${(row.lockWaitShare * 100).toFixed(1)} %`,
    milliseconds(row.latencySeconds.p50),
    milliseconds(row.latencySeconds.p99),
    ...(isOpen(row) ? [amount(row.dropsPerSecond ?? 0)] : []),
  ];
}

function isOpen({ ratePerSecond }: SimulatedRow): boolean {
  return ratePerSecond !== undefined;
}

function milliseconds(seconds: number): string {
  return `${Number((seconds * 1000).toPrecision(3))} ms`;
}

async function chartPage({ workload }: DesignOptions, { machine, design, rows }: Simulated): Promise<string> {
  const { curvesPage } = await import('../coordinator/report/html/curves-page.ts');
  const [{ transactions, bytes }] = rows;
  const curve = (value: (row: SimulatedRow) => number) => ({
    name: design,
    colour: 0,
    simulated: rows.map((row) => [row.cores, value(row)] as const),
    published: [],
    coarse: false,
  });
  const chart = (id: string, title: string, yName: string, value: (row: SimulatedRow) => number) => ({
    id,
    title,
    explains: '',
    xName: 'cores',
    yName,
    curves: [curve(value)],
  });
  return curvesPage({
    kicker: 'Stampede · simulate',
    title: `${design} on ${machine}`,
    facts: [
      'simulated, not measured',
      workload,
      `${transactions} transactions a connection`,
      `${bytes} bytes`,
    ],
    charts: [
      chart('rate', 'Connections', 'connections/s', (row) => row.connectionsPerSecond),
      chart('misses', 'Cache misses', 'misses a connection', (row) => row.missesPerConnection),
      chart('wait', 'Waiting for locks', '% of core time', (row) => row.lockWaitShare * 100),
    ],
  });
}
