/**
 * Set-up, by itself, on Debian 12 with Node and nothing else: `node setup.mjs [--tests | --without-programs]`. Plain Node,
 * no dependencies. Without programs: packages and build alone, as in an image, whose programs are its Dockerfile's.
 *
 * Each step is skipped when its stamp says that nothing it depends on has changed, so the second time costs next to
 * nothing. Programs come from Debian when root; for anybody else it stops with the one command to run (exit status 2).
 * It starts no daemons, and changes nothing of the machine but installed packages.
 */

import { fileURLToPath } from 'node:url';
import { buildWhenChanged } from './setup/build.mjs';
import { installNodePackages } from './setup/node-packages.mjs';
import { installPrograms } from './setup/programs.mjs';

const forTests = process.argv.includes('--tests');
process.chdir(fileURLToPath(new URL('.', import.meta.url)));

try {
  checkNode();
  if (!process.argv.includes('--without-programs')) installPrograms({ forTests });
  installNodePackages();
  buildWhenChanged();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(
    `Cannot set up Stampede: Node is ${process.version}; wanted 20.19 or newer. Install it from nodejs.org or your distribution.`,
  );
}
