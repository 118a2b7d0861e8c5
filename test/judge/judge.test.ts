/** The judge over synthetic runs whose truth is known, and over what measurements do to it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../coordinator/judge/judge.ts';
import { seededRandom } from '../../measurement/random.ts';
import { type Comparison, comparisonSchema } from '../../protocol/comparison-record.ts';
import type { MetricName } from '../../protocol/scenario.ts';
import type { TrialRecord } from '../../protocol/trial-record.ts';
import { gauss, type SyntheticOptions, syntheticScenario, syntheticTrials } from '../report/synthetic-run.ts';

function judged(
  options: SyntheticOptions,
  change: (trial: TrialRecord) => TrialRecord = (trial) => trial,
): Comparison {
  const trials = syntheticTrials(options).map(({ record }) => change(record));
  return comparisonSchema.parse(judge({ run: 'r', scenario: syntheticScenario(options.scenario), trials }));
}

function rowOf(comparison: Comparison, metric: MetricName) {
  const row = comparison.rows.find((one) => one.metric === metric);
  assert.ok(row, metric);
  return row;
}

const faster = { reuseport: { rate: 23_100, cpuMicroseconds: 40 } };

test('judge() finds a true difference, near its true size, and says it in one sentence', () => {
  const comparison = judged({ truths: faster, seed: 3 });
  const row = rowOf(comparison, 'connectionsPerSecond');
  assert.equal(row.verdict, 'better');
  assert.equal(row.blocks, 10);
  assert.ok(row.low !== null && row.high !== null && row.low < 1.1 && 1.1 < row.high);
  assert.equal(rowOf(comparison, 'server.cpuMicrosecondsPerConnection').verdict, 'better');
  assert.match(
    comparison.answer,
    /^reuseport completes \d+\.\d % more connections a second than single-queue \(95 % interval \d+\.\d–\d+\.\d %, 10 blocks\): better\.$/,
  );
});

test('judge() calls two equal servers equivalent when the noise is small', () => {
  const comparison = judged({ noise: 0.01 });
  assert.equal(rowOf(comparison, 'connectionsPerSecond').verdict, 'equivalent');
  assert.match(comparison.answer, /do not differ in connections a second by 5 % or more/);
});

test('judge() says how many more blocks an undecided row wants', () => {
  const comparison = judged({ noise: 0.08, truths: { reuseport: { rate: 21_500 } } });
  const row = rowOf(comparison, 'connectionsPerSecond');
  assert.equal(row.verdict, 'inconclusive');
  assert.ok((row.moreBlocks ?? 0) >= 1);
  assert.match(
    comparison.answer,
    /^Whether reuseport differs from single-queue .* more blocks? would probably decide it/,
  );
});

test('judge() takes out what is common to a block', () => {
  const row = rowOf(judged({ truths: faster, blockNoise: 0.3 }), 'connectionsPerSecond');
  assert.equal(row.verdict, 'better');
});

test('judge() claims nothing on nine blocks, gives no interval on four', () => {
  const nine = rowOf(judged({ truths: faster, scenario: { blocks: 9 } }), 'connectionsPerSecond');
  assert.equal(nine.verdict, 'inconclusive');
  assert.equal(nine.moreBlocks, 1);
  assert.notEqual(nine.low, null);
  const four = rowOf(judged({ truths: faster, scenario: { blocks: 4 } }), 'connectionsPerSecond');
  assert.deepEqual([four.low, four.high, four.verdict], [null, null, 'inconclusive']);
  assert.ok((four.ratio ?? 0) > 1);
});

test('judge() forecasts nothing from too few blocks to know the spread: it says how many are wanted', () => {
  const comparison = judged({ truths: faster, scenario: { blocks: 3 } });
  for (const { metric, moreBlocks, notes } of comparison.rows) {
    assert.equal(moreBlocks, null, metric);
    assert.match(notes[0], /^3 blocks were measured; .* at least 10 are wanted for a claim$/);
  }
  assert.match(comparison.answer, /\(3 blocks, too few for an interval\): at least 10 blocks are wanted/);
});

test('judge() makes no bound of a rate that was asked for and reached, however busy the generator', () => {
  const scenario = { factors: { variant: ['single-queue', 'reuseport'], rate: 5_000 } };
  const truths = {
    'single-queue': { loadIdle: 0.02, backlogShare: 0.2 },
    reuseport: { loadIdle: 0.02, backlogShare: 0.06 },
  };
  const comparison = judged({ truths, scenario });
  const rate = rowOf(comparison, 'connectionsPerSecond');
  assert.deepEqual([rate.baselineMedian, rate.median], [5_000, 5_000]);
  assert.deepEqual([rate.baselineLimitedBy, rate.limitedBy], ['undetermined', 'undetermined']);
  assert.deepEqual([rate.verdict, rate.notes], ['equivalent', []]);
  assert.equal(rowOf(comparison, 'latencySeconds.total.p99').limitedBy, 'generator');
});

test('judge() makes a bound of a rate that the generator fell short of', () => {
  const scenario = { factors: { variant: ['single-queue', 'reuseport'], rate: 5_000 } };
  const rate = rowOf(
    judged({ truths: { reuseport: { loadIdle: 0.02, missedShare: 0.06 } }, scenario }),
    'connectionsPerSecond',
  );
  assert.deepEqual([rate.median, rate.limitedBy, rate.verdict], [4_700, 'generator', 'inconclusive']);
});

test('judge() never makes a lower bound above what was asked of figures on either side of it', () => {
  const scenario = { factors: { variant: ['single-queue', 'reuseport'], rate: 5_000 } };
  const change = (trial: TrialRecord): TrialRecord => ({
    ...trial,
    connectionsPerSecond: trial.block <= 4 ? 4_000 : 5_040,
  });
  const rate = rowOf(
    judged({ truths: { reuseport: { loadIdle: 0.02 } }, scenario }, change),
    'connectionsPerSecond',
  );
  assert.deepEqual([rate.median, rate.limitedBy], [5_040, 'undetermined']);
});

test('judge() lets CPU per connection stand in an open loop too: it is a share of what was served', () => {
  const scenario = { factors: { variant: ['single-queue', 'reuseport'], rate: 5_000 } };
  const truths = {
    'single-queue': { loadIdle: 0.1 },
    reuseport: { cpuMicroseconds: 30, loadIdle: 0.1 },
  };
  assert.equal(rowOf(judged({ truths, scenario }), 'server.cpuMicrosecondsPerConnection').verdict, 'better');
});

test('judge() makes bounds of capacity when the generator was the limit, not of CPU per connection', () => {
  const truths = {
    'single-queue': { loadIdle: 0.1 },
    reuseport: { rate: 23_100, cpuMicroseconds: 40, loadIdle: 0.1 },
  };
  const comparison = judged({ truths });
  const capacity = rowOf(comparison, 'connectionsPerSecond');
  assert.deepEqual(
    [capacity.verdict, capacity.limitedBy, capacity.moreBlocks],
    ['inconclusive', 'generator', null],
  );
  assert.equal(rowOf(comparison, 'server.cpuMicrosecondsPerConnection').verdict, 'better');
  assert.match(comparison.answer, /is undecided .*; yet reuseport spends .* less server CPU per connection/);
});

test('judge() says "at least" of a variant that leads although its generator held it back', () => {
  const truths = { reuseport: { rate: 23_100, loadIdle: 0.1 } };
  const comparison = judged({ truths });
  assert.equal(rowOf(comparison, 'connectionsPerSecond').verdict, 'better');
  assert.match(comparison.answer, /^reuseport completes at least \d+\.\d % more connections a second/);
});

test('judge() overlooks one limited block in ten, as its mean does, and not two', () => {
  const limit =
    (blocks: number) =>
    (trial: TrialRecord): TrialRecord =>
      trial.block <= blocks && trial.cell.variant === 'single-queue'
        ? { ...trial, limitedBy: 'generator' }
        : trial;
  assert.equal(rowOf(judged({ truths: faster }, limit(1)), 'connectionsPerSecond').verdict, 'better');
  const two = rowOf(judged({ truths: faster }, limit(2)), 'connectionsPerSecond');
  assert.deepEqual([two.verdict, two.baselineLimitedBy], ['inconclusive', 'generator']);
});

test('judge() leaves a block out where a figure is null, and says why', () => {
  const comparison = judged({ truths: faster, scenario: { blocks: 12 } }, (trial) =>
    trial.block === 3
      ? {
          ...trial,
          server: { ...trial.server, cpuMicrosecondsPerConnection: null },
          notes: { ...trial.notes, 'server.cpuMicrosecondsPerConnection': 'the observer died' },
        }
      : trial,
  );
  const row = rowOf(comparison, 'server.cpuMicrosecondsPerConnection');
  assert.equal(row.blocks, 11);
  assert.deepEqual(row.notes, ['block 3 left out: not measured: the observer died']);
});

test('judge() trusts no trial whose two sides counted differently', () => {
  const row = rowOf(
    judged({ truths: faster }, (trial) => (trial.block === 5 ? { ...trial, limitedBy: 'control' } : trial)),
    'connectionsPerSecond',
  );
  assert.equal(row.blocks, 9);
  assert.deepEqual(row.notes.at(-1), 'block 5 left out: the two sides counted differently');
});

test('judge() has no row for what nobody measured, and an empty one for what one variant did not', () => {
  const nobody = judged({
    truths: { 'single-queue': { measuresAccepts: false }, reuseport: { measuresAccepts: false } },
  });
  assert.ok(!nobody.rows.some(({ metric }) => metric === 'server.acceptFairness'));
  const row = rowOf(judged({ truths: { reuseport: { measuresAccepts: false } } }), 'server.acceptFairness');
  assert.deepEqual([row.ratio, row.median, row.verdict, row.blocks], [null, null, 'inconclusive', 0]);
  assert.match(row.notes[0], /10 blocks left out: not measured: the server does not count accepts by core/);
});

test('judge() gives latencies under missed starts to nobody who gains by them', () => {
  const truths = { reuseport: { median: 1.5e-3, missedShare: 0.05 } };
  const scenario = { factors: { variant: ['single-queue', 'reuseport'], rate: 20_000 } };
  const row = rowOf(judged({ truths, scenario }), 'latencySeconds.total.p50');
  assert.equal(row.verdict, 'inconclusive');
});

test('judge() evaluates thresholds on the worst cell, and what was not measured does not hold', () => {
  const scenario = {
    factors: { variant: ['single-queue', 'reuseport'], concurrency: [32, 64] },
    thresholds: [
      { metric: 'connectionsPerSecond', min: 20_000 },
      { metric: 'server.cpuMicrosecondsPerConnection', variant: 'reuseport', max: 30 },
      { metric: 'server.acceptFairness', variant: 'reuseport', min: 0.5 },
    ],
  };
  const { thresholds } = judged({ scenario, truths: { reuseport: { measuresAccepts: false } } });
  assert.deepEqual(
    thresholds.map(({ variant, holds, value }) => [variant, holds, value === null]),
    [
      ['single-queue', true, false],
      ['reuseport', true, false],
      ['reuseport', false, false],
      ['reuseport', false, true],
    ],
  );
});

test('judge() is pure: the same trials, in any order, give the same comparison', () => {
  const scenario = syntheticScenario();
  const trials = syntheticTrials({ truths: faster }).map(({ record }) => record);
  const once = judge({ run: 'r', scenario, trials });
  assert.deepEqual(judge({ run: 'r', scenario, trials: [...trials].reverse() }), once);
});

test('judge() answers for an empty run and for a single variant without inventing anything', () => {
  const scenario = syntheticScenario();
  assert.equal(
    judge({ run: 'r', scenario, trials: [] }).answer,
    'No trial was completed, so there is no answer.',
  );
  const alone = { factors: { variant: 'reuseport', concurrency: 8 } };
  assert.match(judged({ scenario: alone }).answer, /^Only reuseport was measured/);
});

test('judge() of a server against itself claims a difference in no more runs than its confidence allows', () => {
  // One trial's histograms serve all, so that only what is judged varies: a run costs milliseconds.
  const scenario = syntheticScenario({ smallestDifference: 0.005 });
  const [template] = syntheticTrials({ scenario: { blocks: 1 } });
  const runs = 120;
  let anyClaim = 0;
  let headlineClaims = 0;
  for (let seed = 1; seed <= runs; seed++) {
    const { rows } = judge({ run: 'aa', scenario, trials: cheapTrials(template.record, seed) });
    const claims = rows.filter(({ verdict }) => verdict === 'better' || verdict === 'worse');
    if (claims.some(({ metric }) => metric !== 'connectionsPerSecond')) anyClaim++;
    if (claims.some(({ metric }) => metric === 'connectionsPerSecond')) headlineClaims++;
  }
  // 5 % of 120 is 6; three standard errors more is 13.
  assert.ok(headlineClaims <= 13, `${headlineClaims} of ${runs} on the headline`);
  assert.ok(anyClaim <= 13, `${anyClaim} of ${runs} beside it`);
});

function cheapTrials(template: TrialRecord, seed: number): TrialRecord[] {
  const random = seededRandom(seed, 'a/a');
  const noisy = (value: number) => value * Math.exp(0.03 * gauss(random));
  return Array.from({ length: 20 }, (_, index) => {
    const latency = (one: TrialRecord['latencySeconds']['total']) =>
      one === null ? null : { ...one, p50: noisy(one.p50 ?? 1), p99: noisy(one.p99 ?? 1) };
    const { connect, accept, firstByte, total } = template.latencySeconds;
    return {
      ...template,
      block: index >> 1,
      cell: { ...template.cell, variant: index % 2 === 0 ? 'single-queue' : 'reuseport' },
      connectionsPerSecond: noisy(template.connectionsPerSecond),
      server: {
        ...template.server,
        cpuMicrosecondsPerConnection: noisy(template.server.cpuMicrosecondsPerConnection ?? 1),
      },
      latencySeconds: {
        connect: latency(connect),
        accept: latency(accept),
        firstByte: latency(firstByte),
        total: latency(total),
      },
    };
  });
}
