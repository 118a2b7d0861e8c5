/** The project's own sources, read once for the tidy tests. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const folders = [
  'cli',
  'coordinator',
  'agent',
  'server-under-test',
  'control',
  'protocol',
  'measurement',
  'linux',
  'net',
  'simulator',
  'exporter',
  'dashboards',
  'bench',
  'test',
  'setup',
];

export interface SourceFile {
  /** From the project's folder, e.g. `coordinator/plan/plan.ts`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly imports: readonly SourceImport[];
}

export interface SourceImport {
  /** The path of a file of ours; null for a package or a part of Node. */
  readonly file: string | null;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

export function sourceFiles(): SourceFile[] {
  const paths = [...folders.flatMap(filesUnder), 'setup.mjs'].sort();
  return paths.map((path) => {
    const text = readFileSync(path, 'utf8');
    return { path, text, lines: text.split('\n'), imports: importsOf(path, text) };
  });
}

/** All files below a folder that hold code; none when there is no such folder. */
function filesUnder(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|mjs)$/.test(name) && !name.includes('fixtures'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

const statement = /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/g;
const dynamic = /(?:\bimport\(|new URL\()\s*'([^']+)'/g;

function importsOf(path: string, text: string): SourceImport[] {
  const found: SourceImport[] = [];
  for (const [, , type, specifier] of text.matchAll(statement))
    found.push({
      specifier: specifier as string,
      typeOnly: type !== undefined,
      file: fileOf(path, specifier as string),
    });
  // A module that starts another as a worker or a process knows it too, but no cycle comes of it.
  for (const [, specifier] of text.matchAll(dynamic))
    found.push({ specifier: specifier as string, typeOnly: true, file: fileOf(path, specifier as string) });
  return found;
}

function fileOf(path: string, specifier: string): string | null {
  return specifier.startsWith('.') ? normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts') : null;
}
