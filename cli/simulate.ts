/** `stampede simulate`: what a machine that is not here would do. One file a subcommand. */

import { Command } from 'commander';
import { simulateCalibrateCommand } from './simulate-calibrate.ts';
import { designOptions, simulateDesign } from './simulate-design.ts';
import { simulateExplainCommand } from './simulate-explain.ts';
import { simulateLockCommand } from './simulate-lock.ts';
import { simulatePapersCommand } from './simulate-papers.ts';
import { simulateQueueCommand } from './simulate-queue.ts';

const example = `
Machines: x5560, e5-2690, e5-2697v2, amd48, this, or the path of a YAML file (docs/simulator.md).

Examples:
  $ stampede simulate --machine x5560 --design stock --transactions 10 --cores 1..8
  $ stampede simulate explain stock megapipe --machine x5560 --cores 8
  $ stampede simulate --machine x5560 --design stock --cores 4 --rate 50000
  $ stampede simulate --machine amd48 --workload http --cores 48 --rate 9000 --service exponential
  $ stampede simulate --design reuseport --cores 1..8 --interrupts one-core --rps
  $ stampede simulate papers --page papers.html
  $ stampede simulate queue --workers 12 --clients 200 --service-ms 1.823 --choice hashed

Exit status: 0, or 2 for what cannot be simulated; "papers": 1 when a claim is outside its tolerance.`;

export function simulateCommand(): Command {
  const command = new Command('simulate')
    .description('Predict what server designs do on machines that are not here.')
    .helpCommand(false)
    .enablePositionalOptions()
    .allowExcessArguments(false);
  return designOptions(command)
    .action(simulateDesign)
    .addCommand(simulatePapersCommand())
    .addCommand(simulateExplainCommand())
    .addCommand(simulateCalibrateCommand())
    .addCommand(simulateQueueCommand())
    .addCommand(simulateLockCommand())
    .addHelpText('after', example);
}
