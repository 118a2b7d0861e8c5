/**
 * Where the program k6 is: looked for in the same places by the coordinator, which plans with it, and by agents, which run
 * it. K6_BIN, then the PATH, then where Go puts what it installs, which is on nobody's PATH by itself.
 */

import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { howToGetK6, k6Variable } from '../protocol/k6.ts';

export type FoundK6 =
  | { readonly path: string; readonly missing: null }
  | { readonly path: null; readonly missing: string };

/** `missing`: what is, what is wanted, what to do; the end of a sentence. */
export function findK6(environment: Readonly<Record<string, string | undefined>> = process.env): FoundK6 {
  const named = environment[k6Variable];
  if (named !== undefined && named !== '') {
    if (isProgram(named)) return { path: named, missing: null };
    return {
      path: null,
      missing: `${k6Variable} is "${named}", which is no program; wanted the path of k6: mend it, or unset it and ${howToGetK6}`,
    };
  }
  const path = folders(environment)
    .map((folder) => join(folder, 'k6'))
    .find(isProgram);
  if (path !== undefined) return { path, missing: null };
  return { path: null, missing: `k6 is not on the PATH; wanted it there: ${howToGetK6}` };
}

function folders(environment: Readonly<Record<string, string | undefined>>): string[] {
  const { PATH = '', GOBIN = '', GOPATH = '' } = environment;
  const go = [
    GOBIN,
    ...GOPATH.split(delimiter).map((path) => path && join(path, 'bin')),
    join(homedir(), 'go', 'bin'),
  ];
  return [...PATH.split(delimiter), ...go].filter((folder) => folder !== '');
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
