/** What a simulated agent says every second: as large, and as much to parse, as what a real one says. */

import { LatencyHistogram } from '../../measurement/histogram.ts';
import { seededRandom } from '../../measurement/random.ts';
import type { LoadCounts } from '../../protocol/messages.ts';
import { type CoreTimes, failureCauses } from '../../protocol/trial-record.ts';

export const completedASecond = 20_000;
const coresEach = 4;
const histogramValues = 20_000;

export function countsOf(completed: number): LoadCounts {
  const failed = Object.fromEntries(failureCauses.map((cause) => [cause, 0])) as LoadCounts['failed'];
  return { attempted: Math.round(completed), completed: Math.round(completed), failed, missed: 0 };
}

export function coreTimes(): CoreTimes[] {
  return Array.from({ length: coresEach }, (_, core) => ({
    ...{ core, user: 0.1234, system: 0.4321, softirq: 0.1234, idle: 0.3211 },
  }));
}

export function reportOf(second: number) {
  return { kind: 'report', second, load: countsOf(completedASecond), cores: coreTimes() } as const;
}

/** As spread as those of a trial. */
export function typicalHistogram(): string {
  const latencies = new LatencyHistogram();
  const random = seededRandom(1, 'simulated latencies');
  for (let index = 0; index < histogramValues; index++) latencies.record(80_000 / (1 - random() * 0.9999));
  return latencies.encode();
}
