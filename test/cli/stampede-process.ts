/** Stampede as a person or a script meets it: a process, its two outputs, its exit status. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export const stampedePath = fileURLToPath(new URL('../../cli/stampede.js', import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Settles when stderr has said this. */
  said(pattern: RegExp): Promise<void>;
}

export function startStampede(
  parameters: readonly string[],
  environment: Record<string, string> = {},
): Started {
  const began = performance.now();
  const child = spawn(process.execPath, [stampedePath, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const look of waiting) look();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (status, signal) =>
      resolve({ status, signal, stdout, stderr, seconds: (performance.now() - began) / 1000 }),
    );
  });
  const said = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(stderr)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`it ended without saying ${pattern}: ${stderr}`)));
    });
  return { child, ended, said };
}

export async function stampede(...parameters: string[]): Promise<Ended> {
  return await startStampede(parameters).ended;
}

/** A folder of the test's own. */
export async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stampede-cli-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  return folder;
}

/** A scenario that takes a second a trial; what is given comes on top. */
export async function scenarioFile(folder: string, more: Record<string, unknown> = {}): Promise<string> {
  const path = join(folder, 'small.yaml');
  const scenario = {
    name: 'small',
    lab: 'loopback',
    factors: { variant: ['single-queue', 'reuseport'], concurrency: 8 },
    warmUpSeconds: 0.1,
    measuredSeconds: 0.3,
    blocks: 2,
    agents: { sourceAddresses: 8 },
    ...more,
  };
  await writeFile(path, JSON.stringify(scenario, null, 2));
  return path;
}
