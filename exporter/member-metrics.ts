/**
 * An agent or a server as metrics. It is told what its member does, and reads what can be read at the moment of a scrape:
 * counts of the attempt under way, times of the cores. It is what `AgentWatcher` and `ServerWatcher` ask for, and knows
 * neither role.
 */

import type { FailedByCause } from '../protocol/trial-record.ts';
import { attemptOutcomes, cpuModes, type LabelValues, outcomes, stages } from './labels.ts';
import type { MetricRegistry } from './registry.ts';

interface Counts {
  readonly completed: number;
  readonly missed: number;
  readonly failed: FailedByCause;
}

/** Seconds of one core since the machine was started. */
export type CoreSeconds = Readonly<Record<(typeof cpuModes)[number], number>> & { readonly core: number };

export interface MemberIdentity {
  readonly member: string;
  readonly role: LabelValues['role'];
  /** The longest that a lease lasts without being renewed. */
  readonly leaseMs: number;
  readonly cores: () => readonly CoreSeconds[];
  /** A clock that only goes on. */
  readonly nowMs: () => number;
}

export class MemberMetrics {
  readonly #registry: MetricRegistry;
  readonly #identity: MemberIdentity;
  #renewedMs: number | null = null;
  #load: (() => Counts) | null = null;
  #accepts: (() => ReadonlyMap<number, number>) | null = null;
  /** What was added of the attempt under way; by label value. */
  #added = new Map<string, number>();
  /** Of each core and mode: counters only grow, and the kernel's may run back by a tick. */
  readonly #coreSeconds = new Map<string, number>();

  constructor(registry: MetricRegistry, identity: MemberIdentity) {
    this.#registry = registry;
    this.#identity = identity;
    const { member, role } = identity;
    registry.set('stampede_member_info', { member, role }, 1);
    for (const outcome of attemptOutcomes)
      registry.add('stampede_member_attempts_total', { attempt_outcome: outcome }, 0);
    if (role === 'agent')
      for (const outcome of outcomes) registry.add('stampede_agent_connections_total', { outcome }, 0);
    else
      for (const { core } of identity.cores())
        registry.add('stampede_server_accepts_total', { core: String(core) }, 0);
    this.at('idle');
    registry.beforeScrape(() => this.#read());
  }

  renewed(): void {
    this.#renewedMs = this.#identity.nowMs();
  }

  at(now: LabelValues['stage']): void {
    for (const stage of stages) this.#registry.set('stampede_member_stage', { stage }, stage === now);
  }

  ended(outcome: LabelValues['attempt_outcome']): void {
    this.#registry.add('stampede_member_attempts_total', { attempt_outcome: outcome }, 1);
  }

  load(counts: (() => Counts) | null): void {
    this.#readLoad();
    this.#load = counts;
    this.#added = new Map();
  }

  accepts(counts: (() => ReadonlyMap<number, number>) | null): void {
    this.#readAccepts();
    this.#accepts = counts;
    this.#added = new Map();
  }

  /** Null: well. A member whose lease has run out is none any more. */
  trouble(): string | null {
    const ageMs = this.#leaseAgeMs;
    if (ageMs === null) return 'it has not joined yet';
    return ageMs <= this.#identity.leaseMs
      ? null
      : `its lease was last renewed ${Math.round(ageMs / 1000)} s ago`;
  }

  get #leaseAgeMs(): number | null {
    return this.#renewedMs === null ? null : this.#identity.nowMs() - this.#renewedMs;
  }

  #read(): void {
    const ageMs = this.#leaseAgeMs;
    this.#registry.set('stampede_member_lease_age_seconds', {}, ageMs === null ? null : ageMs / 1000);
    this.#readLoad();
    this.#readAccepts();
    this.#readCores();
  }

  #readLoad(): void {
    const counts = this.#load?.();
    if (counts === undefined) return;
    const { completed, missed, failed } = counts;
    const byOutcome = { completed, missed, ...failed };
    for (const outcome of outcomes)
      this.#registry.add(
        'stampede_agent_connections_total',
        { outcome },
        this.#since(outcome, byOutcome[outcome]),
      );
  }

  #readAccepts(): void {
    for (const [core, count] of this.#accepts?.() ?? [])
      this.#registry.add(
        'stampede_server_accepts_total',
        { core: String(core) },
        this.#since(String(core), count),
      );
  }

  #readCores(): void {
    for (const times of this.#identity.cores())
      for (const mode of cpuModes) {
        const core = String(times.core);
        const key = `${core} ${mode}`;
        const before = this.#coreSeconds.get(key) ?? 0;
        if (times[mode] < before) continue;
        this.#coreSeconds.set(key, times[mode]);
        this.#registry.add('stampede_member_core_seconds_total', { core, mode }, times[mode] - before);
      }
  }

  /** What came since it was last read; never negative. */
  #since(key: string, count: number): number {
    const before = this.#added.get(key) ?? 0;
    this.#added.set(key, Math.max(before, count));
    return Math.max(0, count - before);
  }
}
