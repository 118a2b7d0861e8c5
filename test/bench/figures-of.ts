/** A bench as its users run it, but small, so that it cannot rot: its figures in their fixed form. They prove nothing. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Figure } from '../../bench/runner/figure.ts';

/** @param bench a file of bench/. */
export async function figuresOf(bench: string, ...options: readonly string[]): Promise<readonly Figure[]> {
  const program = fileURLToPath(new URL(`../../bench/${bench}.js`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--small', '--json', ...options]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Figure);
}
