/**
 * The user-level TCP by itself: a client and a server stack over a link in memory, on one core, 64 bytes each way, every
 * connection opened by a handshake and closed by FINs. Then the same with each part of mTCP switched off, in alternating
 * pairs, each run a process of its own; and what the garbage collector does.
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
const seconds = options.seconds ?? (options.small ? 0.2 : 2);
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
    note: `client and server stack on core ${core}, 256 at a time, ${seconds} s each${tooShort}`,
  },
  options,
);

for (const part of ['hotLine', ...Object.keys(allParts)]) {
  const on: number[] = [];
  const off: number[] = [];
  const floodOn = async (): Promise<void> => void on.push((await floodOnce(seconds)).perSecond);
  const floodOff = async (): Promise<void> => void off.push((await floodOnce(seconds, part)).perSecond);
  for (let pair = 0; pair < pairs; pair++)
    for (const turn of pair % 2 === 0 ? [floodOn, floodOff] : [floodOff, floodOn]) await turn();
  report(
    {
      ...shared,
      figure: `${figure}, with ${part}`,
      value: medianOf(on),
      against: `without ${part}`,
      ratio: ratioOf(on.map((value, index) => value / off[index])),
      pairs,
      note: `without it ${Math.round(medianOf(off))} 1/s${tooShort}`,
    },
    options,
  );
}

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

async function floodOnce(forSeconds: number, part: string | null = null): Promise<StackFlood> {
  const program = fileURLToPath(new URL('./stack-parts/flood.js', import.meta.url));
  // The hot line is compiled in: it is the process's.
  const env = { ...process.env, ...(part === 'hotLine' ? { STAMPEDE_HOT_LINE: 'off' } : {}) };
  const off = part === null || part === 'hotLine' ? [] : [part];
  const { stdout } = await onCores([core], () =>
    promisify(execFile)(process.execPath, [...compilerFlags, program, String(forSeconds), ...off], { env }),
  );
  return JSON.parse(stdout) as StackFlood;
}
