/**
 * What an agent's load thread takes while it floods: the resident memory of its process over the whole time, and the
 * bytes that one connection leaves on the JavaScript heap.
 *
 * Bars: 10 minutes (`--seconds` changes that) under 200 MiB, without growth; one connection allocates nothing. The
 * flood is a process of its own, so that nothing of the bench is counted.
 */

import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { launchServer } from '../server-under-test/launch.ts';
import type { AllocationMeasured } from './memory-parts/allocation.ts';
import type { ResidentMeasured } from './memory-parts/resident.ts';
import { benchOptions, medianOf, report } from './runner/figure.ts';

const shared = { bench: 'memory', against: null, ratio: null, pairs: 0 } as const;
const mebibyte = 2 ** 20;

const options = benchOptions();
const seconds = options.seconds ?? (options.small ? 3 : 600);
const server = await launchServer({
  variant: 'reuseport',
  application: 'echo',
  messages: 1,
  requestBytes: 64,
  responseBytes: 64,
  close: 'client-rst',
  cores: [availableParallelism() > 1 ? 1 : 0],
  namespace: null,
  addresses: ['127.0.0.1'],
  port: 0,
  readyMs: 10_000,
});
try {
  const resident = await inProcess<ResidentMeasured>('resident', server.port, seconds);
  // The first tenth is the compiler's and the heap's to settle in.
  const settled = resident.bytes.slice(Math.ceil(resident.bytes.length / 10));
  const third = Math.max(1, Math.floor(settled.length / 3));
  const growth = medianOf(settled.slice(-third)) - medianOf(settled.slice(0, third));
  const note = `${resident.backend}, ${resident.connections} connections in ${seconds} s${options.small ? '; too short for a claim' : ''}`;
  report(
    {
      ...shared,
      figure: 'most resident memory',
      value: Math.max(...resident.bytes) / mebibyte,
      unit: 'MiB',
      note,
    },
    options,
  );
  report(
    {
      ...shared,
      figure: 'growth of resident memory',
      value: growth / mebibyte,
      unit: 'MiB',
      note: `median of the last third less that of the first; ${note}`,
    },
    options,
  );
  const allocation = await inProcess<AllocationMeasured>('allocation', server.port, options.small ? 0.5 : 3);
  report(
    {
      ...shared,
      figure: 'allocated by one connection',
      value: allocation.bytesPerConnection,
      unit: 'bytes',
      note: `least of several floods, sampled every ${allocation.sampleBytes} bytes, collected ones too; ${allocation.backend}, ${allocation.connections} connections`,
    },
    options,
  );
} finally {
  await server.kill();
}

async function inProcess<Measured>(part: string, port: number, forSeconds: number): Promise<Measured> {
  const program = fileURLToPath(new URL(`./memory-parts/${part}.js`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, String(port), String(forSeconds)]);
  return JSON.parse(stdout) as Measured;
}
