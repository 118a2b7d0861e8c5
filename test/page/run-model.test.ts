/** What a model makes of a run that does not go well, and of one that goes on where it was. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { modelOfFolder } from '../../coordinator/page/finished-run.ts';
import { RunModel } from '../../coordinator/page/run-model.ts';
import { readRun } from '../../coordinator/report/read-run.ts';
import type { CellFigures, LiveDocuments, TrialLine } from '../../protocol/live-page.ts';
import { folderFor } from '../cli/stampede-process.ts';
import { writeSyntheticRun } from '../report/synthetic-run.ts';
import { ToldRun } from './told-run.ts';

const told = (model: RunModel): LiveDocuments =>
  JSON.parse(`{${model.log.since(0, Number.POSITIVE_INFINITY)?.text}}`) as LiveDocuments;

test('a void attempt is counted, its points are marked, its trial is to come again', () => {
  const run = new ToldRun();
  const [{ record }] = run.trials;
  const attempt = { run: 'synthetic-run', trial: record.trial, attempt: 1, epoch: 1 };
  run.begin(record.trial);
  run.report(record.trial, 0, 100);
  run.model.see({ kind: 'void', attempt, reason: 'agent-1 was lost' });
  run.begin(record.trial, 2);
  run.report(record.trial, 0, 90);
  const documents = told(run.model);
  const line = documents['trials/0'].find(({ trial }) => trial === record.trial) as TrialLine;
  assert.deepEqual([line.state, line.attempts], ['running', 2]);
  assert.deepEqual(
    documents['rates/0'].map(({ phase, completed }) => [phase, completed]),
    [
      ['void', 100],
      // The scenario warms up for a second.
      ['warm-up', 90],
    ],
  );
  assert.equal(documents.troubles.voidAttempts, 1);
  assert.match(documents.troubles.notices[0].text, /attempt 1: agent-1 was lost$/);
});

test('warnings beyond fifty are counted, and long ones are cut', () => {
  const run = new ToldRun();
  for (let count = 0; count < 70; count++)
    run.model.see({ kind: 'progress', progress: { kind: 'warning', text: 'x'.repeat(5_000) } });
  const { troubles } = told(run.model);
  assert.deepEqual([troubles.notices.length, troubles.left], [50, 20]);
  assert.ok(troubles.notices.every(({ text }) => text.length <= 501));
});

test('a run that goes on where it was has the figures of the trials before, latencies too', async (t) => {
  const folder = await writeSyntheticRun(join(await folderFor(t), 'run'), { scenario: { blocks: 3 } });
  const whole = told(await modelOfFolder(folder));
  const { scenario, trials } = await readRun(folder);
  const model = new RunModel();
  const { run, progress } = whole;
  model.see({
    kind: 'opened',
    run: run.run,
    folder,
    scenario,
    plan: {
      lab: 'loopback',
      cells: run.cells.map(({ id, cell }) => ({ id, cell, serverCores: [], ports: null })),
      trials: whole['trials/0'].map(({ trial, block, cell }) => ({
        trial,
        block,
        cell: run.cells[cell].cell,
        cellId: run.cells[cell].id,
        serverCores: [],
        seed: 1,
      })),
      loadCores: [0],
      estimatedSeconds: 1,
      problems: [],
      warnings: [],
    },
    committed: trials,
  });
  const figures = (): CellFigures => told(model)['cells/1'];
  for (let turn = 0; figures().latencies.total?.count !== whole['cells/1'].latencies.total?.count; turn++) {
    assert.ok(turn < 200, 'the histograms before were not read');
    await sleep(10);
  }
  await sleep(50);
  assert.deepEqual(figures(), whole['cells/1']);
  assert.equal(told(model).progress.done, progress.done);
  assert.equal(progress.done, 6);
});

test('a finished run is told with its course: what was known after each block', async (t) => {
  const folder = await writeSyntheticRun(join(await folderFor(t), 'run'), {
    truths: { reuseport: { cpuMicroseconds: 30 } },
    scenario: { blocks: 11 },
  });
  const documents = told(await modelOfFolder(folder));
  assert.deepEqual(
    documents['course/0'].map(({ block }) => block),
    Array.from({ length: 11 }, (_, index) => index + 1),
  );
  assert.ok(documents['course/0'].slice(0, 4).every(({ low }) => low === null));
  assert.ok(documents.answer.isFinal);
  assert.equal(documents.ended.state, 'complete');
});

test('a finished run has no trials to come of a variant that its machine had left out', async (t) => {
  const folder = await writeSyntheticRun(join(await folderFor(t), 'run'), {
    scenario: {
      blocks: 3,
      factors: { variant: ['single-queue', 'reuseport', 'user-level'], concurrency: 8 },
    },
  });
  const lines = readFileSync(folder.trials, 'utf8').trim().split('\n');
  const kept = lines.filter((line) => !line.includes('user-level'));
  assert.equal(kept.length, 6);
  await writeFile(folder.trials, `${kept.join('\n')}\n`);
  const record = JSON.parse(readFileSync(folder.run, 'utf8')) as object;
  await writeFile(folder.run, JSON.stringify({ ...record, planned: 6, committed: 6 }));
  const documents = told(await modelOfFolder(folder));
  assert.deepEqual(
    documents['trials/0'].map(({ state }) => state),
    Array(6).fill('committed'),
  );
  assert.deepEqual(
    documents.run.cells.map(({ id }) => id),
    ['c01', 'c02'],
  );
});
