/** A trial to commit, with nothing in it but what the schema demands. */

import { assembleTrial } from '../../coordinator/assemble.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { failureCauses } from '../../protocol/trial-record.ts';

/** A committed trial of ten connections. */
export function sampleTrial(trial: string, attempt = 1) {
  const none = Object.fromEntries(failureCauses.map((cause) => [cause, 0])) as never;
  const counts = { attempted: 10, completed: 10, failed: none, missed: 0 };
  const empty = new LatencyHistogram().encode();
  return assembleTrial({
    trial,
    block: 1,
    attempt,
    cell: {
      variant: 'single-queue',
      cores: 1,
      engine: 'socket',
      messages: 1,
      requestBytes: 64,
      responseBytes: 64,
      close: 'client-fin',
      concurrency: 1,
      rate: null,
    },
    startedAt: new Date().toISOString(),
    loads: [
      {
        counts,
        completedMeanwhile: counts.completed,
        lifetime: counts,
        measuredSeconds: 1,
        histograms: { connect: empty, firstByte: empty, total: empty },
        cores: null,
        backend: 'none',
        notes: {},
      },
    ],
    server: {
      measuredSeconds: 1,
      cores: null,
      accepted: null,
      lifetimeAccepted: null,
      listenOverflows: null,
      listenDrops: null,
      locality: null,
      cacheMisses: null,
      accept: null,
      notes: {},
    },
  });
}
