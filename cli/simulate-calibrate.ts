/** `stampede simulate calibrate RUN`: one-core costs from a run's records, and what its variants would do on more cores. */

import { resolve } from 'node:path';
import { Command } from 'commander';
import { badInput } from '../protocol/failure.ts';
import { runFolder } from '../protocol/run-folder.ts';
import { coreCounts } from './simulate-options.ts';
import { columns, styleOf } from './terminal.ts';

interface CalibrateOptions {
  readonly cores?: readonly number[];
  readonly json?: true;
}

const example = `
Of each variant one number is calibrated, on the fewest cores that the run measured: what a connection costs there. The run's
comparison.json and report have the same for 8, 24 and 48 cores.

Example:
  $ stampede simulate calibrate runs/quick --cores 1..16`;

export function simulateCalibrateCommand(): Command {
  return new Command('calibrate')
    .description('From what a run measured: its variants on more cores than there were.')
    .argument('<run>', 'folder of a run')
    .option('--cores <COUNTS>', 'like 1..16 or 8,24,48 (default: 8,24,48)', coreCounts)
    .option('--json', 'print JSON')
    .addHelpText('after', example)
    .action(async (run: string, { cores, json }: CalibrateOptions) => {
      const { readRun } = await import('../coordinator/report/read-run.ts');
      const { modelRows } = await import('../coordinator/model/modelled.ts');
      const words = await import('../coordinator/report/model-words.ts');
      const { scenario, trials, environment, run: summary } = await readRun(runFolder(resolve(run)));
      if (trials.length === 0)
        throw badInput(
          `Cannot calibrate on "${run}": no trial of it was committed; wanted one or more. Resume the run, or name another.`,
        );
      const model = modelRows({ scenario, trials, environment, ...(cores === undefined ? {} : { cores }) });
      if (json) {
        process.stdout.write(
          `${JSON.stringify({ schema: 'stampede.calibration/1', run: summary.run, model })}\n`,
        );
        return;
      }
      const { dim } = styleOf(process.stdout);
      const table = columns([[...words.modelHeader], ...model.map(words.modelCells)]);
      const reasons = words.modelReasons(model);
      process.stdout.write(
        `${[dim('modelled, not measured'), table, dim(words.modelCaption), ...reasons].join('\n')}\n`,
      );
    });
}
