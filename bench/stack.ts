/**
 * The user-level TCP by itself: a client and a server stack over a link in memory, on one core, 64 bytes each way, every
 * connection opened by a handshake and closed by FINs. The link leaves out checksums, as Linux does on its loopback device.
 * Then the same with checksums, and with each part of mTCP switched off, in alternating pairs, each run a process of its
 * own; and what the garbage collector does.
 *
 * Bar: 400,000 connections/s, towards 1,000,000; no collection in 10 s.
 */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onCores } from '../linux/thread.ts';
import { compilerFlags } from '../net/engine-flags.ts';
import { allParts } from '../net/tcp/settings.ts';
import { benchOptions, medianOf, ratioOf, report } from './runner/figure.ts';
import type { StackFlood } from './stack-parts/flood.ts';

const bar = 400_000;
const core = 0;
const figure = 'connections per second';
const shared = { bench: 'stack', unit: '1/s' } as const;

const options = benchOptions();
const seconds = options.seconds ?? (options.small ? 0.1 : 2);
const runs = options.small ? 1 : 7;
const pairs = options.small ? 1 : 5;
const tooShort = options.small ? '; too short for a claim' : '';

const whole: number[] = [];
for (let run = 0; run < runs; run++) whole.push((await floodOnce(seconds)).perSecond);
report(
  {
    ...shared,
    figure,
    value: medianOf(whole),
    against: `the ${bar} it should make`,
    ratio: ratioOf(whole.map((value) => value / bar)),
    pairs: runs,
    note: `client and server stack on core ${core}, 256 at a time, checksums left out, ${seconds} s each${tooShort}`,
  },
  options,
);

for (const part of ['hotLine', ...Object.keys(allParts)])
  await comparePair(`with ${part}`, `without ${part}`, () => floodOnce(seconds, [part]));
await comparePair('without checksums', 'with checksums', () => floodOnce(seconds, ['checksums']));

const steadySeconds = options.seconds ?? (options.small ? 0.5 : 10);
const steady = await floodOnce(steadySeconds);
report(
  {
    ...shared,
    figure: `collections of garbage in ${steadySeconds} s`,
    value: steady.collections,
    unit: '',
    against: null,
    ratio: null,
    pairs: 0,
    note: `${steady.connections} connections${tooShort}`,
  },
  options,
);

/** Alternating pairs of the stack as it is, and as `other` floods. */
async function comparePair(as: string, against: string, other: () => Promise<StackFlood>): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const floodOurs = async (): Promise<void> => void ours.push((await floodOnce(seconds)).perSecond);
  const floodTheirs = async (): Promise<void> => void theirs.push((await other()).perSecond);
  for (let pair = 0; pair < pairs; pair++)
    for (const turn of pair % 2 === 0 ? [floodOurs, floodTheirs] : [floodTheirs, floodOurs]) await turn();
  report(
    {
      ...shared,
      figure: `${figure}, ${as}`,
      value: medianOf(ours),
      against,
      ratio: ratioOf(ours.map((value, index) => value / theirs[index])),
      pairs,
      note: `${against} ${Math.round(medianOf(theirs))} 1/s${tooShort}`,
    },
    options,
  );
}

/** @param words parts to switch off; "checksums" switches those on. */
async function floodOnce(forSeconds: number, words: readonly string[] = []): Promise<StackFlood> {
  const program = fileURLToPath(new URL('./stack-parts/flood.js', import.meta.url));
  // The hot line is compiled in: it is the process's.
  const env = { ...process.env, ...(words.includes('hotLine') ? { STAMPEDE_HOT_LINE: 'off' } : {}) };
  const told = words.filter((word) => word !== 'hotLine');
  const { stdout } = await onCores([core], () =>
    promisify(execFile)(process.execPath, [...compilerFlags, program, String(forSeconds), ...told], { env }),
  );
  return JSON.parse(stdout) as StackFlood;
}
