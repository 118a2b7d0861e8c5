/**
 * Where the program k6 is: looked for in the same places by the coordinator, which plans with it, and by agents, which run
 * it. K6_BIN, then the PATH, then where Go puts what it installs, which is on nobody's PATH by itself. What is there may be
 * another program of that name: who is to run it is asked for its version first.
 */

import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../protocol/failure.ts';
import { howToGetK6, k6Variable } from '../protocol/k6-name.ts';

/** Where its configuration would be: a folder that is not there. */
const noConfiguration = '/nonexistent';
const versionMs = 5_000;

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

/** All that k6 sees of an environment: a K6_… variable, a proxy or a configuration file would make another load of it. */
export const k6Environment: Readonly<Record<string, string>> = {
  HOME: noConfiguration,
  XDG_CONFIG_HOME: noConfiguration,
  TMPDIR: tmpdir(),
  K6_NO_USAGE_REPORT: 'true',
  K6_AUTO_EXTENSION_RESOLUTION: 'false',
};

export type AskedK6 =
  /** `version`: e.g. "k6 v1.8.1 (go1.26.8, linux/amd64)". */
  | { readonly path: string; readonly version: string; readonly missing: null }
  | { readonly path: null; readonly version: null; readonly missing: string };

/** Finds it and has it say who it is. `missing` is as of `findK6`. */
export async function askK6(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<AskedK6> {
  const { path, missing } = findK6(environment);
  if (path === null) return { path, version: null, missing };
  try {
    const { stdout } = await promisify(execFile)(path, ['version'], {
      timeout: versionMs,
      env: { ...k6Environment },
    });
    const version = /^k6 v?\d\S*( \(.*\))?/.exec(stdout)?.[0];
    if (version === undefined) throw new Error(`it says "${stdout.trim().slice(0, 100)}"`);
    return { path, version: version.slice(0, 100), missing: null };
  } catch (error) {
    return {
      path: null,
      version: null,
      missing:
        `"${path} version" does not tell a version of k6: ${messageOf(error).trim().slice(0, 300)}; wanted k6 1.0 or newer: ` +
        `correct ${k6Variable} or the PATH, or ${howToGetK6}`,
    };
  }
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
