/** A committed trial as metrics: what it counted is added, what it measured replaces the last of its cell. */

import { cpuModes, outcomes } from '../../exporter/labels.ts';
import type { GaugeName } from '../../exporter/metrics.ts';
import type { MetricRegistry } from '../../exporter/registry.ts';
import {
  type CoreTimes,
  type LatencyName,
  latencyNames,
  limitedBy,
  type TrialRecord,
} from '../../protocol/trial-record.ts';
import { parseTrialHistograms, type TrialHistograms } from '../histogram-file.ts';
import type { CellLabels } from './cell-labels.ts';

const latencyMetrics = {
  connect: 'stampede_connect_latency_seconds',
  accept: 'stampede_accept_latency_seconds',
  firstByte: 'stampede_first_byte_latency_seconds',
  total: 'stampede_total_latency_seconds',
} as const satisfies Record<LatencyName, string>;

/** Counters of a cell that is yet to be measured: what begins with its first value shows no increase. */
export function beginCell(registry: MetricRegistry, labels: CellLabels): void {
  for (const outcome of outcomes) {
    registry.add('stampede_connections_total', { ...labels, outcome }, 0);
    registry.add('stampede_reported_connections_total', { ...labels, outcome }, 0);
  }
  for (const limit of limitedBy)
    registry.add('stampede_limited_trials_total', { ...labels, limited_by: limit }, 0);
  for (const name of latencyNames) registry.addLatencies(latencyMetrics[name], labels, null);
  registry.set('stampede_cell_under_way', labels, 0);
}

export function addTrial(
  registry: MetricRegistry,
  labels: CellLabels,
  record: TrialRecord,
  histograms: TrialHistograms,
): void {
  addCounts(registry, labels, record);
  const latencies = parseTrialHistograms(histograms);
  for (const name of latencyNames)
    if (latencies[name] !== null) registry.addLatencies(latencyMetrics[name], labels, latencies[name]);
  for (const [name, value] of Object.entries(figuresOf(record)))
    registry.set(name as keyof ReturnType<typeof figuresOf>, labels, value);
  const { server, generator } = record;
  setCores(registry, 'stampede_server_core_time_ratio', labels, server.cores ?? []);
  setCores(registry, 'stampede_generator_core_time_ratio', labels, busiestOfEach(generator.cores ?? []));
}

function addCounts(registry: MetricRegistry, labels: CellLabels, record: TrialRecord): void {
  const { connections, server } = record;
  const { completed, missed, failed } = connections;
  const counts = { completed, missed, ...failed };
  for (const outcome of outcomes)
    registry.add('stampede_connections_total', { ...labels, outcome }, counts[outcome]);
  for (const { core, accepted } of server.cores ?? [])
    if (accepted !== null)
      registry.add('stampede_accepted_connections_total', { ...labels, core: String(core) }, accepted);
  if (server.listenOverflows !== null)
    registry.add('stampede_listen_overflows_total', labels, server.listenOverflows);
  if (server.listenDrops !== null) registry.add('stampede_listen_drops_total', labels, server.listenDrops);
  registry.add('stampede_limited_trials_total', { ...labels, limited_by: record.limitedBy }, 1);
}

/** Gauges of the cell; null: not measured. */
function figuresOf({
  cell,
  connections,
  connectionsPerSecond,
  measuredSeconds,
  server,
  generator,
}: TrialRecord) {
  const { cpuMicrosecondsPerConnection, acceptFairness, locality, userLevel } = server;
  return {
    stampede_trial_connections_per_second: connectionsPerSecond,
    stampede_trial_asked_starts_per_second: cell.rate,
    stampede_trial_achieved_starts_per_second: connections.attempted / measuredSeconds,
    stampede_server_cpu_seconds_per_connection:
      cpuMicrosecondsPerConnection === null ? null : cpuMicrosecondsPerConnection / 1e6,
    stampede_accept_fairness_ratio: acceptFairness,
    stampede_accept_locality_ratio: locality,
    stampede_accept_queue_mean_connections: userLevel?.acceptQueue.mean ?? null,
    stampede_accept_queue_most_connections: userLevel?.acceptQueue.most ?? null,
    stampede_generator_headroom_ratio: generator.headroom,
  } as const satisfies Partial<Record<GaugeName, number | null>>;
}

function setCores(
  registry: MetricRegistry,
  name: 'stampede_server_core_time_ratio' | 'stampede_generator_core_time_ratio',
  labels: CellLabels,
  cores: readonly CoreTimes[],
): void {
  registry.clear(name, labels);
  for (const times of cores)
    for (const mode of cpuModes)
      registry.set(name, { ...labels, core: String(times.core), mode }, times[mode]);
}

/** Two agents may share a core, or have cores of one number on two machines. */
function busiestOfEach(cores: readonly CoreTimes[]): readonly CoreTimes[] {
  const busiest = new Map<number, CoreTimes>();
  for (const times of cores)
    if (times.idle <= (busiest.get(times.core)?.idle ?? 1)) busiest.set(times.core, times);
  return [...busiest.values()];
}
