/** What a real Prometheus knows after a real run: the values of the ledger, and data for every query of every dashboard. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import type { TrialHistograms } from '../../coordinator/histogram-file.ts';
import { dashboardFiles } from '../../dashboards/grafana/json.ts';
import { boundsSeconds } from '../../exporter/latency-buckets.ts';
import {
  failureCauses,
  type LatencyName,
  latencyNames,
  type TrialRecord,
} from '../../protocol/trial-record.ts';
import { valueIn, valuesIn } from '../exporter/exposition.ts';
import { withoutProgram } from './prometheus-server.ts';
import { queriesOf, withVariables } from './queries-of.ts';
import { isRoot, type RealRun, realRun, token, type WatchedRun } from './real-run.ts';

const skip = withoutProgram('prometheus');
let real: RealRun;

before(async () => {
  if (skip === false) real = await realRun();
});
after(() => real?.close());

const options = { skip, timeout: 60_000 };

/** The last value under these labels that a coordinator served; undefined: there was none. */
async function last(name: string, labels: Readonly<Record<string, string>>, run?: string) {
  const found = await all(name, run === undefined ? labels : { ...labels, run });
  assert.ok(found.length <= 1, `${name}: ${found.length} series`);
  return found[0]?.values[0];
}

/** Every series of the local run that has these labels, with its last value. */
async function all(name: string, labels: Readonly<Record<string, string>>) {
  const instance = await instanceOf(real.local);
  const selector = Object.entries({ ...labels, instance })
    .map(([label, value]) => `${label}="${value}"`)
    .join(', ');
  const range = `${Math.ceil(real.until - real.from) + 5}s`;
  return await real.prometheus.instant(`last_over_time(${name}{${selector}}[${range}])`, real.until);
}

async function instanceOf({ run }: WatchedRun): Promise<string> {
  const range = `${Math.ceil(real.until - real.from) + 5}s`;
  const [info] = await real.prometheus.instant(
    `last_over_time(stampede_run_info{run="${run}"}[${range}])`,
    real.until,
  );
  return info?.labels.instance ?? assert.fail(`Prometheus never saw the run ${run}`);
}

const cellOf = (variant: string) => ({ variant, cores: '1', conditions: '' });

function* byVariant(): Generator<[string, readonly TrialRecord[]]> {
  const { trials } = real.local;
  for (const variant of new Set(trials.map(({ cell }) => cell.variant)))
    yield [variant, trials.filter(({ cell }) => cell.variant === variant)];
}

test(
  'stampede run and coordinator print where the metrics are, and wait until the last was read',
  options,
  () => {
    for (const { said } of [real.local, real.cluster]) {
      assert.match(said, /^metrics: http:\/\/127\.0\.0\.1:\d+\/metrics$/m);
      assert.match(said, /waiting until the metrics have been read once more/);
    }
  },
);

test('Prometheus saw what the run came to, though the run ended with it', options, async () => {
  const { run, trials, comparison } = real.local;
  assert.equal(await last('stampede_run_state', { state: 'complete' }, run), 1);
  assert.equal(await last('stampede_run_committed_trials', {}, run), trials.length);
  assert.equal(await last('stampede_run_planned_trials', {}, run), trials.length);
  assert.equal(await last('stampede_run_remaining_seconds', {}, run), 0);
  for (const { metric, variant, ratio, low, high, verdict } of comparison.rows) {
    const labels = { metric, ...cellOf(variant) };
    assert.equal((await last('stampede_comparison_ratio', labels, run)) ?? null, ratio);
    assert.equal((await last('stampede_comparison_low_ratio', labels, run)) ?? null, low);
    assert.equal((await last('stampede_comparison_high_ratio', labels, run)) ?? null, high);
    assert.equal(await last('stampede_comparison_verdict', { ...labels, verdict }, run), 1);
  }
});

