/**
 * The packet engine, on AF_XDP over a veth pair between two network namespaces, one core each side. The same work is asked
 * of all: an HTTP request a connection, the server closes. Pairs alternate, who goes first too.
 *
 * Bars: against the user-level server 180,000 connections a second, and 6 times what wrk makes against `reuseport`;
 * against `reuseport` a quarter of wrk's CPU a connection, all that the load core does counted.
 */

import { execFileSync } from 'node:child_process';
import { messageOf } from '../protocol/failure.ts';
import { Arena, loadCore, serverCore, type Turn, userLevel } from './packet-parts/arena.ts';
import { collections } from './packet-parts/collections.ts';
import { type BenchOptions, benchOptions, type Figure, medianOf, ratioOf, report } from './runner/figure.ts';

const wantedPerSecond = 180_000;
const kernel = 'reuseport';
/** In flight: enough for both cores to have work while the other's packets are under way. */
const concurrency = { packet: 512, wrk: 64 } as const;

interface Pair {
  readonly overUserLevel: Turn;
  readonly overKernel: Turn;
  readonly wrk: Turn;
}

async function measure(arena: Arena, options: BenchOptions): Promise<Figure[]> {
  const seconds = options.seconds ?? (options.small ? 1 : 4);
  const count = options.small ? 1 : 7;
  const pairs: Pair[] = [];
  for (let index = 0; index < count; index++) pairs.push(await measurePair(arena, seconds, index % 2 === 1));
  const [{ overUserLevel, overKernel }] = pairs;
  const where = `server on core ${serverCore}, load on core ${loadCore}, ${seconds} s each${options.small ? '; too short for a claim' : ''}`;
  const each = (of: (pair: Pair) => number): number[] => pairs.map(of);
  const shared = { bench: 'packet', pairs: count } as const;
  const fast = each((pair) => pair.overUserLevel.perSecond);
  const cheap = each((pair) => pair.overKernel.microsecondsEach);
  return [
    {
      ...shared,
      figure: `connections per second, ${userLevel}`,
      value: medianOf(fast),
      unit: '1/s',
      against: `the ${wantedPerSecond} it should make`,
      ratio: ratioOf(fast.map((value) => value / wantedPerSecond)),
      note: `${overUserLevel.backend}; ${concurrency.packet} at a time, ${where}`,
    },
    {
      ...shared,
      figure: `connections per second, ${userLevel}`,
      value: medianOf(fast),
      unit: '1/s',
      against: `wrk, ${kernel}`,
      ratio: ratioOf(each((pair) => pair.overUserLevel.perSecond / pair.wrk.perSecond)),
      note: `wrk ${Math.round(medianOf(each(({ wrk }) => wrk.perSecond)))}/s, ${concurrency.wrk} at a time; ${where}`,
    },
    {
      ...shared,
      figure: `CPU of the load core a connection, ${kernel}`,
      value: medianOf(cheap),
      unit: 'µs',
      against: `wrk, ${kernel}`,
      ratio: ratioOf(each((pair) => pair.overKernel.microsecondsEach / pair.wrk.microsecondsEach)),
      note:
        `at ${Math.round(medianOf(each((pair) => pair.overKernel.perSecond)))}/s, ${overKernel.backend}; ` +
        `wrk ${medianOf(each(({ wrk }) => wrk.microsecondsEach)).toFixed(1)} µs at ${Math.round(medianOf(each(({ wrk }) => wrk.perSecond)))}/s`,
    },
  ];
}

async function measurePair(arena: Arena, seconds: number, wrkFirst: boolean): Promise<Pair> {
  const theirs = wrkFirst ? await arena.wrk(kernel, concurrency.wrk, seconds) : null;
  const overUserLevel = await arena.flood(userLevel, concurrency.packet, seconds);
  const overKernel = await arena.flood(kernel, concurrency.packet, seconds);
  return { overUserLevel, overKernel, wrk: theirs ?? (await arena.wrk(kernel, concurrency.wrk, seconds)) };
}

async function measureCollections(arena: Arena, options: BenchOptions): Promise<Figure[]> {
  const seconds = options.small ? 1 : 10;
  const warmUpSeconds = options.small ? 0.5 : 4;
  await arena.place(userLevel, 'packet');
  const { load, server, flood } = await collections(arena.spec(userLevel), (port) =>
    arena.order(port, {
      load: { kind: 'closed', concurrency: concurrency.packet },
      warmUpSeconds,
      measuredSeconds: seconds,
    }),
  );
  if (flood.failures !== '') throw new Error(`Cannot measure with failures: ${flood.failures}`);
  const shared = { bench: 'packet', unit: '', against: null, ratio: null, pairs: 0 } as const;
  const note = `at ${Math.round(flood.perSecond)} connections/s, after ${warmUpSeconds} s of warm-up`;
  return [
    { ...shared, figure: `collections of garbage in ${seconds} s, load`, value: load, note },
    { ...shared, figure: `collections of garbage in ${seconds} s, server`, value: server, note },
  ];
}

function missing(why: string): Figure {
  const shared = { bench: 'packet', unit: '1/s', against: 'wrk', ratio: null, pairs: 0 } as const;
  return { ...shared, figure: `connections per second, ${userLevel}`, value: null, note: why };
}

function wrkIsMissing(): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v wrk'], { stdio: 'pipe' });
    return false;
  } catch {
    return true;
  }
}

const options = benchOptions();
if (wrkIsMissing()) report(missing('wrk is not installed: "apt-get install wrk"'), options);
else {
  const arena = await Arena.open().catch((error: unknown) => messageOf(error));
  if (typeof arena === 'string') report(missing(arena), options);
  else {
    try {
      for (const figure of await measure(arena, options)) report(figure, options);
      for (const figure of await measureCollections(arena, options)) report(figure, options);
    } finally {
      await arena.close();
    }
  }
}
