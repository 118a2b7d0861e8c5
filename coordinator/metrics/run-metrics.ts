/**
 * Start here: a run as metrics. It watches the run, and tells the exporter's registry what changed, event by event.
 *
 * Every committed trial is added once. Counters begin with this process; of an earlier incarnation only the progress is
 * taken over. It reads no file and asks nobody: what no event says is not in the metrics.
 */

import { outcomes, runStates } from '../../exporter/labels.ts';
import type { MetricRegistry } from '../../exporter/registry.ts';
import type { Cell } from '../../protocol/cell.ts';
import type { MemberMessage } from '../../protocol/messages.ts';
import { baselineOf } from '../../protocol/scenario.ts';
import type { Progress } from '../run-options.ts';
import type { RunEvent, RunWatcher } from '../watchers.ts';
import { type CellLabels, cellLabeller } from './cell-labels.ts';
import { setComparison } from './comparison-metrics.ts';
import { setModel } from './model-metrics.ts';
import { addTrial, beginCell } from './trial-metrics.ts';

type Opened = Extract<RunEvent, { kind: 'opened' }>;

export class RunMetrics implements RunWatcher {
  readonly #registry: MetricRegistry;
  #run = '';
  #labelsOf: (cell: Cell) => CellLabels = cellLabeller([]);
  #cells: ReadonlyMap<string, Cell> = new Map();
  #underWay: CellLabels | null = null;
  #givenUp = 0;
  #stalledJobs = 0;

  constructor(registry: MetricRegistry) {
    this.#registry = registry;
  }

  see(event: RunEvent): void {
    const registry = this.#registry;
    switch (event.kind) {
      case 'opened':
        this.#open(event);
        break;
      case 'progress':
        this.#progress(event.progress);
        break;
      case 'members':
        this.#begin(event);
        break;
      case 'message':
        this.#report(event.message);
        break;
      case 'committed':
        addTrial(registry, this.#labelsOf(event.record.cell), event.record, event.histograms);
        this.#end();
        break;
      case 'void':
        registry.add('stampede_run_void_attempts_total', { run: this.#run }, 1);
        this.#end();
        break;
      case 'lost':
        registry.add('stampede_lost_members_total', { role: event.member.role }, 1);
        break;
      case 'control':
        this.#control(event);
        break;
      case 'judged':
        setComparison(registry, event.comparison, this.#labelsOf);
        setModel(registry, event.comparison);
        break;
      case 'ended':
        registry.set('stampede_run_remaining_seconds', { run: this.#run }, 0);
        this.#state(event.state);
        break;
    }
  }

  #open({ run, scenario, plan, committed }: Opened): void {
    const registry = this.#registry;
    this.#run = run;
    this.#labelsOf = cellLabeller(plan.cells.map(({ cell }) => cell));
    this.#cells = new Map(plan.trials.map(({ trial, cell }) => [trial, cell]));
    registry.set(
      'stampede_run_info',
      { run, scenario: scenario.name, lab: plan.lab, baseline: baselineOf(scenario) },
      1,
    );
    registry.set('stampede_run_planned_trials', { run }, plan.trials.length);
    registry.set('stampede_run_committed_trials', { run }, committed.length);
    registry.set('stampede_run_given_up_trials', { run }, 0);
    registry.set('stampede_run_wanted_agents', { run }, scenario.agents.count);
    registry.add('stampede_run_void_attempts_total', { run }, 0);
    registry.add('stampede_stalled_jobs_total', {}, 0);
    for (const role of ['server', 'agent'] as const) registry.add('stampede_lost_members_total', { role }, 0);
    for (const { cell } of plan.cells) beginCell(registry, this.#labelsOf(cell));
    this.#state('running');
  }

  #state(now: (typeof runStates)[number]): void {
    for (const state of runStates)
      this.#registry.set('stampede_run_state', { run: this.#run, state }, state === now);
  }

  #progress(progress: Progress): void {
    const run = this.#run;
    if (progress.kind === 'trial' || progress.kind === 'committed') {
      this.#registry.set('stampede_run_committed_trials', { run }, progress.done);
      this.#registry.set('stampede_run_remaining_seconds', { run }, progress.secondsLeft);
    }
    if (progress.kind === 'givenUp')
      this.#registry.set('stampede_run_given_up_trials', { run }, ++this.#givenUp);
  }

  #begin({ attempt, members }: Extract<RunEvent, { kind: 'members' }>): void {
    const registry = this.#registry;
    this.#end();
    const cell = this.#cells.get(attempt.trial);
    if (cell !== undefined) {
      this.#underWay = this.#labelsOf(cell);
      registry.set('stampede_cell_under_way', this.#underWay, 1);
    }
    for (const role of ['server', 'agent'] as const)
      registry.set('stampede_members', { role }, members.filter((member) => member.role === role).length);
    // Those of a cluster may be others than the last time.
    registry.clear('stampede_member_clock_bound_seconds');
    for (const { name, role, clock } of members)
      registry.set(
        'stampede_member_clock_bound_seconds',
        { member: name, role },
        clock.boundMicroseconds / 1e6,
      );
  }

  /** The attempt is over, however it went. */
  #end(): void {
    if (this.#underWay !== null) this.#registry.set('stampede_cell_under_way', this.#underWay, 0);
    this.#underWay = null;
  }

  #report(message: MemberMessage): void {
    const labels = this.#underWay;
    if (message.kind !== 'report' || message.load === undefined || labels === null) return;
    const { completed, missed, failed } = message.load;
    const counts = { completed, missed, ...failed };
    for (const outcome of outcomes)
      this.#registry.add('stampede_reported_connections_total', { ...labels, outcome }, counts[outcome]);
  }

  #control(event: Extract<RunEvent, { kind: 'control' }>): void {
    const registry = this.#registry;
    const { redisRoundTripSeconds, reportLagSeconds, stalledJobs } = event;
    registry.set('stampede_redis_up', {}, redisRoundTripSeconds !== null);
    if (redisRoundTripSeconds !== null)
      registry.observe('stampede_redis_round_trip_seconds', {}, redisRoundTripSeconds);
    // Between trials nobody reports: the last one stands.
    if (reportLagSeconds !== null) registry.set('stampede_report_lag_seconds', {}, reportLagSeconds);
    registry.add('stampede_stalled_jobs_total', {}, Math.max(0, stalledJobs - this.#stalledJobs));
    this.#stalledJobs = stalledJobs;
  }
}
