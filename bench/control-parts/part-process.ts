/** A part of a bench in a process of its own: an order goes in as JSON, what it measured comes out as JSON. */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface PartProcess<Measured> {
  readonly child: ChildProcess;
  /** What it printed, once it has ended as it should. */
  readonly measured: Promise<Measured>;
}

/** @param part a file of this folder. It dies with this process. */
export function startPart<Measured>(part: string, order: object): PartProcess<Measured> {
  const program = fileURLToPath(new URL(`./${part}.js`, import.meta.url));
  // By the kernel: a bench that is killed runs nothing at its end.
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', process.execPath, program, JSON.stringify(order)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    text += data;
  });
  const measured = new Promise<Measured>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      if (status === 0) resolve(JSON.parse(text) as Measured);
      else reject(new Error(`Cannot measure: ${part} ended with ${signal ?? `status ${status}`}`));
    });
  });
  // Of one that nobody waits for, because another part failed first.
  measured.catch(() => {});
  return { child, measured };
}
