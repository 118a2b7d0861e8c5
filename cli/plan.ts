/** `stampede plan`: what would run, how long, on which cores, and whether this machine can. Starts nothing. */

import { Command } from 'commander';
import { readMachineFor } from '../coordinator/plan/machine-for-scenario.ts';
import { type Plan, planRun, trialOverheadSeconds } from '../coordinator/plan/plan.ts';
import type { FactorName } from '../protocol/cell.ts';
import { ExitStatus } from '../protocol/failure.ts';
import type { Scenario } from '../protocol/scenario.ts';
import { labOption, readScenario, type ScenarioOptions, scenarioOptions } from './scenario-argument.ts';
import { columns, duration, plural, styleOf } from './terminal.ts';

/** More cells than this are told by their factors alone. */
const listedCells = 24;

export function planCommand(): Command {
  return labOption(scenarioOptions(new Command('plan')))
    .description('Print what a scenario would run, how long it would take, and what this machine cannot do.')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit status 2 when the plan is impossible here; each reason says what to do about it.

Example:
  stampede plan scenarios/quick.yaml --set cores=1,2`,
    )
    .action(async (path: string, options: ScenarioOptions & { json?: boolean }) => {
      const { scenario } = await readScenario(path, options);
      const plan = planRun(scenario, await readMachineFor(scenario));
      process.stdout.write(
        options.json === true ? `${planJson(scenario, plan)}\n` : planText(scenario, plan),
      );
      if (plan.problems.length > 0) {
        if (options.json !== true) {
          const { red } = styleOf(process.stderr);
          process.stderr.write(`${plan.problems.map(red).join('\n')}\n`);
        }
        process.exitCode = ExitStatus.badInput;
      }
    });
}

function planJson(scenario: Scenario, plan: Plan): string {
  return JSON.stringify({
    schema: 'stampede.plan/1',
    scenario: scenario.name,
    possible: plan.problems.length === 0,
    problems: plan.problems,
    warnings: plan.warnings,
    lab: plan.lab,
    blocks: scenario.blocks,
    estimatedSeconds: plan.estimatedSeconds,
    loadCores: plan.loadCores,
    cells: plan.cells,
    trials: plan.trials.map(({ trial, block, cellId, seed }) => ({ trial, block, cell: cellId, seed })),
  });
}

function planText(scenario: Scenario, plan: Plan): string {
  const { bold, yellow, dim } = styleOf(process.stdout);
  const each = scenario.warmUpSeconds + scenario.measuredSeconds + trialOverheadSeconds;
  const facts = [
    ['lab', plan.lab],
    ['cells', `${plan.cells.length}: ${factorWords(scenario)}`],
    [
      'trials',
      `${plan.trials.length.toLocaleString('en-US')} in ${plural(scenario.blocks, 'block')}, order seeded by ${scenario.seed}`,
    ],
    [
      'duration',
      `about ${duration(plan.estimatedSeconds)}: ${scenario.warmUpSeconds} s warm-up, ${scenario.measuredSeconds} s measured, ${(each - scenario.warmUpSeconds - scenario.measuredSeconds).toFixed(1)} s around, a trial`,
    ],
    ['load', coresWords(plan.loadCores, `${plural(scenario.agents.count, 'agent')}`)],
    ...portLines(plan),
  ];
  const lines = [
    bold(`${scenario.name}${scenario.question === undefined ? '' : `: ${scenario.question}`}`),
    columns(facts),
  ];
  if (plan.cells.length <= listedCells) {
    lines.push('', dim('cell  server cores  what'), ...plan.cells.map(cellLine));
  }
  if (plan.warnings.length > 0) lines.push('', ...plan.warnings.map((text) => yellow(`! ${text}`)));
  return `${lines.join('\n')}\n`;
}

function cellLine({ id, cell, serverCores }: Plan['cells'][number]): string {
  const load = cell.rate === null ? `${cell.concurrency} at a time` : `${cell.rate}/s`;
  return [
    id.padEnd(4),
    (serverCores.join(',') || 'its own').padEnd(12),
    `${cell.variant}, ${load}, ${plural(cell.messages, 'message')} of ${cell.requestBytes} → ${cell.responseBytes} bytes, ${cell.close}`,
  ].join('  ');
}

function factorWords(scenario: Scenario): string {
  const varying = (Object.entries(scenario.factors) as [FactorName, readonly unknown[] | undefined][]).filter(
    ([, levels]) => (levels?.length ?? 0) > 1,
  );
  return varying.length === 0
    ? `one level of every factor (${scenario.factors.variant[0]})`
    : varying.map(([name, levels]) => `${name} (${levels?.join(', ')})`).join(' × ');
}

function coresWords(cores: readonly number[], who: string): string {
  return cores.length === 0
    ? `${who}, on cores of their own`
    : `${who} on core${cores.length === 1 ? '' : 's'} ${cores.join(', ')}`;
}

/** The proof, once for every sentence that differs; what fails is among the problems or the warnings. */
function portLines(plan: Plan): string[][] {
  const proofs = new Set(
    plan.cells.flatMap(({ ports }) => (ports?.verdict === 'enough' ? [ports.says] : [])),
  );
  return [...proofs].slice(0, 8).map((proof, index) => [index === 0 ? 'ports' : '', proof]);
}
