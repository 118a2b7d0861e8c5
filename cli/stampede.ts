#!/usr/bin/env node
/**
 * The command line: one table of commands, and one way in which each of them ends.
 *
 * Exit status: 0 all went well and every threshold holds · 1 a threshold is broken · 2 bad input, nothing was started ·
 * 3 the run could not be completed; what was committed is kept.
 */

import { Command } from 'commander';
import { packageVersion } from '../coordinator/environment.ts';
import { catchWhatNobodyCaught, endWith, surviveClosedPipes } from './ending.ts';
import { wantsColour } from './terminal.ts';

/** Loaded when asked for: a plan needs no BullMQ, and a run no charts. */
const commands: Readonly<Record<string, () => Promise<() => Command>>> = {
  run: async () => (await import('./run.ts')).runCommand,
  plan: async () => (await import('./plan.ts')).planCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  report: async () => (await import('./report.ts')).reportCommand,
  view: async () => (await import('./view.ts')).viewCommand,
  compare: async () => (await import('./compare.ts')).compareCommand,
  simulate: async () => (await import('./simulate.ts')).simulateCommand,
  coordinator: async () => (await import('./coordinator.ts')).coordinatorCommand,
  agent: async () => (await import('./agent.ts')).agentCommand,
  server: async () => (await import('./server.ts')).serverCommand,
};

async function stampede(name: string | undefined): Promise<Command> {
  const program = new Command('stampede')
    .description(
      'Floods server designs with short TCP connections and says, with statistics, which is better.',
    )
    .version(packageVersion() ?? 'unknown', '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    // "simulate" and its subcommands have options of the same names: each is that of the command before it.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
Exit status: 0 all went well and every threshold holds; 1 a threshold is broken; 2 bad input, nothing was started;
3 the run could not be completed: what was committed is kept, and "run" on the same folder resumes it.

Example:
  stampede run scenarios/quick.yaml`,
    );
  const names = name !== undefined && Object.hasOwn(commands, name) ? [name] : Object.keys(commands);
  for (const each of names) {
    const command = await commands[each]?.();
    if (command !== undefined) program.addCommand(command());
  }
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({
      getOutHasColors: () => wantsColour(process.stdout),
      getErrHasColors: () => wantsColour(process.stderr),
    });
  }
  return program;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

catchWhatNobodyCaught();
surviveClosedPipes();
try {
  const program = await stampede(process.argv[2]);
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = endWith(error);
}
