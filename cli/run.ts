/**
 * `stampede run`: the main job. A scenario goes in; a run folder, a table and an exit status come out.
 *
 * Ctrl-C (or SIGTERM) once ends the run cleanly and keeps what was committed; a second time ends at once, and what the
 * run started ends with it: every child asked the kernel for that.
 */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { parseRedisUrl } from '../control/redis-url.ts';
import type { RunOutcome } from '../coordinator/run-options.ts';
import type { RunWatcher } from '../coordinator/watchers.ts';
import { type ListenAddress, takeToken } from '../protocol/access.ts';
import { ExitStatus } from '../protocol/failure.ts';
import { type RunFolder, runFolder } from '../protocol/run-folder.ts';
import type { LoadedScenario } from '../protocol/scenario-file.ts';
import { markRunUnderWay } from './ending.ts';
import { metricsAddress, metricsHelp, withMetricsBesideScenario } from './metrics-option.ts';
import { openOutFolder } from './out-folder.ts';
import { openPage, type PageChoice, pageOptions } from './page-option.ts';
import { progressDisplay } from './progress.ts';
import type { RunExporter } from './run-exporter.ts';
import { labOption, readScenario, type ScenarioOptions, scenarioOptions } from './scenario-argument.ts';
import { wantsColour } from './terminal.ts';

export interface RunCommandOptions extends ScenarioOptions, PageChoice {
  readonly out?: string;
  readonly redis?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly metrics?: ListenAddress | true;
}

export function runCommand(): Command {
  return pageOptions(withMetricsBesideScenario(labOption(scenarioOptions(new Command('run')))))
    .description('Run a scenario: flood every variant in randomised blocks, judge, report.')
    .option(
      '--out <DIR>',
      'the run folder; that of an interrupted run is resumed (default: runs/NAME-DATE-TIME)',
    )
    .option('--redis <URL>', 'use this Redis (redis://, rediss://, unix://) instead of a private one')
    .option('--json', 'print the outcome and the comparison as JSON')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      `
The password of a Redis can stand in STAMPEDE_REDIS_URL instead of --redis, where other users cannot read it.${metricsHelp}

Examples:
  stampede run scenarios/quick.yaml
  stampede run scenarios/quick.yaml --blocks 3 --set variant=single-queue,reuseport:cpu --out runs/mine`,
    )
    .action(async (path: string, options: RunCommandOptions) => {
      process.exitCode = await runAndTell(path, options);
    });
}

export async function runAndTell(path: string, options: RunCommandOptions): Promise<ExitStatus> {
  const token = takeToken(process.env);
  const listen = metricsAddress(options.metrics);
  const loaded = await readScenario(path, options);
  const redisUrl = options.redis ?? process.env.STAMPEDE_REDIS_URL ?? null;
  if (redisUrl !== null) parseRedisUrl(redisUrl);
  const exporter =
    listen === null ? null : await (await import('./run-exporter.ts')).RunExporter.open(listen, token);
  try {
    return await runWatched(loaded, redisUrl, options, { exporter, token });
  } finally {
    await exporter?.close();
  }
}

async function runWatched(
  { scenario, text }: LoadedScenario,
  redisUrl: string | null,
  options: RunCommandOptions,
  { exporter, token }: { readonly exporter: RunExporter | null; readonly token: string | null },
): Promise<ExitStatus> {
  const out = await openOutFolder(options.out ?? join('runs', `${scenario.name}-${timeStamp(new Date())}`));
  const folder = runFolder(out.path);
  // The coordinator brings BullMQ with it: only who runs waits for that.
  const { runScenario } = await import('../coordinator/coordinator.ts');
  const display = progressDisplay(process.stderr, options.quiet === true, {
    isOwnRedis: redisUrl === null,
    areOwnMembers: scenario.lab !== 'cluster',
  });
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const page = await openPage(options, { folder, token, say }).catch(async (error: unknown) => {
    await out.remove();
    throw error;
  });
  const interrupt = endOnSignals(display.say);
  markRunUnderWay();
  try {
    const outcome = await runScenario({
      scenario,
      scenarioText: text,
      folder,
      redisUrl,
      memberCommand: [
        process.execPath,
        ...process.execArgv,
        fileURLToPath(new URL('./stampede.js', import.meta.url)),
      ],
      signal: interrupt.signal,
      onProgress: display.show,
      watchers: [
        ...(exporter === null ? [] : [onceOpened(() => display.say(`metrics: ${exporter.url}`))]),
        ...(exporter?.watchers ?? []),
        ...(page === null ? [] : [onceOpened(() => say(page.where)), page.watcher]),
      ],
    });
    display.end();
    await tell(outcome, folder, options);
    interrupt.forget();
    await exporter?.untilRead(display.say);
    return statusOf(outcome);
  } finally {
    display.end();
    await page?.close();
    await out.remove();
    interrupt.forget();
  }
}

/** A run that is refused has nothing to be watched. */
function onceOpened(tell: () => void): RunWatcher {
  return { see: ({ kind }) => (kind === 'opened' ? tell() : undefined) };
}

/** Scripts read this. */
export function statusOf(outcome: Pick<RunOutcome, 'state' | 'comparison'>): ExitStatus {
  if (outcome.state !== 'complete') return ExitStatus.runIncomplete;
  const broken = outcome.comparison?.thresholds.some((threshold) => !threshold.holds) ?? false;
  return broken ? ExitStatus.thresholdBroken : ExitStatus.ok;
}

async function tell(outcome: RunOutcome, folder: RunFolder, options: RunCommandOptions): Promise<void> {
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ folder: folder.path, ...outcome })}\n`);
    return;
  }
  if (outcome.comparison !== null) {
    const { comparisonTable } = await import('../coordinator/report/table.ts');
    const { limitAdvice } = await import('../coordinator/report/limit-advice.ts');
    const { readTrials } = await import('../coordinator/report/read-run.ts');
    const advice = limitAdvice(await readTrials(folder));
    process.stdout.write(
      `${comparisonTable(outcome.comparison, { colour: wantsColour(process.stdout), width: process.stdout.columns || 120 })}\n`,
    );
    if (advice !== null) process.stdout.write(`\n${advice}\n`);
    process.stdout.write(`\nreport: ${folder.reportHtml}\n`);
    const { modelLines } = await import('../coordinator/report/model-words.ts');
    const lines = modelLines(outcome.comparison);
    if (lines.length > 0) process.stdout.write(`\n${lines.join('\n')}\n`);
  }
  if (outcome.state !== 'complete') {
    process.stderr.write(
      `The run is ${outcome.state}: ${outcome.reason ?? 'no reason was given'}; ${outcome.committed} of ` +
        `${outcome.planned} trials are committed and kept. To resume: stampede run ${quoted(folder.scenario)} --out ${quoted(folder.path)}\n`,
    );
  }
}

interface Interrupt {
  readonly signal: AbortSignal;
  forget(): void;
}

function endOnSignals(say: (text: string) => void): Interrupt {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(ExitStatus.runIncomplete);
    say(`${name}: ending the run, what was committed is kept; once more to end at once`);
    controller.abort(name);
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    forget: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** As a shell takes it back in one piece. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Local time, to the second: 20261121-063412. */
export function timeStamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}
