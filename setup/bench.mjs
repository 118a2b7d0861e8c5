/** `npm run bench -- NAME [--json] [--small]`: one bench of `bench/`, after set-up. Without a name: which there are. */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const names = readdirSync('bench')
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();
const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  process.stderr.write(
    `Cannot run the bench "${name ?? ''}": there is none; wanted one of ${names.join(', ')}, e.g. npm run bench -- ${names[0]}.\n`,
  );
  process.exit(2);
}
const { status } = spawnSync(process.execPath, ['--expose-gc', `dist/bench/${name}.js`, ...rest], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
