/** A process that floods from one load thread and looks at its own resident memory every second. */

import { benchOrder, failuresOf, floodOnce } from '../runner/flood-once.ts';

export interface ResidentMeasured {
  readonly backend: string;
  readonly connections: number;
  /** A second each. */
  readonly bytes: readonly number[];
}

const [port, seconds] = process.argv.slice(2).map(Number);
const bytes: number[] = [];
const { backend, result } = await floodOnce(
  benchOrder({
    target: { addresses: ['127.0.0.1'], port },
    load: { kind: 'closed', concurrency: 1024 },
    measuredSeconds: seconds,
  }),
  () => bytes.push(process.memoryUsage.rss()),
);
const failures = failuresOf(result);
if (failures !== '') process.stderr.write(`Some connections failed: ${failures}\n`);
const measured: ResidentMeasured = { backend, connections: result.lifetime.completed, bytes };
process.stdout.write(JSON.stringify(measured));
