/**
 * The socket engine against wrk: connections a second, one connection a request ("Connection: close"), the same nginx,
 * the same cores, in alternating pairs. wrk looks at no content; the engine checks every byte of every answer.
 *
 * Bar: the median of the ratios is 1.1 or more.
 */

import { execFile, execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { launchServer, type RunningServer } from '../server-under-test/launch.ts';
import { type BenchOptions, benchOptions, type Figure, medianOf, ratioOf, report } from './runner/figure.ts';
import { benchOrder, failuresOf, floodOnce } from './runner/flood-once.ts';

const concurrency = 64;
const responseBytes = 64;
const loadCore = 0;
const shared = { bench: 'socket', figure: 'connections per second', unit: '1/s' } as const;

async function measure(options: BenchOptions): Promise<Figure> {
  const wrk = wrkVersion();
  if (wrk === null)
    return {
      ...shared,
      value: null,
      against: 'wrk',
      ratio: null,
      pairs: 0,
      note: 'wrk is not installed: "apt-get install wrk"',
    };
  const seconds = options.seconds ?? (options.small ? 1 : 4);
  const pairs = options.small ? 1 : 7;
  const serverCore = availableParallelism() > 1 ? 1 : 0;
  const server = await launchServer({
    variant: 'nginx-reuseport',
    application: 'http',
    messages: 1,
    requestBytes: 1,
    responseBytes,
    close: 'server-fin',
    cores: [serverCore],
    namespace: null,
    addresses: ['127.0.0.1'],
    port: 0,
    readyMs: 10_000,
  });
  const ours: number[] = [];
  const theirs: number[] = [];
  let backend = '';
  const floodOurs = async (): Promise<void> => {
    const measured = await oursOnce(server, seconds);
    backend = measured.backend;
    ours.push(measured.perSecond);
  };
  const floodTheirs = async (): Promise<void> => {
    theirs.push(await wrkOnce(server, seconds));
  };
  try {
    for (let pair = 0; pair < pairs; pair++) {
      // Who goes first alternates too: the first of a pair may leave its connections in TIME_WAIT to the second.
      const turns = pair % 2 === 0 ? [floodOurs, floodTheirs] : [floodTheirs, floodOurs];
      for (const turn of turns) await turn();
    }
  } finally {
    await server.kill();
  }
  return {
    ...shared,
    value: medianOf(ours),
    against: wrk,
    ratio: ratioOf(ours.map((value, index) => value / theirs[index])),
    pairs,
    note: `${backend}; nginx on core ${serverCore}, load on core ${loadCore}, ${concurrency} at a time, ${seconds} s each${options.small ? '; too short for a claim' : ''}`,
  };
}

async function oursOnce(
  server: RunningServer,
  seconds: number,
): Promise<{ backend: string; perSecond: number }> {
  const { backend, result } = await floodOnce(
    benchOrder({
      cores: [loadCore],
      target: { addresses: ['127.0.0.1'], port: server.port },
      application: 'http',
      requestBytes: 1,
      responseBytes,
      close: 'server-fin',
      load: { kind: 'closed', concurrency },
      // The engine's code is compiled as it runs; wrk's is not.
      warmUpSeconds: 0.5,
      measuredSeconds: seconds,
    }),
  );
  const failures = failuresOf(result);
  if (failures !== '') throw new Error(`Cannot compare with failures: ${failures}`);
  return { backend, perSecond: result.counts.completed / result.measuredSeconds };
}

async function wrkOnce(server: RunningServer, seconds: number): Promise<number> {
  const { stdout } = await promisify(execFile)('taskset', [
    ...['-c', String(loadCore), 'wrk', '-t1', `-c${concurrency}`, `-d${Math.ceil(seconds)}s`],
    ...['-H', 'Connection: close', `http://127.0.0.1:${server.port}/${responseBytes}`],
  ]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  if (!(perSecond > 0) || /Socket errors|Non-2xx/.test(stdout))
    throw new Error(`Cannot compare with what wrk says: ${stdout}`);
  return perSecond;
}

function wrkVersion(): string | null {
  try {
    // It prints its version, then its usage, and fails.
    execFileSync('wrk', ['--version'], { stdio: 'pipe' });
    return 'wrk';
  } catch (thrown) {
    const { stdout } = thrown as { stdout?: Buffer };
    return stdout === undefined || stdout === null
      ? null
      : `wrk ${/^wrk \S*?([\d.]+)/.exec(stdout.toString())?.[1] ?? ''}`.trim();
  }
}

const options = benchOptions();
report(await measure(options), options);
