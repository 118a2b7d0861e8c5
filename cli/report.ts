/** `stampede report RUN`: judges a run folder again and writes its reports anew. */

import { resolve } from 'node:path';
import { Command } from 'commander';
import { limitAdvice } from '../coordinator/report/limit-advice.ts';
import { readTrials } from '../coordinator/report/read-run.ts';
import { comparisonTable } from '../coordinator/report/table.ts';
import { writeReports } from '../coordinator/report/write-reports.ts';
import { ExitStatus } from '../protocol/failure.ts';
import { runFolder } from '../protocol/run-folder.ts';
import { wantsColour } from './terminal.ts';

const example = `
Example:
  $ stampede report runs/quick
  $ stampede report runs/quick --json | jq -r '.rows[] | [.variant, .metric, .verdict] | @tsv'

Writes comparison.json, report.html, report.md and junit.xml into RUN.
Exit status: 0 every threshold holds, 1 a threshold is broken, 2 RUN is not a run folder.`;

export function reportCommand(): Command {
  return new Command('report')
    .description('Judge a run folder again and write its reports.')
    .argument('<run>', 'folder of a run, whole or interrupted')
    .option('--json', 'print comparison.json instead of the table')
    .addHelpText('after', example)
    .action(async (run: string, options: { readonly json?: true }) => {
      const folder = runFolder(resolve(run));
      const comparison = await writeReports(folder);
      const advice = limitAdvice(await readTrials(folder));
      const text = options.json
        ? JSON.stringify(comparison, null, 2)
        : [comparisonTable(comparison, tableStyle()), advice ?? [], folder.reportHtml].flat().join('\n\n');
      process.stdout.write(`${text}\n`);
      if (comparison.thresholds.some(({ holds }) => !holds)) process.exitCode = ExitStatus.thresholdBroken;
    });
}

function tableStyle(): { readonly colour: boolean; readonly width: number } {
  return { colour: wantsColour(process.stdout), width: process.stdout.columns ?? 200 };
}
