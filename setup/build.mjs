/** The build into `dist/`, when a source is newer than the last one. `dist` is made anew, or deleted files would live on. */

import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { runProgram, say } from './run-program.mjs';

const stamp = 'dist/.stampede-build';
/** Runs in browsers: compiled against other libraries, and with files that are no sources. */
const page = 'dashboards/page';

export function buildWhenChanged() {
  const sources = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  say('building');
  rmSync('dist', { recursive: true, force: true });
  const tsc = join('node_modules', '.bin', 'tsc');
  for (const project of ['tsconfig.json', page]) {
    if (runProgram(tsc, ['-p', project])) continue;
    throw new Error('Cannot build Stampede: tsc found mistakes in the sources; see above.');
  }
  for (const name of readdirSync(page).filter(isPageFile))
    copyFileSync(join(page, name), join('dist', page, name));
  writeFileSync(stamp, sources);
}

/** Name, size and time of every source: a deleted or an older file is a change too. */
function fingerprint() {
  const { include } = JSON.parse(readFileSync('tsconfig.json', 'utf8'));
  const files = ['tsconfig.json', 'package-lock.json', join(page, 'tsconfig.json')];
  for (const folder of [...include, page]) collect(folder, files);
  return files
    .map((file) => {
      const { size, mtimeMs } = statSync(file);
      return `${file} ${size} ${mtimeMs}`;
    })
    .join('\n');
}

function collect(folder, files) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) collect(path, files);
    else if (entry.name.endsWith('.ts') || isPageFile(entry.name)) files.push(path);
  }
}

function isPageFile(name) {
  return /\.(html|css|svg)$/.test(name);
}