test('counters in Prometheus are the sums over trials.jsonl, to the connection', options, async () => {
  for (const [variant, records] of byVariant()) {
    const cell = cellOf(variant);
    const sum = (of: (record: TrialRecord) => number) => records.reduce((all, record) => all + of(record), 0);
    const outcome = (name: string) => last('stampede_connections_total', { ...cell, outcome: name });
    assert.ok(sum(({ connections }) => connections.completed) > 100);
    assert.equal(
      await outcome('completed'),
      sum(({ connections }) => connections.completed),
    );
    assert.equal(
      await outcome('missed'),
      sum(({ connections }) => connections.missed),
    );
    for (const cause of failureCauses)
      assert.equal(
        await outcome(cause),
        sum(({ connections }) => connections.failed[cause]),
      );
    for (const core of new Set(records.flatMap(({ server }) => server.cores?.map((one) => one.core) ?? [])))
      assert.equal(
        await last('stampede_accepted_connections_total', { ...cell, core: String(core) }),
        sum(({ server }) => server.cores?.find((one) => one.core === core)?.accepted ?? 0),
      );
    assert.equal(
      await last('stampede_listen_overflows_total', cell),
      sum(({ server }) => server.listenOverflows ?? 0),
    );
  }
});

test('gauges in Prometheus are those of the last trial of each cell', options, async () => {
  for (const [variant, records] of byVariant()) {
    const cell = cellOf(variant);
    const record = records.at(-1) as TrialRecord;
    assert.equal(await last('stampede_trial_connections_per_second', cell), record.connectionsPerSecond);
    assert.equal(await last('stampede_trial_asked_starts_per_second', cell), 500);
    assert.equal((await last('stampede_generator_headroom_ratio', cell)) ?? null, record.generator.headroom);
    assert.equal((await last('stampede_accept_locality_ratio', cell)) ?? null, record.server.locality);
    for (const { core, user, softirq, idle } of record.server.cores ?? [])
      for (const [mode, value] of Object.entries({ user, softirq, idle }))
        assert.equal(
          await last('stampede_server_core_time_ratio', { ...cell, core: String(core), mode }),
          value,
        );
    const depth = record.server.userLevel?.acceptQueue.most;
    assert.equal(await last('stampede_accept_queue_most_connections', cell), depth);
    assert.equal(depth !== undefined, variant === 'user-level');
  }
});

const histogramNames: Readonly<Record<LatencyName, string>> = {
  connect: 'stampede_connect_latency_seconds',
  accept: 'stampede_accept_latency_seconds',
  firstByte: 'stampede_first_byte_latency_seconds',
  total: 'stampede_total_latency_seconds',
};

test('latency buckets in Prometheus are those of histograms/, read by another library', options, async () => {
  for (const [variant, records] of byVariant())
    for (const name of latencyNames) {
      const cell = cellOf(variant);
      const upTo = boundsSeconds.map(() => 0);
      let count = 0;
      for (const { trial } of records) {
        const path = join(real.local.folder.histograms, `${trial}.json`);
        const { hdr } = (JSON.parse(readFileSync(path, 'utf8')) as TrialHistograms).latencies[name] ?? {};
        if (hdr === undefined) continue;
        const histogram = decodeFromCompressedBase64(hdr) as unknown as Slots & { totalCount: number };
        count += histogram.totalCount;
        for (const [index, bound] of boundsSeconds.entries())
          upTo[index] += countUpTo(histogram, bound * 1e9);
      }
      assert.ok(count > 0 || name === 'accept', `${name} of ${variant} has no values`);
      assert.equal(await last(`${histogramNames[name]}_count`, cell), count);
      const buckets = await all(`${histogramNames[name]}_bucket`, cell);
      assert.deepEqual(
        boundsSeconds.map((bound) => buckets.find(({ labels }) => labels.le === String(bound))?.values[0]),
        upTo,
      );
    }
});

/** What hdr-histogram-js has inside. */
interface Slots {
  readonly countsArrayLength: number;
  getCountAtIndex(index: number): number;
  valueFromIndex(index: number): number;
  highestEquivalentValue(value: number): number;
}

function countUpTo(histogram: Slots, boundNs: number): number {
  let count = 0;
  for (let index = 0; index < histogram.countsArrayLength; index++) {
    const here = histogram.getCountAtIndex(index);
    if (here > 0 && histogram.highestEquivalentValue(histogram.valueFromIndex(index)) <= Math.round(boundNs))
      count += here;
  }
  return count;
}

