/** Running the programs that set-up needs, with their output on stderr: stdout belongs to the command that follows. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A plain user's PATH often lacks the folders that Debian puts servers in. */
export const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** Whether a program is installed, on the PATH or in a system folder. */
export function isInstalled(program) {
  return [...(process.env.PATH ?? '').split(delimiter), ...systemFolders].some((folder) => {
    if (folder === '') return false;
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs it to its end; true when it ended with 0. */
export function runProgram(program, parameters, environment = {}) {
  const { status, error } = spawnSync(program, parameters, {
    stdio: ['ignore', 2, 2],
    env: {
      ...process.env,
      PATH: [process.env.PATH ?? '', ...systemFolders].join(delimiter),
      ...environment,
    },
  });
  if (error !== undefined) process.stderr.write(`${program}: ${error.message}\n`);
  return status === 0;
}

export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}
