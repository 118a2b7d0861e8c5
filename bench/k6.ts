/**
 * The engine `k6` against the engine `socket`, the same server, the same core, in alternating pairs: connections a second
 * in an open loop that saturates nobody, where both must come to the same; and in a closed loop, where it shows what a
 * connection costs the load core by either.
 *
 * Bar: in the open loop, the median of the ratios is 1 ± 0.05.
 */

import { availableParallelism } from 'node:os';
import type { LoadOrder } from '../agent/load.ts';
import { findK6 } from '../control/k6-program.ts';
import { launchServer, type RunningServer } from '../server-under-test/launch.ts';
import { type BenchOptions, benchOptions, type Figure, medianOf, ratioOf, report } from './runner/figure.ts';
import { benchOrder, failuresOf, floodOnce } from './runner/flood-once.ts';

const loadCore = 0;
const ratePerSecond = 300;
const concurrency = 32;
const responseBytes = 64;
const shared = { bench: 'k6', unit: '1/s', against: 'the socket engine' } as const;

const loops = {
  open: {
    figure: `connections per second, ${ratePerSecond}/s asked for`,
    load: (seed: number) => ({ kind: 'open', ratePerSecond, maxOpen: 6 * ratePerSecond, seed }) as const,
    how: 'evenly spaced by k6, Poisson by the other',
  },
  closed: {
    figure: `connections per second, ${concurrency} at a time`,
    load: () => ({ kind: 'closed', concurrency }) as const,
    how: 'the load core is the limit',
  },
} as const;
type Loop = (typeof loops)[keyof typeof loops];

/** The other's is 1. */
interface Pair {
  readonly k6: number;
  readonly socket: number;
  readonly backend: string;
}

async function measure(server: RunningServer, loop: Loop, options: BenchOptions): Promise<Figure> {
  const seconds = options.seconds ?? (options.small ? 1 : 6);
  const pairs: Pair[] = [];
  for (let index = 0; index < (options.small ? 1 : 7); index++)
    pairs.push(await pairOf(server, loop.load(index), { seconds, k6First: index % 2 === 0 }));
  return {
    ...shared,
    figure: loop.figure,
    value: medianOf(pairs.map(({ k6 }) => k6)),
    ratio: ratioOf(pairs.map(({ k6, socket }) => k6 / socket)),
    pairs: pairs.length,
    note: `${pairs[0]?.backend}; ${loop.how}; ${seconds} s each${options.small ? '; too short for a claim' : ''}`,
  };
}

async function pairOf(
  server: RunningServer,
  load: LoadOrder['load'],
  { seconds, k6First }: { readonly seconds: number; readonly k6First: boolean },
): Promise<Pair> {
  const perSecond = { k6: 0, socket: 0 };
  let backend = '';
  for (const engine of k6First ? (['k6', 'socket'] as const) : (['socket', 'k6'] as const)) {
    const flooded = await floodOnce(
      benchOrder({
        ...{ engine, cores: [loadCore], application: 'http', responseBytes, close: 'server-fin', load },
        target: { addresses: ['127.0.0.1'], port: server.port },
        warmUpSeconds: 0.5,
        measuredSeconds: seconds,
      }),
    );
    const failures = failuresOf(flooded.result);
    if (failures !== '') throw new Error(`Cannot compare with failures: ${failures}`);
    perSecond[engine] = flooded.result.completedMeanwhile / flooded.result.measuredSeconds;
    if (engine === 'k6') ({ backend } = flooded);
  }
  return { ...perSecond, backend };
}

async function measureAll(options: BenchOptions): Promise<void> {
  const { missing } = findK6();
  if (missing !== null) {
    for (const { figure } of Object.values(loops))
      report({ ...shared, figure, value: null, ratio: null, pairs: 0, note: missing }, options);
    return;
  }
  const server = await launchServer({
    ...{
      variant: 'reuseport',
      application: 'http',
      messages: 1,
      requestBytes: 64,
      responseBytes,
      close: 'server-fin',
    },
    ...{ cores: [availableParallelism() > 1 ? 1 : 0], namespace: null, addresses: ['127.0.0.1'], port: 0 },
    readyMs: 10_000,
  });
  try {
    for (const loop of Object.values(loops)) report(await measure(server, loop, options), options);
  } finally {
    await server.kill();
  }
}

await measureAll(benchOptions());
