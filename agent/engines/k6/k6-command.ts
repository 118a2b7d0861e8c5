/**
 * How k6 is called: paused until it is told to begin, its lines on stdout, nothing sent to anybody but the target.
 */

import { createServer } from 'node:net';
import { askK6 } from '../../../control/k6-program.ts';
import { badInput } from '../../../protocol/failure.ts';

export interface K6Program {
  readonly path: string;
  /** e.g. "k6 v1.8.1 (go1.26.8, linux/amd64)". */
  readonly version: string;
}

/** @throws {Failure} (exit status 2) when it is not there, or does not say who it is. */
export async function openK6(): Promise<K6Program> {
  const { path, version, missing } = await askK6();
  if (path === null) throw badInput(`Cannot make load by engine "k6": ${missing}`);
  return { path, version };
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
