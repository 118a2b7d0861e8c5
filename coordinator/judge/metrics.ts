/** The metrics that are judged: where each stands in a record, which way is good, and what a busy generator does to it. */

import type { MetricName } from '../../protocol/scenario.ts';
import type { LatencyName, TrialRecord } from '../../protocol/trial-record.ts';

/**
 * `capacity`: a lower bound when the generator was the limit. `latency`: inflated by a busy generator, flattered by
 * missed starts. `share`: of what was served, whoever limited it.
 */
export type MetricKind = 'capacity' | 'latency' | 'share';

export interface Metric {
  readonly title: string;
  readonly kind: MetricKind;
  readonly better: 'higher' | 'lower';
  readonly unit: 'connections/s' | 'µs' | 's' | 'index';
  valueOf(record: TrialRecord): number | null;
  /** In a sentence after a variant's name: "spends 7.1 % less server CPU a connection". */
  readonly verb: string;
  readonly noun: string;
  readonly more: 'more' | 'higher';
  readonly less: 'less' | 'lower' | 'fewer';
}

const latency = (name: LatencyName, percentile: 'p50' | 'p99', title: string): Metric => ({
  title: `${title}, ${percentile}`,
  kind: 'latency',
  better: 'lower',
  unit: 's',
  valueOf: (record) => record.latencySeconds[name]?.[percentile] ?? null,
  verb: 'has',
  noun: `${title} (${percentile})`,
  more: 'higher',
  less: 'lower',
});

export const metrics: Readonly<Record<MetricName, Metric>> = {
  connectionsPerSecond: {
    title: 'connections/s',
    kind: 'capacity',
    better: 'higher',
    unit: 'connections/s',
    valueOf: (record) => record.connectionsPerSecond,
    verb: 'completes',
    noun: 'connections a second',
    more: 'more',
    less: 'fewer',
  },
  'server.cpuMicrosecondsPerConnection': {
    title: 'server CPU per connection',
    kind: 'share',
    better: 'lower',
    unit: 'µs',
    valueOf: (record) => record.server.cpuMicrosecondsPerConnection,
    verb: 'spends',
    noun: 'server CPU per connection',
    more: 'more',
    less: 'less',
  },
  'server.acceptFairness': {
    title: 'accept fairness (Jain)',
    kind: 'share',
    better: 'higher',
    unit: 'index',
    valueOf: (record) => record.server.acceptFairness,
    verb: 'has',
    noun: 'accept fairness',
    more: 'higher',
    less: 'lower',
  },
  'latencySeconds.connect.p50': latency('connect', 'p50', 'connect latency'),
  'latencySeconds.connect.p99': latency('connect', 'p99', 'connect latency'),
  'latencySeconds.accept.p50': latency('accept', 'p50', 'accept wait'),
  'latencySeconds.accept.p99': latency('accept', 'p99', 'accept wait'),
  'latencySeconds.firstByte.p50': latency('firstByte', 'p50', 'first-byte latency'),
  'latencySeconds.firstByte.p99': latency('firstByte', 'p99', 'first-byte latency'),
  'latencySeconds.total.p50': latency('total', 'p50', 'total latency'),
  'latencySeconds.total.p99': latency('total', 'p99', 'total latency'),
};
