/** What the coordinator's tests share: a scenario, a scratch folder, a run in this process or in one of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runScenario } from '../../coordinator/coordinator.ts';
import type { Progress, RunOutcome } from '../../coordinator/run-options.ts';
import type { RunWatcher } from '../../coordinator/watchers.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { scenarioSchema } from '../../protocol/scenario.ts';
import type { TrialRecord } from '../../protocol/trial-record.ts';

const scriptedMember = fileURLToPath(new URL('./scripted-member.js', import.meta.url));
const coordinatorProcess = fileURLToPath(new URL('./coordinator-process.js', import.meta.url));
export const memberCommand = [process.execPath, scriptedMember];

/** Two variants, two blocks, 0.3 s a trial. */
export function smallScenario(changes: object = {}) {
  return {
    name: 'small',
    lab: 'loopback',
    factors: { variant: ['single-queue', 'reuseport'], concurrency: 4 },
    warmUpSeconds: 0.1,
    measuredSeconds: 0.2,
    blocks: 2,
    ...changes,
  };
}

export class Scratch {
  readonly path: string;
  readonly folder: ReturnType<typeof runFolder>;
  readonly script: string;

  private constructor(path: string) {
    this.path = path;
    this.folder = runFolder(join(path, 'run'));
    this.script = join(path, 'script');
  }

  static async make(): Promise<Scratch> {
    const scratch = new Scratch(await mkdtemp(join(tmpdir(), 'stampede-test-')));
    await writeFile(join(scratch.path, '.keep'), '');
    const { mkdir } = await import('node:fs/promises');
    await mkdir(scratch.script);
    process.env.STAMPEDE_TEST_SCRIPT = scratch.script;
    return scratch;
  }

  /** The next order that finds it does it: see scripted-member.ts. */
  async order(...faults: string[]): Promise<void> {
    for (const fault of faults) await writeFile(join(this.script, fault), '');
  }

  async trials(): Promise<TrialRecord[]> {
    return (await lines(this.folder.trials)) as TrialRecord[];
  }

  async attempts(): Promise<{ trial: string; attempt: number; reason: string; samples: unknown[] }[]> {
    return (await lines(this.folder.attempts)) as never;
  }

  async events(): Promise<{ event: string; [key: string]: unknown }[]> {
    return (await lines(this.folder.events)) as never;
  }

  async run(): Promise<{ state: string; incarnation: number; coverage: Coverage; [key: string]: unknown }> {
    return JSON.parse(await readFile(this.folder.run, 'utf8'));
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

interface Coverage {
  readonly messages: number;
  readonly lost: number;
  readonly refused: Record<string, number>;
  readonly quarantined: string[];
}

async function lines(path: string): Promise<unknown[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

export interface RunHere {
  readonly redisUrl?: string;
  readonly signal?: AbortSignal;
  readonly memberCommand?: readonly string[];
  readonly onProgress?: (progress: Progress) => void;
  readonly watchers?: readonly RunWatcher[];
}

export async function runHere(
  scratch: Scratch,
  scenario: object,
  options: RunHere = {},
): Promise<RunOutcome> {
  return runScenario({
    scenario: scenarioSchema.parse(scenario),
    scenarioText: JSON.stringify(scenario),
    folder: scratch.folder,
    redisUrl: options.redisUrl ?? null,
    memberCommand: options.memberCommand ?? memberCommand,
    signal: options.signal ?? new AbortController().signal,
    onProgress: options.onProgress ?? (() => {}),
    watchers: options.watchers ?? [],
  });
}

export interface Step {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** A coordinator in a process of its own. */
export class RunElsewhere {
  readonly child: ChildProcess;
  readonly steps: Step[] = [];
  readonly ended: Promise<void>;
  #waiters: (() => void)[] = [];

  constructor(scratch: Scratch, scenario: object, redisUrl: string | null = null, prefix: string[] = []) {
    const order = JSON.stringify({ scenario, folder: scratch.folder.path, redisUrl, memberCommand });
    const [program, ...rest] = [...prefix, process.execPath, coordinatorProcess, order];
    this.child = spawn(program as string, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    const stdout = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    stdout.on('line', (line) => {
      this.steps.push(JSON.parse(line) as Step);
      for (const wake of this.#waiters.splice(0)) wake();
    });
    this.ended = new Promise((resolve) =>
      this.child.once('close', () => {
        resolve();
        for (const wake of this.#waiters.splice(0)) wake();
      }),
    );
  }

  /** The first step that fits; null when the process ended without one. */
  async until(fits: (step: Step) => boolean): Promise<Step | null> {
    for (;;) {
      const found = this.steps.find(fits);
      if (found !== undefined) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.ended;
        return this.steps.find(fits) ?? null;
      }
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  outcome(): Promise<Step | null> {
    return this.until(({ kind }) => kind === 'outcome' || kind === 'thrown');
  }
}

/** Processes (not threads) whose command line holds `text`. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const status = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    if (line.includes(text) && !/\) Z /.test(status)) found.push(Number(entry));
  }
  return found;
}

/** Folders of private Redis servers that this process, or `pid`, left behind. */
export async function redisFolders(pid = process.pid): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith(`stampede-redis-${pid}-`));
}
