/** Figures and the terminal's table, as a person reads them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../coordinator/judge/judge.ts';
import { boundedFigure, difference, duration, figure, scaled } from '../../coordinator/report/figures.ts';
import { limitAdvice } from '../../coordinator/report/limit-advice.ts';
import { comparisonTable } from '../../coordinator/report/table.ts';
import { syntheticScenario, syntheticTrials } from './synthetic-run.ts';

test('figures have three digits that matter and a unit', () => {
  assert.deepEqual([9.87, 999, 21_400, 412_345, 1_030_000].map(scaled), [
    '9.87',
    '999',
    '21.4 k',
    '412 k',
    '1.03 M',
  ]);
  assert.deepEqual([0, 5e-9, 74.1e-6, 1.2e-3, 0.9996, 3].map(duration), [
    '0 s',
    '5.00 ns',
    '74.1 µs',
    '1.20 ms',
    '1.00 s',
    '3.00 s',
  ]);
  assert.deepEqual([1.071, 0.97, 1, 2.41, null].map(difference), [
    '+7.1 %',
    '−3.0 %',
    '±0.0 %',
    '×2.41',
    '–',
  ]);
  assert.equal(figure('server.acceptFairness', null), 'not measured');
});

test('boundedFigure() marks rates from below and latencies from above, and leaves CPU alone', () => {
  assert.equal(boundedFigure('connectionsPerSecond', 412_000, 'generator'), '≥ 412 k');
  assert.equal(boundedFigure('latencySeconds.total.p99', 1.2e-3, 'generator'), '≤ 1.20 ms');
  assert.equal(boundedFigure('server.cpuMicrosecondsPerConnection', 44, 'generator'), '44.0 µs');
  assert.equal(boundedFigure('connectionsPerSecond', 412_000, 'server'), '412 k');
});

function table(width: number, colour: boolean): string {
  const options = {
    truths: { reuseport: { rate: 23_100, cpuMicroseconds: 40 } },
    scenario: { thresholds: [{ metric: 'connectionsPerSecond', variant: 'reuseport', min: 1e6 }] },
  };
  const trials = syntheticTrials(options).map(({ record }) => record);
  return comparisonTable(judge({ run: 'r', scenario: syntheticScenario(options.scenario), trials }), {
    colour,
    width,
  });
}

test('comparisonTable() lines its columns up, says ~ where nothing is decided, and ends with the answer', () => {
  const lines = table(200, false).split('\n');
  assert.match(lines[0], /^2 server cores · .* · 64 open at a time$/);
  assert.match(lines[1], /^ +single-queue +reuseport +difference \(95 % interval\) +verdict$/);
  assert.match(
    lines[2],
    /^connections\/s +2\d\.\d k +2\d\.\d k +\+\d+\.\d % \(\+\d+\.\d % … \+\d+\.\d %\) +better +10 blocks$/,
  );
  const column = lines[1].indexOf('difference');
  for (const line of lines.slice(2, 13)) assert.match(line.slice(column - 2, column + 1), /^ {2}[+−±×]/);
  assert.ok(lines.some((line) => / ~ {2,}/.test(line)));
  assert.match(
    lines.at(-3) ?? '',
    /^threshold BROKEN {2}reuseport: connections\/s .*, wanted at least 1\.00 M$/,
  );
  assert.match(lines.at(-1) ?? '', /^reuseport completes .*: better\.$/);
});

test('comparisonTable() of one block says that ten are wanted, and forecasts nothing, not even of equal figures', () => {
  const scenario = { blocks: 1 };
  const trials = syntheticTrials({ scenario }).map(({ record }) => record);
  const text = comparisonTable(judge({ run: 'r', scenario: syntheticScenario(scenario), trials }), {
    colour: false,
    width: 200,
  });
  assert.doesNotMatch(text, /more block/);
  assert.match(text, /accept fairness \(Jain\) .* ~ +1 block, 10 wanted\n/);
});

test('limitAdvice() speaks up when the generator was the limit of most trials, and says what to do', () => {
  const told = (idle: number, factors: object) => {
    const truths = { 'single-queue': { loadIdle: 0.1 }, reuseport: { loadIdle: idle } };
    const scenario = { factors: { variant: ['single-queue', 'reuseport'], ...factors } };
    return limitAdvice(syntheticTrials({ truths, scenario }).map(({ record }) => record));
  };
  assert.equal(told(0.5, { rate: 5_000 }), null, 'half of them');
  assert.match(
    told(0.1, { rate: 5_000 }) ?? '',
    /^The load generator was the limit in 20 of 20 trials, so latencies \(≤\) are bounds: .* more agents \(agents\.count\) .* lower rate/,
  );
  assert.match(told(0.1, { concurrency: 64 }) ?? '', /rates \(≥\) and latencies \(≤\) are bounds/);
});

test('comparisonTable() has colour only when asked, and loses its last column on a narrow terminal', () => {
  assert.ok(!table(200, false).includes('\u001b'));
  assert.ok(table(200, true).includes('\u001b[32mbetter'));
  assert.ok(!table(80, false).includes('10 blocks\n'));
});
