/** `npm start [-- OPTIONS]`: the main job, `stampede run scenarios/quick.yaml OPTIONS`, after set-up. */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const child = spawn(
  process.execPath,
  ['dist/cli/stampede.js', 'run', 'scenarios/quick.yaml', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
// Ctrl-C goes to the whole foreground group: the run ends itself, and we wait for it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (status, signal) => {
  process.exitCode = status ?? 128 + constants.signals[signal];
});
