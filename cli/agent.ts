/** `stampede agent`: a process that makes load when it is ordered to, against addresses it was started to allow. */

import { Command } from 'commander';
import { z } from 'zod';
import { runAgent } from '../agent/agent.ts';
import { Allowance, defaultAllow } from '../agent/allow.ts';
import { takeToken } from '../protocol/access.ts';
import { messageOf } from '../protocol/failure.ts';
import { withMemberExporter } from './member-exporter.ts';
import { metricsHelp } from './metrics-option.ts';
import { addressesSchema, parseFlags, roleOptions, roleSchema } from './role-options.ts';
import { playRole } from './role-process.ts';

const agentSchema = roleSchema.extend({
  allow: z
    .array(z.string())
    .transform((lists) => lists.flatMap((list) => list.split(',')).map((cidr) => cidr.trim()))
    .superRefine((cidrs, context) => {
      try {
        new Allowance(cidrs);
      } catch (error) {
        context.addIssue({ code: 'custom', message: messageOf(error) });
      }
      if (cidrs.length > 64) {
        context.addIssue({
          code: 'custom',
          message: `these are ${cidrs.length} networks; wanted at most 64`,
        });
      }
    })
    .default([...defaultAllow]),
  sourceAddresses: addressesSchema.default([]),
});

export function agentCommand(): Command {
  return roleOptions(new Command('agent'))
    .description('Make load when a coordinator orders it, until told to stop.')
    .option(
      '--allow <CIDR...>',
      `where it may send load; repeatable (default: ${defaultAllow.join(', ')}: this machine)`,
    )
    .option(
      '--source-addresses <LIST>',
      'addresses to connect from, like 198.19.0.1-198.19.0.64 (default: the kernel chooses)',
    )
    .addHelpText(
      'after',
      `
Only flood machines that are yours: an order for any other target than those of --allow is refused.
SIGTERM stops the load and ends the agent within 10 s; a second one ends it at once.${metricsHelp}

Example:
  STAMPEDE_REDIS_URL='rediss://agent:PASSWORD@redis.lab:6380?ca=tls/ca.crt' \\
    stampede agent --name agent-1 --cores 2-7 --allow 198.18.0.0/15 --source-addresses 198.19.0.1-198.19.0.64`,
    )
    .action(async (options: object) => {
      const flags = parseFlags('agent', agentSchema, options);
      const token = takeToken(process.env);
      await playRole(flags, ({ signal, log }) =>
        withMemberExporter({ ...flags, role: 'agent', token }, log, (watcher) =>
          runAgent({
            redisUrl: flags.redis,
            name: flags.name,
            cores: flags.cores,
            namespace: flags.namespace,
            allow: flags.allow,
            sourceAddresses: flags.sourceAddresses,
            signal,
            log,
            watcher,
          }),
        ),
      );
    });
}
