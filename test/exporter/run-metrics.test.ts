/** A run as metrics, told event by event: what each event changes, and that a trial is counted once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../coordinator/judge/judge.ts';
import { RunMetrics } from '../../coordinator/metrics/run-metrics.ts';
import { planRun } from '../../coordinator/plan/plan.ts';
import type { RunEvent } from '../../coordinator/watchers.ts';
import { metricsBy } from '../../exporter/metrics.ts';
import { MetricRegistry } from '../../exporter/registry.ts';
import type { ModelRow } from '../../protocol/comparison-record.ts';
import type { Member, MemberMessage } from '../../protocol/messages.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { failureCauses } from '../../protocol/trial-record.ts';
import { aMachine } from '../plan/a-machine.ts';
import { syntheticScenario, syntheticTrials } from '../report/synthetic-run.ts';
import { valueIn, valuesIn } from './exposition.ts';

const run = 'synthetic-1';

function watched(changes: object = {}) {
  const scenario = syntheticScenario({ lab: 'loopback', agents: { sourceAddresses: 64 }, ...changes });
  const plan = planRun(scenario, aMachine());
  const registry = new MetricRegistry(metricsBy('coordinator'));
  const metrics = new RunMetrics(registry);
  const see = (...events: RunEvent[]) => {
    for (const event of events) metrics.see(event);
  };
  see({ kind: 'opened', run, folder: runFolder('/nowhere'), scenario, plan, committed: [] });
  return { scenario, plan, see, text: () => registry.text() };
}

const attempt = (trial: string) => ({ run, trial, attempt: 1, epoch: 1_000_001 });

function member(name: string, role: Member['role'], boundMicroseconds: number): Member {
  return {
    role,
    name,
    instance: `${name}-1`,
    host: 'here',
    pid: 1,
    cores: [0],
    allow: [],
    sourceAddresses: [],
    addresses: [],
    clock: { offsetMicroseconds: 1.7e15, boundMicroseconds },
  };
}

const crew = [
  member('server-1', 'server', 40),
  member('agent-1', 'agent', 80),
  member('agent-2', 'agent', 90),
];

test('opened: the run is named, its progress is there, and every counter begins at 0', async () => {
  const { text, plan } = watched();
  const now = await text();
  const info = { run, scenario: 'synthetic', lab: 'loopback', baseline: 'single-queue' };
  assert.equal(valueIn(now, 'stampede_run_info', info), 1);
  assert.equal(valueIn(now, 'stampede_run_state', { run, state: 'running' }), 1);
  assert.equal(valueIn(now, 'stampede_run_planned_trials', { run }), plan.trials.length);
  assert.equal(valueIn(now, 'stampede_run_committed_trials', { run }), 0);
  for (const variant of ['single-queue', 'reuseport']) {
    const cell = { variant, cores: '2', conditions: '' };
    assert.equal(valueIn(now, 'stampede_connections_total', { ...cell, outcome: 'refused' }), 0);
    assert.equal(valueIn(now, 'stampede_total_latency_seconds_count', cell), 0);
  }
});

test('committed: a trial is added once, and its figures stand until the next of its cell', async () => {
  const { see, text } = watched();
  const trials = syntheticTrials({ scenario: { lab: 'loopback' } });
  for (const { record, histograms } of trials) see({ kind: 'committed', record, histograms });
  const now = await text();
  for (const variant of ['single-queue', 'reuseport']) {
    const cell = { variant, cores: '2', conditions: '' };
    const records = trials.map(({ record }) => record).filter((record) => record.cell.variant === variant);
    const sum = (of: (record: (typeof records)[number]) => number) =>
      records.reduce((total, record) => total + of(record), 0);
    const last = records.at(-1);
    assert.ok(last !== undefined && records.length > 1);
    const outcome = (name: string) => valueIn(now, 'stampede_connections_total', { ...cell, outcome: name });
    assert.equal(
      outcome('completed'),
      sum(({ connections }) => connections.completed),
    );
    assert.equal(
      outcome('missed'),
      sum(({ connections }) => connections.missed),
    );
    for (const cause of failureCauses)
      assert.equal(
        outcome(cause),
        sum(({ connections }) => connections.failed[cause]),
      );
    assert.equal(
      valueIn(now, 'stampede_total_latency_seconds_count', cell),
      sum(({ latencySeconds }) => latencySeconds.total?.count ?? 0),
    );
    for (const { core, idle } of last.server.cores ?? []) {
      assert.equal(
        valueIn(now, 'stampede_server_core_time_ratio', { ...cell, core: String(core), mode: 'idle' }),
        idle,
      );
      assert.equal(
        valueIn(now, 'stampede_accepted_connections_total', { ...cell, core: String(core) }),
        sum(({ server }) => server.cores?.find((one) => one.core === core)?.accepted ?? 0),
      );
    }
    assert.equal(valueIn(now, 'stampede_trial_connections_per_second', cell), last.connectionsPerSecond);
    assert.equal(valueIn(now, 'stampede_generator_headroom_ratio', cell), last.generator.headroom);
    assert.equal(
      valueIn(now, 'stampede_server_cpu_seconds_per_connection', cell),
      (last.server.cpuMicrosecondsPerConnection as number) / 1e6,
    );
    assert.equal(
      valueIn(now, 'stampede_listen_overflows_total', cell),
      sum(({ server }) => server.listenOverflows ?? 0),
    );
    const limits = ['server', 'generator', 'network', 'control', 'undetermined'];
    assert.equal(
      limits.reduce(
        (total, limit) =>
          total + (valueIn(now, 'stampede_limited_trials_total', { ...cell, limited_by: limit }) ?? 0),
        0,
      ),
      records.length,
    );
    // A closed loop is asked for no rate, and the kernel's designs do not tell of their queues.
    assert.equal(valueIn(now, 'stampede_trial_asked_starts_per_second', cell), undefined);
    assert.equal(valueIn(now, 'stampede_accept_queue_most_connections', cell), undefined);
  }
});

test('committed: what the last trial did not measure is absent, whatever the one before did', async () => {
  const { see, text } = watched();
  const [trial] = syntheticTrials({ scenario: { lab: 'loopback' } });
  assert.ok(trial !== undefined);
  const { record, histograms } = trial;
  see({ kind: 'committed', record, histograms });
  assert.ok(valuesIn(await text(), 'stampede_server_core_time_ratio').length > 0);
  const server = { ...record.server, cores: null, locality: null, acceptFairness: null, listenDrops: null };
  see({ kind: 'committed', record: { ...record, server }, histograms });
  const now = await text();
  for (const name of ['server_core_time_ratio', 'accept_locality_ratio', 'accept_fairness_ratio'])
    assert.deepEqual(valuesIn(now, `stampede_${name}`), [], name);
  assert.ok(valuesIn(now, 'stampede_generator_core_time_ratio').length > 0);
});

test('members, message, void: who takes part, what is reported of which cell, and that it came to nothing', async () => {
  const { see, text, plan } = watched();
  const [planned] = plan.trials;
  assert.ok(planned !== undefined);
  const cell = { variant: planned.cell.variant, cores: '2', conditions: '' };
  const failed = Object.fromEntries(failureCauses.map((cause) => [cause, 0])) as never;
  const report = (completed: number): RunEvent => ({
    kind: 'message',
    message: {
      kind: 'report',
      ...attempt(planned.trial),
      sender: 'agent-1',
      sequence: 1,
      second: 0,
      load: { attempted: completed, completed, missed: 3, failed },
    } as MemberMessage,
  });
  see({ kind: 'members', attempt: attempt(planned.trial), members: crew }, report(100), report(20));
  const during = await text();
  assert.equal(valueIn(during, 'stampede_members', { role: 'agent' }), 2);
  assert.equal(
    valueIn(during, 'stampede_member_clock_bound_seconds', { member: 'agent-2', role: 'agent' }),
    90e-6,
  );
  assert.equal(valueIn(during, 'stampede_cell_under_way', cell), 1);
  const reported = (outcome: string, of: string) =>
    valueIn(of, 'stampede_reported_connections_total', { ...cell, outcome });
  assert.deepEqual([reported('completed', during), reported('missed', during)], [120, 6]);
  see(
    { kind: 'lost', member: crew[1] as Member, reason: 'its lease was not renewed' },
    { kind: 'void', attempt: attempt(planned.trial), reason: 'agent-1 was lost' },
    // What is said too late is of no cell.
    report(1_000),
    { kind: 'progress', progress: { kind: 'givenUp', trial: planned.trial, reason: 'three attempts' } },
  );
  const after = await text();
  assert.equal(valueIn(after, 'stampede_cell_under_way', cell), 0);
  assert.equal(valueIn(after, 'stampede_run_void_attempts_total', { run }), 1);
  assert.equal(valueIn(after, 'stampede_lost_members_total', { role: 'agent' }), 1);
  assert.equal(valueIn(after, 'stampede_run_given_up_trials', { run }), 1);
  assert.equal(reported('completed', after), 120);
  assert.equal(valueIn(after, 'stampede_connections_total', { ...cell, outcome: 'completed' }), 0);
});

test('control: round trips are counted, silence is a 0, stalled orders are added', async () => {
  const { see, text } = watched();
  const pulse = (
    redisRoundTripSeconds: number | null,
    reportLagSeconds: number | null,
    stalledJobs: number,
  ) => see({ kind: 'control', redisRoundTripSeconds, reportLagSeconds, stalledJobs });
  pulse(0.0004, 0.08, 0);
  pulse(0.0012, null, 2);
  pulse(null, null, 2);
  const now = await text();
  assert.deepEqual(valuesIn(now, 'stampede_redis_up'), [0]);
  assert.deepEqual(valuesIn(now, 'stampede_redis_round_trip_seconds_count'), [2]);
  assert.equal(valueIn(now, 'stampede_redis_round_trip_seconds_bucket', { le: '0.0005' }), 1);
  assert.deepEqual(valuesIn(now, 'stampede_report_lag_seconds'), [0.08]);
  assert.deepEqual(valuesIn(now, 'stampede_stalled_jobs_total'), [2]);
});

test('judged and ended: a row a label set, one verdict each, in the place of the last comparison', async () => {
  const { see, text, scenario } = watched();
  const trials = syntheticTrials({ scenario: { lab: 'loopback' } }).map(({ record }) => record);
  const comparison = judge({ run, scenario, trials });
  see({ kind: 'judged', comparison: judge({ run, scenario, trials: trials.slice(0, 4) }), isFinal: false });
  see(
    { kind: 'judged', comparison, isFinal: true },
    { kind: 'ended', state: 'degraded', reason: 'one was given up' },
  );
  const now = await text();
  assert.equal(valuesIn(now, 'stampede_comparison_ratio').length, comparison.rows.length);
  for (const { metric, variant, ratio, low, high, blocks, verdict } of comparison.rows) {
    const labels = { run, metric, variant, cores: '2', conditions: '' };
    assert.equal(valueIn(now, 'stampede_comparison_ratio', labels), ratio);
    assert.equal(valueIn(now, 'stampede_comparison_low_ratio', labels) ?? null, low);
    assert.equal(valueIn(now, 'stampede_comparison_high_ratio', labels) ?? null, high);
    assert.equal(valueIn(now, 'stampede_comparison_blocks', labels), blocks);
    for (const each of ['better', 'worse', 'equivalent', 'inconclusive'])
      assert.equal(
        valueIn(now, 'stampede_comparison_verdict', { ...labels, verdict: each }),
        each === verdict ? 1 : 0,
      );
  }
  assert.equal(valueIn(now, 'stampede_run_state', { run, state: 'degraded' }), 1);
  assert.equal(valueIn(now, 'stampede_run_state', { run, state: 'running' }), 0);
  assert.equal(valueIn(now, 'stampede_run_remaining_seconds', { run }), 0);
});

test('judged, with a model: modelled rates, ratios, misses and lock waits, without what could not be modelled', async () => {
  const { see, text, scenario } = watched();
  const trials = syntheticTrials({ scenario: { lab: 'loopback' } }).map(({ record }) => record);
  const row: ModelRow = {
    modelled: true,
    variant: 'reuseport',
    design: 'reuseport-recent',
    cores: 24,
    messages: 1,
    responseBytes: 64,
    connectionsPerSecond: 400_000,
    low: 390_000,
    high: 410_000,
    ratio: 1.25,
    missesPerConnection: 12,
    lockWaitCyclesPerConnection: 300,
    objects: [
      { object: 'tcp_sock hot', missesPerConnection: 12, lockWaitCyclesPerConnection: 0 },
      { object: 'files', missesPerConnection: 0, lockWaitCyclesPerConnection: 300 },
    ],
    calibratedOnCores: 2,
    measured: null,
    reason: null,
  };
  const none: ModelRow = { ...row, variant: 'other', connectionsPerSecond: null, ratio: null, objects: [] };
  const comparison = { ...judge({ run, scenario, trials }), model: [row, none] };
  see({ kind: 'judged', comparison, isFinal: true });
  const now = await text();
  const labels = { variant: 'reuseport', cores: '24', conditions: '' };
  assert.deepEqual(valuesIn(now, 'stampede_model_connections_per_second'), [400_000]);
  assert.equal(valueIn(now, 'stampede_model_ratio', labels), 1.25);
  const misses = 'stampede_model_cache_misses_per_connection';
  assert.equal(valueIn(now, misses, { ...labels, object: 'tcp_sock hot' }), 12);
  const waits = 'stampede_model_lock_wait_cycles_per_connection';
  assert.equal(valueIn(now, waits, { ...labels, object: 'files' }), 300);
  see({ kind: 'judged', comparison: { ...comparison, model: [] }, isFinal: true });
  assert.deepEqual(valuesIn(await text(), 'stampede_model_ratio'), []);
});

test('cells that differ in more than variant and cores are told apart by conditions, in trials and in comparisons', async () => {
  const factors = {
    variant: ['single-queue', 'reuseport'],
    cores: [1, 2],
    rate: [1_000, 2_000.5],
    close: 'client-rst',
  };
  const { see, text, scenario } = watched({ factors });
  const trials = syntheticTrials({ scenario: { lab: 'loopback', factors } });
  for (const { record, histograms } of trials) see({ kind: 'committed', record, histograms });
  const comparison = judge({ run, scenario, trials: trials.map(({ record }) => record) });
  see({ kind: 'judged', comparison, isFinal: true });
  const now = await text();
  assert.equal(valuesIn(now, 'stampede_trial_connections_per_second').length, 8);
  assert.equal(valuesIn(now, 'stampede_comparison_ratio').length, comparison.rows.length);
  const labels = { variant: 'reuseport', cores: '2', conditions: 'rate=2000.5' };
  assert.equal(valueIn(now, 'stampede_trial_asked_starts_per_second', labels), 2_000.5);
});
