/**
 * `stampede coordinator`: `stampede run` for a cluster. Its server and agents are started elsewhere, by hand or by an
 * orchestrator, and meet the coordinator in one Redis.
 */

import { Command } from 'commander';
import { badInput } from '../protocol/failure.ts';
import { metricsHelp, withMetricsBesideScenario } from './metrics-option.ts';
import { pageOptions } from './page-option.ts';
import { type RunCommandOptions, runAndTell } from './run.ts';
import { scenarioOptions } from './scenario-argument.ts';

export function coordinatorCommand(): Command {
  return pageOptions(withMetricsBesideScenario(scenarioOptions(new Command('coordinator'))))
    .description('Run a scenario on the servers and agents of a cluster.')
    .option(
      '--out <DIR>',
      'the run folder; that of an interrupted run is resumed (default: runs/NAME-DATE-TIME)',
    )
    .option(
      '--redis <URL>',
      'the Redis of the cluster (redis://, rediss://); or STAMPEDE_REDIS_URL, where a password is safer',
    )
    .option('--json', 'print the outcome and the comparison as JSON')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      `
It waits a minute for one server ("stampede server") and as many agents ("stampede agent") as the scenario wants.${metricsHelp}

Example:
  STAMPEDE_REDIS_URL='rediss://coordinator:PASSWORD@redis.lab:6380?ca=tls/ca.crt' \\
    stampede coordinator scenarios/quick.yaml --out runs/lab-1`,
    )
    .action(async (path: string, options: RunCommandOptions) => {
      if ((options.redis ?? process.env.STAMPEDE_REDIS_URL) === undefined) {
        throw badInput(
          'Cannot coordinate a cluster: no Redis is named; wanted the one its members use. Add --redis URL, or set STAMPEDE_REDIS_URL.',
        );
      }
      process.exitCode = await runAndTell(path, { ...options, lab: 'cluster' });
    });
}
