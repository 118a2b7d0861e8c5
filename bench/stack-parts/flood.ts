/**
 * A process of its own that makes short connections over a link in memory, after a warm-up, and tells how many a second
 * and what the garbage collector did meanwhile. Arguments: seconds, then `checksums` if they are to be made and looked at,
 * then the parts that are switched off.
 */

import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Parts } from '../../net/tcp/settings.ts';
import { ShortConnections } from './short-connections.ts';

export interface StackFlood {
  readonly perSecond: number;
  readonly connections: number;
  /** By the garbage collector, of any kind, in the measured time. */
  readonly collections: number;
}

const concurrency = 256;
/** Connections until all that is hot has been compiled for good; a short run proves nothing anyway. */
const warmUp = { long: 400_000, short: 20_000 } as const;
/** The clock is looked at this often. */
const stretches = { long: 10_000, short: 1_000 } as const;

const [seconds, ...words] = process.argv.slice(2);
const checksums = words[0] === 'checksums';
const off = checksums ? words.slice(1) : words;
const parts: Partial<Parts> = Object.fromEntries(off.map((part) => [part, false]));
const flood = new ShortConnections({
  ...{ concurrency, parts, checksums },
  nowUs: () => performance.now() * 1000,
});
const collections: PerformanceEntry[] = [];
new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ['gc'] });

const length = Number(seconds) < 1 ? 'short' : 'long';
flood.run(warmUp[length]);
const before = flood.completed;
const startMs = performance.now();
const endMs = startMs + Number(seconds) * 1000;
while (performance.now() < endMs) flood.run(stretches[length]);
const tookMs = performance.now() - startMs;
const connections = flood.completed - before;
if (flood.failed > 0)
  throw new Error(`Cannot measure with failures: ${flood.failed} of ${flood.completed} connections`);
// What the collector did is told by an event, once the loop gets its turn.
await sleep(50);
const measured: StackFlood = {
  perSecond: (connections / tookMs) * 1000,
  connections,
  collections: collections.filter(({ startTime }) => startTime >= startMs && startTime < startMs + tookMs)
    .length,
};
process.stdout.write(JSON.stringify(measured));
