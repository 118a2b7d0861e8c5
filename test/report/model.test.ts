/** Modelled rows: of a run whose truth is known, in the comparison, the reports and the closing lines. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { designOfVariant } from '../../coordinator/model/design-of-variant.ts';
import { modelRows } from '../../coordinator/model/modelled.ts';
import { modelCells, modelExplains, modelLines } from '../../coordinator/report/model-words.ts';
import { writeReports } from '../../coordinator/report/write-reports.ts';
import { comparisonSchema, type ModelRow, modelRowSchema } from '../../protocol/comparison-record.ts';
import { variantNames } from '../../protocol/variant-catalogue.ts';
import { designs } from '../../simulator/designs/table.ts';
import { syntheticScenario, syntheticTrials, writeSyntheticRun } from './synthetic-run.ts';

const truths = { reuseport: { rate: 23_100, cpuMicroseconds: 40 } };
const environment = {
  cpu: { model: 'AMD EPYC', online: 2, caches: ['L2 Unified 512K', 'L3 Unified 32768K'] },
};

let scratch = '';
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stampede-model-'));
});
after(async () => {
  await rm(scratch, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

function rowsOf(scenario: object = {}) {
  const trials = syntheticTrials({ scenario, truths }).map(({ record }) => record);
  return modelRows({ scenario: syntheticScenario(scenario), trials, environment });
}

for (const variant of variantNames())
  test(`designOfVariant("${variant}") is a design of the simulator`, () => {
    assert.ok(Object.hasOwn(designs, designOfVariant(variant) ?? ''), String(designOfVariant(variant)));
  });

test('modelRows(): each variant on the measured cores and on 8, 24, 48, marked as modelled', () => {
  const rows = rowsOf();
  for (const row of rows) modelRowSchema.parse(row);
  assert.deepEqual(
    rows.map(({ variant, cores, modelled }) => [variant, cores, modelled]),
    ['single-queue', 'reuseport'].flatMap((variant) => [2, 8, 24, 48].map((cores) => [variant, cores, true])),
  );
  for (const row of rows) {
    assert.equal(row.reason, null);
    assert.equal(row.calibratedOnCores, 2);
    assert.equal(row.measured === null, row.cores !== 2);
    assert.ok(row.connectionsPerSecond !== null && row.low !== null && row.high !== null);
    assert.ok(row.low <= row.connectionsPerSecond && row.connectionsPerSecond <= row.high);
    assert.ok(row.objects.length > 3);
    const misses = row.objects.reduce((sum, each) => sum + each.missesPerConnection, 0);
    assert.ok(Math.abs(misses / (row.missesPerConnection as number) - 1) < 0.1, `${misses}`);
  }
});

test('modelRows(): on as many cores as were measured, a connection costs what was measured, and the ratio is that of the costs', () => {
  const rows = rowsOf().filter(({ cores }) => cores === 2);
  for (const [variant, microseconds] of [
    ['single-queue', 44],
    ['reuseport', 40],
  ] as const) {
    const row = rows.find((each) => each.variant === variant);
    // Two cores that are never idle.
    const rate = 2e6 / microseconds;
    assert.ok(
      Math.abs((row?.connectionsPerSecond as number) / rate - 1) < 0.04,
      `${variant}: ${row?.connectionsPerSecond}`,
    );
  }
  const ratio = rows.find(({ variant }) => variant === 'reuseport')?.ratio as number;
  assert.ok(Math.abs(ratio / (44 / 40) - 1) < 0.04, `${ratio}`);
});

test('modelRows(): what is measured on more cores than were calibrated on stands beside the model’s figure', () => {
  const rows = rowsOf({
    factors: { variant: ['single-queue', 'reuseport'], cores: [1, 2], concurrency: 64 },
  });
  const own = rows.filter(({ variant }) => variant === 'reuseport');
  assert.deepEqual(
    own.map(({ cores, calibratedOnCores, measured }) => [cores, calibratedOnCores, measured !== null]),
    [
      [1, 1, true],
      [2, 1, true],
      [8, 1, false],
      [24, 1, false],
      [48, 1, false],
    ],
  );
  assert.ok(Math.abs((own[0].measured?.ratio as number) / 1.1 - 1) < 0.05);
});

test('modelRows(): misses that hardware counted stand beside the modelled ones, with the residual', () => {
  const counted = { ...truths, 'single-queue': { cacheMisses: 120 } };
  const trials = syntheticTrials({ truths: counted }).map(({ record }) => record);
  const rows = modelRows({ scenario: syntheticScenario(), trials, environment });
  const row = (variant: string, cores: number) =>
    rows.find((each) => each.variant === variant && each.cores === cores) as (typeof rows)[number];
  const measured = row('single-queue', 2).measured as NonNullable<ModelRow['measured']>;
  assert.ok(
    Math.abs((measured.missesPerConnection as number) / 120 - 1) < 0.03,
    `${measured.missesPerConnection}`,
  );
  const modelled = row('single-queue', 2).missesPerConnection as number;
  assert.equal(measured.missesResidual, (measured.missesPerConnection as number) - modelled);
  assert.equal(measured.missesReason, null);
  assert.match(
    modelCells(row('single-queue', 2))[5],
    new RegExp(`^${modelled.toFixed(1)} \\(measured 1[12]\\d\\.\\d, residual \\+\\d+\\.\\d\\)$`),
  );
  assert.match(modelExplains(rows), /were counted by hardware; the residual/);
  const without = row('reuseport', 2);
  assert.equal(without.measured?.missesPerConnection, null);
  assert.equal(without.measured?.missesReason, 'the server did not report it');
  assert.equal(modelCells(without)[5], (without.missesPerConnection as number).toFixed(1));
  assert.match(
    modelExplains(rows.filter(({ variant }) => variant === 'reuseport')),
    /No measured misses stand beside the modelled ones \(the server did not report it\)/,
  );
});

test('modelRows(): without core times there is a reason, and no figure', () => {
  const trials = syntheticTrials({ truths }).map(({ record }) => ({
    ...record,
    server: { ...record.server, cpuMicrosecondsPerConnection: null },
  }));
  const rows = modelRows({ scenario: syntheticScenario(), trials, environment: null });
  for (const row of rows) {
    assert.equal(row.connectionsPerSecond, null);
    assert.match(row.reason ?? '', /was not measured/);
  }
  const [line] = modelLines({ model: rows, baseline: 'single-queue' });
  assert.match(
    line,
    /^modelled, not measured: single-queue on 8, 24, 48 cores: nothing; .*was not measured$/,
  );
});

test('writeReports(): the model is in the comparison, the page and the text, and said to be one', async () => {
  const folder = await writeSyntheticRun(join(scratch, 'run'), { truths });
  const comparison = await writeReports(folder);
  const written = comparisonSchema.parse(JSON.parse(await readFile(folder.comparison, 'utf8')));
  assert.deepEqual(written.model, comparison.model);
  assert.equal(comparison.model.length, 8);
  const lines = modelLines(comparison);
  assert.equal(lines.length, 2);
  assert.match(
    lines[0],
    /^modelled, not measured: single-queue on 8, 24, 48 cores: [\d.]+ k, .* connections\/s$/,
  );
  assert.match(lines[1], /^modelled, not measured: reuseport .* × single-queue\)$/);
  const page = await readFile(folder.reportHtml, 'utf8');
  assert.match(page, /On more cores: modelled, not measured/);
  assert.match(
    await readFile(folder.reportMarkdown, 'utf8'),
    /## On more cores \(modelled\)\n\nSimulated, not measured/,
  );
});
