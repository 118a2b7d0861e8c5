/**
 * A process that floods on its main thread under V8's sampling heap profiler, which counts what was collected, too. A
 * short flood and a long one: what differs is what connections cost; what a flood costs as such drops out. The least of
 * several such pairs counts: the compiler allocates on the same heap, at times of its own.
 */

import { type HeapProfiler, Session } from 'node:inspector';
import { prepareFlood } from '../../agent/engines/engines.ts';
import { Lease, LoadControl } from '../../agent/load-control.ts';
import { benchOrder, leaseOf } from '../runner/flood-once.ts';

export interface AllocationMeasured {
  readonly backend: string;
  readonly connections: number;
  readonly sampleBytes: number;
  readonly bytesPerConnection: number;
}

interface Sampled {
  readonly backend: string;
  readonly connections: number;
  readonly bytes: number;
}

const sampleBytes = 256;
const pairs = 4;
const [port, seconds] = process.argv.slice(2).map(Number);
const session = new Session();
session.connect();

// Compiled code allocates less than interpreted code: only what has been compiled is measured.
for (let round = 0; round < 3; round++) await floodFor(seconds / 2);
let least = await measurePair();
for (let pair = 1; pair < pairs; pair++) {
  const next = await measurePair();
  if (next.bytesPerConnection < least.bytesPerConnection) least = next;
}
process.stdout.write(JSON.stringify(least));

async function measurePair(): Promise<AllocationMeasured> {
  const short = await floodFor(seconds / 4);
  const long = await floodFor(seconds);
  const connections = long.connections - short.connections;
  const bytesPerConnection = Math.max(0, (long.bytes - short.bytes) / connections);
  return { backend: long.backend, connections, sampleBytes, bytesPerConnection };
}

async function floodFor(measuredSeconds: number): Promise<Sampled> {
  const order = benchOrder({ target: { addresses: ['127.0.0.1'], port }, measuredSeconds });
  const control = new LoadControl();
  const flood = await prepareFlood(order, control, new Lease(leaseOf(measuredSeconds + 30)));
  control.start(process.hrtime.bigint());
  session.post('HeapProfiler.startSampling', {
    samplingInterval: sampleBytes,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  } as HeapProfiler.StartSamplingParameterType);
  const result = await flood.run();
  let bytes = 0;
  session.post('HeapProfiler.stopSampling', (error, { profile }) => {
    if (error !== null) throw error;
    bytes = bytesIn(profile.head);
  });
  return { backend: flood.backend, connections: result.lifetime.completed, bytes };
}

function bytesIn(node: HeapProfiler.SamplingHeapProfileNode): number {
  return node.children.reduce((sum, child) => sum + bytesIn(child), node.selfSize);
}
