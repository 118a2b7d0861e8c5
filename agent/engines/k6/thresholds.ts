/**
 * The scenario's thresholds as k6's own, on what its script records of the measured interval. k6 sees its share alone, and
 * one trial: what it says of them stands in its summary, and the coordinator judges. Those on the server's figures are
 * not k6's to judge, and are left out. Pure.
 */

import type { MetricName, Threshold } from '../../../protocol/scenario.ts';
import type { LoadOrder } from '../../load.ts';

/** A metric of the script, a statistic of it, and what a scenario's unit is there. */
interface Place {
  readonly metric: string;
  readonly statistic: string;
  readonly scale: number;
}

const millisecondsASecond = 1000;

/** k6's threshold expressions, by metric of the script. */
export function k6Thresholds({
  thresholds,
  measuredSeconds,
}: Pick<LoadOrder, 'thresholds' | 'measuredSeconds'>): Readonly<Record<string, readonly string[]>> {
  const byMetric: Record<string, string[]> = {};
  for (const threshold of thresholds) {
    const place = placeOf(threshold.metric, measuredSeconds);
    if (place === null) continue;
    const expressions = expressionsOf(place, threshold);
    byMetric[place.metric] = [...(byMetric[place.metric] ?? []), ...expressions];
  }
  return byMetric;
}

function placeOf(name: MetricName, measuredSeconds: number): Place | null {
  if (name === 'connectionsPerSecond')
    return { metric: 'completed', statistic: 'count', scale: measuredSeconds };
  const [, latency, percentile] = /^latencySeconds\.(connect|firstByte|total)\.(p50|p99)$/.exec(name) ?? [];
  if (latency === undefined) return null;
  return {
    metric: latency === 'firstByte' ? 'first_byte' : latency,
    statistic: percentile === 'p50' ? 'med' : 'p(99)',
    scale: millisecondsASecond,
  };
}

function expressionsOf({ statistic, scale }: Place, { min, max }: Threshold): string[] {
  return [
    ...(min === undefined ? [] : [`${statistic}>=${min * scale}`]),
    ...(max === undefined ? [] : [`${statistic}<=${max * scale}`]),
  ];
}
