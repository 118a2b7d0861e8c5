/** `stampede agent` and `stampede server` as processes of their own, for tests: the commands, and nothing around them. */

import { Command } from 'commander';
import { agentCommand } from '../../cli/agent.ts';
import { endWith } from '../../cli/ending.ts';
import { serverCommand } from '../../cli/server.ts';

const program = new Command('stampede').addCommand(agentCommand()).addCommand(serverCommand());
for (const command of [program, ...program.commands]) command.exitOverride();
try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = endWith(error);
}
