/**
 * How k6 is called: paused until it is told to begin, its lines on stdout, nothing sent to anybody but the target. Of the
 * agent's environment it sees nothing: a K6_… variable, a proxy or a configuration file would make another load of it.
 */

import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { findK6 } from '../../../control/k6-program.ts';
import { badInput, messageOf } from '../../../protocol/failure.ts';

/** Where its configuration would be: a folder that is not there. */
const noConfiguration = '/nonexistent';
const versionMs = 5_000;

export const k6Environment: Readonly<Record<string, string>> = {
  HOME: noConfiguration,
  XDG_CONFIG_HOME: noConfiguration,
  TMPDIR: tmpdir(),
  K6_NO_USAGE_REPORT: 'true',
  K6_AUTO_EXTENSION_RESOLUTION: 'false',
};

export interface K6Program {
  readonly path: string;
  /** e.g. "k6 v1.8.1 (go1.26.8, linux/amd64)". */
  readonly version: string;
}

/** @throws {Failure} (exit status 2) when it is not there, or does not say who it is. */
export async function openK6(): Promise<K6Program> {
  const { path, missing } = findK6();
  if (path === null) throw badInput(`Cannot make load by engine "k6": ${missing}`);
  try {
    const { stdout } = await promisify(execFile)(path, ['version'], {
      timeout: versionMs,
      env: { ...k6Environment },
    });
    const version = /^k6 v?\d\S*( \(.*\))?/.exec(stdout)?.[0];
    if (version === undefined) throw new Error(`it says "${stdout.trim().slice(0, 100)}"`);
    return { path, version: version.slice(0, 100) };
  } catch (error) {
    throw badInput(
      `Cannot make load by engine "k6": "${path} version" does not tell a version: ${messageOf(error).slice(0, 300)}; wanted k6 1.0 or newer`,
    );
  }
}

export interface K6Call {
  readonly path: string;
  /** Of its REST API, on 127.0.0.1. */
  readonly port: number;
  readonly sourceAddresses: readonly string[];
}

/** Program and parameters; the script comes on stdin. It dies with who starts it, however that one ends. */
export function k6Argv({ path, port, sourceAddresses }: K6Call): readonly string[] {
  return [
    ...['setpriv', '--pdeathsig', 'KILL', '--', path, 'run'],
    ...['--paused', '--quiet', '--no-color', '--no-usage-report'],
    ...['--address', `127.0.0.1:${port}`],
    ...['--log-output', 'stdout', '--log-format', 'raw'],
    ...(sourceAddresses.length === 0 ? [] : ['--local-ips', sourceAddresses.join(',')]),
    '-',
  ];
}

/** A TCP port of 127.0.0.1 that is free now, in the network namespace of the calling thread. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  return port;
}
