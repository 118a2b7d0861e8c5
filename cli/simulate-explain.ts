/** `stampede simulate explain`: why one design is faster than another, in lines that make the whole. */

import { Command } from 'commander';
import type { ExplainedLine, Explanation } from '../simulator/explain.ts';
import { type MachineOptions, machineAsked, machineOptions } from './simulate-design.ts';
import { mostCores, refusing, wholeBetween } from './simulate-options.ts';
import { amount, columns, styleOf } from './terminal.ts';

interface ExplainOptions extends MachineOptions {
  readonly cores: number;
  readonly seeds: number;
  readonly seed: number;
  readonly json?: true;
}

const example = `
Each line is cycles of core time a connection: work by step, cache lines moved by object, locks by waiting, hand-over and what
waiters do to the holder, and cores with nothing to do. The lines sum to the whole.

Example:
  $ stampede simulate explain stock megapipe --machine x5560 --cores 8`;

export function simulateExplainCommand(): Command {
  const command = new Command('explain')
    .description('Break the difference between two designs into lines that sum to the whole.')
    .argument('<from>', 'a design')
    .argument('<to>', 'another');
  return machineOptions(command)
    .option('--cores <N>', 'of the machine', wholeBetween(1, mostCores), 8)
    .option('--seeds <N>', 'independent ones', wholeBetween(1, 1000), 3)
    .option('--seed <N>', 'the first of them', wholeBetween(0, 2 ** 31 - 1), 1)
    .option('--json', 'print JSON')
    .addHelpText('after', example)
    .action(async (from: string, to: string, options: ExplainOptions) => {
      const explanation = await refusing(async () => {
        const { explain } = await import('../simulator/explain.ts');
        const { seeds: count, seed, json: _, ...asked } = options;
        const seeds = Array.from({ length: count }, (_, index) => seed + index);
        return explain({ ...asked, machine: await machineAsked(options), designs: [from, to], seeds });
      });
      process.stdout.write(options.json ? `${json(explanation)}\n` : table(explanation));
    });
}

function json(explanation: Explanation): string {
  return JSON.stringify({ schema: 'stampede.explanation/1', ...explanation });
}

function table({ machine, cores, designs, connectionsPerSecond, total, lines }: Explanation): string {
  const { bold, dim } = styleOf(process.stdout);
  const [from, to] = designs;
  const head = ['cycles a connection', from, to, 'saved', 'of it'];
  const rows = lines.map((line) => cells(nameOf(line), line, total));
  const [first, ...body] = columns([head, ...rows, cells('all', total, total)]).split('\n');
  return [
    `${bold(from)} to ${bold(to)} on ${cores} cores of ${bold(machine)} ${dim('(simulated, not measured)')}`,
    `${amount(connectionsPerSecond[0])} to ${amount(connectionsPerSecond[1])} connections/s`,
    '',
    dim(first),
    ...body,
    '',
  ].join('\n');
}

function nameOf({ kind, of }: ExplainedLine): string {
  return of === '' ? kind : `${kind}: ${of}`;
}

function cells(name: string, { from, to, saved }: ExplainedLine, total: ExplainedLine): string[] {
  return [
    name,
    amount(from),
    amount(to),
    signed(amount(saved)),
    total.saved === 0 ? '–' : `${signed(((saved / total.saved) * 100).toFixed(1))} %`,
  ];
}

function signed(text: string): string {
  return text.replace('-', '−');
}
