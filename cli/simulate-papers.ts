/** `stampede simulate papers`: every claim of the papers, published against simulated; the same as a page with curves. */

import { Command } from 'commander';
import { badInput } from '../protocol/failure.ts';
import { type JudgedCheck, type JudgedClaim, missText, toleranceText } from '../simulator/papers/claim.ts';
import type { PapersResult } from '../simulator/papers/papers.ts';
import { wholeBetween, writePage } from './simulate-options.ts';
import { columns, plural, styleOf } from './terminal.ts';

interface PapersOptions {
  readonly only?: readonly string[];
  readonly seed: number;
  readonly json?: true;
  readonly page?: string;
}

const example = `
Calibrated-on: the published point fixed a parameter of the model. Predicted: it did not. docs/simulator.md lists the parameters.

Examples:
  $ stampede simulate papers --page papers.html
  $ stampede simulate papers --only C30,C31 --json

Exit status: 0 every claim is within its tolerance, 1 one is outside, 2 bad input.`;

export function simulatePapersCommand(): Command {
  return new Command('papers')
    .description('Put every claim of the papers to the test: published, simulated, tolerance, verdict.')
    .option('--only <IDS>', 'some claims, like C30,C31', (text: string) =>
      text.split(',').map((id) => id.trim()),
    )
    .option('--seed <N>', 'of the simulations', wholeBetween(0, 2 ** 31 - 1), 1)
    .option('--json', 'print JSON')
    .option('--page <FILE>', 'write the same as a page, with published and simulated curves over each other')
    .addHelpText('after', example)
    .action(async (options: PapersOptions) => {
      const result = await test(options);
      if (options.page !== undefined) {
        const { papersPage } = await import('../coordinator/report/html/papers-page.ts');
        await writePage(options.page, papersPage(result));
      }
      process.stdout.write(options.json ? `${json(result, options)}\n` : text(result.claims));
      if (result.claims.some(({ verdict }) => verdict === 'outside')) process.exitCode = 1;
    });
}

async function test({ only, seed, json, page }: PapersOptions): Promise<PapersResult> {
  const { claims } = await import('../simulator/papers/claims.ts');
  const { testClaims } = await import('../simulator/papers/papers.ts');
  const known = claims.map(({ id }) => id);
  const unknown = only?.find((id) => !known.includes(id));
  if (unknown !== undefined)
    throw badInput(`Cannot test the claim "${unknown}": there is none; wanted some of ${known.join(', ')}.`);
  const wanted = claims.filter(({ id }) => only === undefined || only.includes(id));
  const isWatched = json !== true && process.stderr.isTTY;
  let done = 0;
  return testClaims(wanted, seed, {
    curves: json === true || page !== undefined,
    onClaim: () => {
      if (isWatched) process.stderr.write(`\r${++done} of ${wanted.length} claims`);
      if (isWatched && done === wanted.length) process.stderr.write('\r\x1b[K');
    },
  });
}

function json({ claims, curves }: PapersResult, { seed }: PapersOptions): string {
  // A row a check for scripts; the claims, with their checks, for those who want the whole.
  const rows = claims.flatMap(({ id, checks }) =>
    checks.map((check) => ({ id, ...check, tolerance: toleranceText(check.tolerance) })),
  );
  return JSON.stringify({ schema: 'stampede.papers/1', seed, rows, claims, curves });
}

function text(claims: readonly JudgedClaim[]): string {
  const { bold, red, green } = styleOf(process.stdout);
  const head = ['id', 'figure', 'published', 'simulated', 'error', 'tolerance', 'basis', 'verdict'];
  const rows = claims.flatMap(({ id, checks }) => checks.map((check) => checkRow(id, check)));
  const [first, ...lines] = columns([head, ...rows]).split('\n');
  const outside = claims.filter(({ verdict }) => verdict === 'outside');
  const checks = claims.flatMap((claim) => claim.checks);
  const painted = lines.map((line, index) => (checks[index].verdict === 'within' ? line : red(line)));
  const held = claims.length - outside.length;
  const summary = `${held} of ${plural(claims.length, 'claim')} within tolerance; ${plural(checks.filter(({ basis }) => basis === 'predicted').length, 'check')} predicted, ${checks.filter(({ basis }) => basis === 'calibrated-on').length} calibrated on`;
  return [
    bold(first),
    ...painted,
    '',
    ...outside.map((claim) => red(`${claim.id} is outside: ${missText(claim)} ${claim.why}`)),
    (outside.length === 0 ? green : red)(summary),
    '',
  ].join('\n');
}

function checkRow(id: string, check: JudgedCheck): string[] {
  const { figure, published, simulated, unit, tolerance, basis, verdict, relativeError } = check;
  return [
    id,
    figure,
    `${short(published)}${unit === '' ? '' : ` ${unit}`}`,
    short(simulated),
    relativeError === null
      ? '–'
      : `${relativeError < 0 ? '−' : '+'}${Math.abs(relativeError * 100).toFixed(1)} %`,
    toleranceText(tolerance),
    basis,
    verdict,
  ];
}

function short(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 6 });
}
