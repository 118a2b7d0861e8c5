/** The scenario as every command takes it: a file, and what is changed of it on the command line. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { labKinds } from '../protocol/scenario.ts';
import {
  type LoadedScenario,
  overrideScenario,
  parseScenario,
  readScenarioText,
} from '../protocol/scenario-file.ts';

export interface ScenarioOptions {
  readonly blocks?: number;
  readonly set?: readonly string[];
  readonly lab?: string;
}

/** Those that every command has which takes a scenario. */
export function scenarioOptions(command: Command): Command {
  return command
    .argument('<SCENARIO>', 'a scenario file (YAML)')
    .option('--blocks <N>', 'randomised passes over the cells, instead of those of the scenario', wholeNumber)
    .option(
      '--set <FACTOR=LEVELS>',
      'levels of a factor, instead of those of the scenario; repeatable',
      collected,
    );
}

/** Where the command leaves that to be chosen: a coordinator's is the cluster. */
export function labOption(command: Command): Command {
  return command.addOption(
    new Option('--lab <KIND>', 'where load and server meet, instead of that of the scenario').choices(
      labKinds,
    ),
  );
}

/** The scenario with the changes written into its text. @throws {Failure} exit status 2. */
export async function readScenario(path: string, options: ScenarioOptions): Promise<LoadedScenario> {
  const written = await readScenarioText(path);
  const text = overrideScenario(written, options);
  return {
    scenario: parseScenario(text, text === written ? path : `${path} (as changed by the options)`),
    text,
  };
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number.');
  return Number(text);
}

function collected(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text];
}
