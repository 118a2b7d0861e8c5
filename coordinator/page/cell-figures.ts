/**
 * The figures of one cell over its committed trials: latencies of merged histograms, means of core times, failures by
 * cause. A trial more costs its own four histograms; the others are not looked at again.
 */

import type { LatencyHistogram } from '../../measurement/histogram.ts';
import type { CellFigures, CoreBar } from '../../protocol/live-page.ts';
import {
  type CoreTimes,
  type FailedByCause,
  failureCauses,
  type LatencyName,
  type LimitedBy,
  latencyNames,
  limitedBy,
  type TrialRecord,
} from '../../protocol/trial-record.ts';
import type { Latencies } from '../histogram-file.ts';

/** More cores than this are told by their mean, the busiest and the idlest. */
const mostCores = 64;

export class CellTally {
  readonly #latencies = new Map<LatencyName, LatencyHistogram>();
  readonly #serverCores = new CoreSums();
  readonly #loadCores = new CoreSums();
  readonly #failed = zeros(failureCauses);
  readonly #limits = zeros(limitedBy);
  #blocks = 0;
  #attempted = 0;
  #missed = 0;

  add(record: TrialRecord, latencies: Latencies | null): void {
    this.#blocks++;
    this.#attempted += record.connections.attempted;
    this.#missed += record.connections.missed;
    this.#limits[record.limitedBy]++;
    for (const cause of failureCauses) this.#failed[cause] += record.connections.failed[cause];
    this.#serverCores.add(record.server.cores ?? [], record.measuredSeconds);
    this.#loadCores.add(record.generator.cores ?? [], record.measuredSeconds);
    if (latencies !== null) this.addLatencies(latencies);
  }

  /** Of a trial that was added before, without them. */
  addLatencies(latencies: Latencies): void {
    for (const name of latencyNames) {
      const histogram = latencies[name];
      if (histogram === null || histogram.count === 0) continue;
      const all = this.#latencies.get(name);
      if (all === undefined) this.#latencies.set(name, histogram);
      else all.merge(histogram);
    }
  }

  figures(): CellFigures {
    const latency = (name: LatencyName) => this.#latencies.get(name)?.summary() ?? null;
    return {
      blocks: this.#blocks,
      latencies: {
        connect: latency('connect'),
        accept: latency('accept'),
        firstByte: latency('firstByte'),
        total: latency('total'),
      },
      serverCores: this.#serverCores.bars(),
      loadCores: this.#loadCores.bars(),
      attempted: this.#attempted,
      missed: this.#missed,
      failed: { ...this.#failed } satisfies FailedByCause,
      limitedBy: { ...this.#limits } satisfies Record<LimitedBy, number>,
    };
  }
}

interface CoreSum {
  readonly core: number;
  trials: number;
  user: number;
  system: number;
  softirq: number;
  idle: number;
  /** Null once a trial did not count. */
  acceptsPerSecond: number | null;
}

class CoreSums {
  readonly #sums = new Map<number, CoreSum>();

  add(cores: readonly (CoreTimes & { readonly accepted?: number | null })[], seconds: number): void {
    for (const { core, user, system, softirq, idle, accepted = null } of cores) {
      const sum = this.#sums.get(core) ?? emptySum(core);
      sum.trials++;
      sum.user += user;
      sum.system += system;
      sum.softirq += softirq;
      sum.idle += idle;
      sum.acceptsPerSecond =
        accepted === null || sum.acceptsPerSecond === null ? null : sum.acceptsPerSecond + accepted / seconds;
      this.#sums.set(core, sum);
    }
  }

  bars(): CoreBar[] {
    const bars = [...this.#sums.values()]
      .sort((one, other) => one.core - other.core)
      .map((sum) => meanOf([sum], String(sum.core)));
    if (bars.length <= mostCores) return bars;
    const byIdle = [...bars].sort((one, other) => one.idle - other.idle);
    const [busiest] = byIdle;
    const idlest = byIdle[byIdle.length - 1];
    return [
      meanOf([...this.#sums.values()], `mean of ${bars.length}`),
      { ...busiest, core: `${busiest.core}, busiest` },
      { ...idlest, core: `${idlest.core}, idlest` },
    ];
  }
}

function emptySum(core: number): CoreSum {
  return { core, trials: 0, user: 0, system: 0, softirq: 0, idle: 0, acceptsPerSecond: 0 };
}

function meanOf(sums: readonly CoreSum[], core: string): CoreBar {
  const mean = (of: (sum: CoreSum) => number): number =>
    sums.reduce((total, sum) => total + of(sum) / sum.trials, 0) / sums.length;
  return {
    core,
    user: mean(({ user }) => user),
    system: mean(({ system }) => system),
    softirq: mean(({ softirq }) => softirq),
    idle: mean(({ idle }) => idle),
    acceptsPerSecond: sums.some(({ acceptsPerSecond }) => acceptsPerSecond === null)
      ? null
      : mean(({ acceptsPerSecond }) => acceptsPerSecond ?? 0),
  };
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
