/** `stampede server`: a process that starts a server under test for each trial it is ordered to serve in. */

import { Command } from 'commander';
import { takeToken } from '../protocol/access.ts';
import { runServer } from '../server-under-test/server.ts';
import { withMemberExporter } from './member-exporter.ts';
import { metricsHelp } from './metrics-option.ts';
import { addressesSchema, parseFlags, roleOptions, roleSchema } from './role-options.ts';
import { playRole } from './role-process.ts';

const serverSchema = roleSchema.extend({ addresses: addressesSchema.default(['127.0.0.1']) });

export function serverCommand(): Command {
  return roleOptions(new Command('server'))
    .description('Start a fresh server for each trial a coordinator orders, until told to stop.')
    .option(
      '--addresses <LIST>',
      'where servers listen and agents reach them, like 198.18.0.1 (default: 127.0.0.1)',
    )
    .addHelpText(
      'after',
      `
SIGTERM ends the server under test and this process within 10 s; a second one at once.${metricsHelp}

Example:
  STAMPEDE_REDIS_URL='rediss://server:PASSWORD@redis.lab:6380?ca=tls/ca.crt' \\
    stampede server --name server-1 --cores 0-7 --addresses 198.18.0.1`,
    )
    .action(async (options: object) => {
      const flags = parseFlags('server', serverSchema, options);
      const token = takeToken(process.env);
      await playRole(flags, ({ signal, log }) =>
        withMemberExporter({ ...flags, role: 'server', token }, log, (watcher) =>
          runServer({
            redisUrl: flags.redis,
            name: flags.name,
            cores: flags.cores,
            namespace: flags.namespace,
            addresses: flags.addresses,
            signal,
            log,
            watcher,
          }),
        ),
      );
    });
}
