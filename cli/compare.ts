/** `stampede compare RUN RUN`: do two runs say the same, and what moved between them? Reads both, writes neither. */

import { resolve } from 'node:path';
import { Command } from 'commander';
import { compareRuns } from '../coordinator/judge/compare-runs.ts';
import { judge } from '../coordinator/judge/judge.ts';
import { environmentDifferences } from '../coordinator/report/environment.ts';
import { type RunReading, readRun } from '../coordinator/report/read-run.ts';
import { runsTable } from '../coordinator/report/runs-table.ts';
import { badInput, ExitStatus } from '../protocol/failure.ts';
import { runFolder } from '../protocol/run-folder.ts';

const example = `
Example:
  $ stampede compare runs/monday runs/tuesday
  $ stampede compare runs/monday runs/tuesday --json | jq '.verdicts[] | select(.agreement == "contradicts")'

Blocks of two runs are not paired: a difference between runs may be the machine's. What differs in environment.json is
listed. Exit status: 0 every threshold of the second run holds, 1 one is broken, 2 a folder is not a run or the two have
no cell in common.`;

export function compareCommand(): Command {
  return new Command('compare')
    .description('Compare the figures and the verdicts of two runs.')
    .argument('<first>', 'folder of a run')
    .argument('<second>', 'folder of another')
    .option('--json', 'print JSON instead of the table')
    .addHelpText('after', example)
    .action(async (first: string, second: string, options: { readonly json?: true }) => {
      const readings = [await readRun(runFolder(resolve(first))), await readRun(runFolder(resolve(second)))];
      const [ofFirst, ofSecond] = readings.map(judged);
      const comparison = compareRuns(ofFirst, ofSecond);
      if (comparison.movements.length === 0)
        throw badInput(
          `Cannot compare "${first}" with "${second}": no variant was measured under the same conditions in both; wanted at least one. Compare runs of the same scenario.`,
        );
      const environment = environmentDifferences(readings[0].environment, readings[1].environment);
      const text = options.json
        ? JSON.stringify({ ...comparison, environment }, null, 2)
        : runsTable(comparison, environment);
      process.stdout.write(`${text}\n`);
      if (ofSecond.comparison.thresholds.some(({ holds }) => !holds))
        process.exitCode = ExitStatus.thresholdBroken;
    });
}

function judged({ scenario, trials, run }: RunReading) {
  return { scenario, trials, comparison: judge({ run: run.run, scenario, trials }) };
}