test('agent and server serve what they know: connections, accepts, their lease, their cores', options, () => {
  const { agentText, serverText, cluster } = real;
  const measured = cluster.trials.reduce((all, { connections }) => all + connections.completed, 0);
  const completed = valueIn(agentText, 'stampede_agent_connections_total', { outcome: 'completed' }) ?? 0;
  // Warm-up comes on top: a sixth of the measured time.
  assert.ok(completed > measured && completed < measured * 1.5, `${completed} and ${measured}`);
  const [accepted = 0] = valuesIn(serverText, 'stampede_server_accepts_total');
  // Those that failed may have been accepted before, as in the audit of a trial.
  const begun = valuesIn(agentText, 'stampede_agent_connections_total').reduce(
    (sum, count) => sum + count,
    0,
  );
  assert.ok(accepted >= completed && accepted <= begun + 16, `${accepted} of ${completed} to ${begun}`);
  for (const text of [agentText, serverText]) {
    assert.equal(valueIn(text, 'stampede_member_attempts_total', { attempt_outcome: 'done' }), 2);
    assert.equal(valueIn(text, 'stampede_member_stage', { stage: 'idle' }), 1);
    assert.ok((valuesIn(text, 'stampede_member_lease_age_seconds')[0] ?? 99) < 3);
    assert.ok(valuesIn(text, 'stampede_member_core_seconds_total').every((seconds) => seconds >= 0));
  }
});

test(
  'Prometheus reaches every role with the token of its file, and no secret is in what it reads',
  options,
  async () => {
    assert.deepEqual([real.targets['stampede-agent'], real.targets['stampede-server']], ['up', 'up']);
    const everything = await real.prometheus.instant('last_over_time({__name__=~".+"}[5m])', real.until);
    assert.ok(everything.length > 1_000);
    const text = `${JSON.stringify(everything)}${real.agentText}${real.serverText}${real.local.said}${real.cluster.said}`;
    for (const secret of [token, real.redisPassword, encodeURIComponent(real.redisPassword), 'redis+unix'])
      assert.ok(!text.includes(secret), `"${secret}" is in the metrics`);
  },
);

for (const [path, text] of dashboardFiles()) {
  const queries = queriesOf(JSON.parse(text));
  test(`every query of ${path} returns data`, options, async (t) => {
    const empty: string[] = [];
    for (const { panel, expression, instant } of queries) {
      const range = Math.ceil(real.until - real.from);
      const asked = withVariables(expression, { rateInterval: '6s', range: `${range}s` });
      const samples = instant
        ? await real.prometheus.instant(asked, real.until)
        : await real.prometheus.range(asked, real.from, real.until, 1);
      if (samples.some(({ values }) => values.length > 0)) continue;
      if (!isRoot && /accept_queue|accept_latency/.test(expression)) {
        t.diagnostic(`SKIPPED, not root: the query of "${panel}" is of what only root can measure: ${asked}`);
        continue;
      }
      empty.push(`${panel}: ${asked}`);
    }
    assert.deepEqual(empty, []);
  });
}

test(
  'a run that is chosen is all that is shown, and legends name labels that are there',
  options,
  async () => {
    const [query] = queriesOf(JSON.parse([...dashboardFiles().values()][0] ?? '')).filter(
      ({ panel }) => panel === 'Connections a second',
    );
    assert.ok(query !== undefined);
    const chosen = withVariables(query.expression.replaceAll('$run', real.cluster.run), {
      rateInterval: '6s',
      range: '60s',
    });
    const samples = await real.prometheus.range(chosen, real.from, real.until, 1);
    assert.deepEqual(
      new Set(samples.map(({ labels }) => labels.instance)),
      new Set([await instanceOf(real.cluster)]),
    );
    for (const { labels } of samples)
      for (const [, label] of query.legend.matchAll(/\{\{(\w+)\}\}/g))
        assert.ok(
          label === 'conditions' || labels[label as string] !== undefined,
          `{{${label}}} is not there`,
        );
  },
);
