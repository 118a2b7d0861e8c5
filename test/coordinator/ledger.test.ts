import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AppendFile } from '../../coordinator/durable-file.ts';
import { lockFolder, startTicksOf } from '../../coordinator/folder-lock.ts';
import { Ledger } from '../../coordinator/ledger.ts';
import { attemptLeftOpen, EventLog } from '../../coordinator/logs.ts';
import { openRun, prepareFolder, readRun } from '../../coordinator/run-state.ts';
import { type RunFolder, runFolder } from '../../protocol/run-folder.ts';
import { scenarioSchema } from '../../protocol/scenario.ts';
import { smallScenario } from './harness.ts';
import { sampleTrial } from './sample-trial.ts';

const freely = async () => {};
const nothing = { histograms: {}, k6: null };

async function scratchFolder(t: TestContext): Promise<RunFolder> {
  const path = await mkdtemp(join(tmpdir(), 'stampede-test-'));
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  const folder = runFolder(path);
  await mkdir(folder.histograms);
  return folder;
}

test('Ledger finds again what it committed', async (t) => {
  const folder = await scratchFolder(t);
  const ledger = await Ledger.open(folder);
  const { record, histograms } = sampleTrial('b01-c01');
  await ledger.commit(record, { histograms, k6: null }, freely);
  await ledger.close();
  const again = await Ledger.open(folder);
  assert.deepEqual([...again.committed.keys()], ['b01-c01']);
  assert.deepEqual(again.committed.get('b01-c01'), record);
  await again.close();
});

test('Ledger keeps what k6 said of a trial beside its line, and makes no folder where no k6 took part', async (t) => {
  const folder = await scratchFolder(t);
  const ledger = await Ledger.open(folder);
  await ledger.commit(sampleTrial('b01-c01').record, nothing, freely);
  await assert.rejects(readFile(join(folder.k6, 'b01-c01.json')), /ENOENT/);
  await ledger.commit(sampleTrial('b01-c02').record, { ...nothing, k6: { said: 1 } }, freely);
  assert.deepEqual(JSON.parse(await readFile(join(folder.k6, 'b01-c02.json'), 'utf8')), { said: 1 });
  await ledger.close();
});

test('Ledger cuts off a torn last line, says so, and the trial commits again', async (t) => {
  const folder = await scratchFolder(t);
  const ledger = await Ledger.open(folder);
  await ledger.commit(sampleTrial('b01-c01').record, nothing, freely);
  await ledger.close();
  const whole = await readFile(folder.trials, 'utf8');
  for (const torn of ['{"schema":"stampede.tri', JSON.stringify(sampleTrial('b01-c02').record)]) {
    await writeFile(folder.trials, whole + torn);
    const mended = await Ledger.open(folder);
    assert.match(mended.repaired ?? '', /the last line of .* was torn/);
    assert.deepEqual([...mended.committed.keys()], ['b01-c01']);
    assert.equal(await readFile(folder.trials, 'utf8'), whole);
    await mended.close();
  }
});

test('Ledger refuses a second commit of a trial, whatever the attempt, and a fence that says no', async (t) => {
  const folder = await scratchFolder(t);
  const ledger = await Ledger.open(folder);
  await ledger.commit(sampleTrial('b01-c01').record, nothing, freely);
  await assert.rejects(
    ledger.commit(sampleTrial('b01-c01', 2).record, nothing, freely),
    /a trial commits once/,
  );
  const both = await Promise.allSettled([
    ledger.commit(sampleTrial('b01-c02', 1).record, nothing, freely),
    ledger.commit(sampleTrial('b01-c02', 2).record, nothing, freely),
  ]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const no = async () => {
    throw new Error('another coordinator owns the run');
  };
  await assert.rejects(ledger.commit(sampleTrial('b01-c03').record, nothing, no), /another coordinator/);
  assert.equal((await readFile(folder.trials, 'utf8')).split('\n').length, 3);
  await ledger.close();
});

test('Ledger refuses a damaged line in the middle and a trial that stands twice, by line number', async (t) => {
  const folder = await scratchFolder(t);
  const line = JSON.stringify(sampleTrial('b01-c01').record);
  await writeFile(folder.trials, `${line}\nnonsense\n${line}\n`);
  await assert.rejects(Ledger.open(folder), /line 2: .*JSON/);
  await writeFile(folder.trials, `${line}\n${line}\n`);
  await assert.rejects(Ledger.open(folder), /line 2: trial b01-c01 stands twice/);
  await writeFile(folder.trials, `${line}\n{"schema":"stampede.trial/1","connectionsPerSecond":-1}\n`);
  await assert.rejects(Ledger.open(folder), /line 2: /);
});

test('Ledger keeps whole records only when the disk is full, and names ENOSPC and the path', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('a full disk is a tmpfs, and mounting one needs root');
  const folder = await scratchFolder(t);
  const program = fileURLToPath(new URL('./fill-ledger.js', import.meta.url));
  const { stdout } = await promisify(execFile)('unshare', [
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs -o size=256k tmpfs '${folder.path}' && exec '${process.execPath}' '${program}' '${folder.path}'`,
  ]);
  const told = JSON.parse(stdout) as { committed: number; message: string; lines: number; torn: boolean };
  assert.match(told.message, /trials\.jsonl|histograms\//);
  assert.match(told.message, /ENOSPC/);
  assert.ok(told.message.includes(folder.path));
  assert.ok(told.committed > 10);
  assert.equal(told.lines, told.committed);
  assert.equal(told.torn, false);
  return undefined;
});

test('AppendFile keeps the order of lines appended at once', async (t) => {
  const folder = await scratchFolder(t);
  const file = await AppendFile.open(folder.attempts, { synced: true });
  await Promise.all(Array.from({ length: 50 }, (_, index) => file.append(String(index))));
  await file.close();
  const lines = (await readFile(folder.attempts, 'utf8')).trim().split('\n');
  assert.deepEqual(
    lines,
    lines.map((_, index) => String(index)),
  );
  await assert.rejects(AppendFile.open('/proc/nothing/here', { synced: true }), /Cannot write .*ENOENT/);
});

test('attemptLeftOpen finds the attempt an earlier coordinator died in, behind a torn line', async (t) => {
  const folder = await scratchFolder(t);
  assert.equal(await attemptLeftOpen(folder), null);
  const log = await EventLog.open(folder, 'r1', 1);
  log.write({ event: 'attempt-begun', epoch: 7, trial: 'b01-c01', attempt: 2 });
  await log.close();
  await appendFile(folder.events, '{"event":"attempt-en');
  const left = await attemptLeftOpen(folder);
  assert.deepEqual([left?.trial, left?.attempt, left?.epoch], ['b01-c01', 2, 7]);
  const next = await EventLog.open(folder, 'r1', 2);
  next.write({ event: 'attempt-ended', trial: 'b01-c01' });
  await next.close();
  assert.equal(await attemptLeftOpen(folder), null);
});

test('openRun raises the incarnation on each start, and refuses another scenario and a foreign folder', async (t) => {
  const folder = await scratchFolder(t);
  const scenario = scenarioSchema.parse(smallScenario());
  await prepareFolder(folder);
  const first = await openRun(folder, scenario, 'text');
  assert.equal(first.incarnation, 1);
  const second = await openRun(folder, scenario, 'text');
  assert.deepEqual([second.incarnation, second.run], [2, first.run]);
  assert.equal((await readRun(folder))?.incarnation, 2);
  const other = scenarioSchema.parse(smallScenario({ blocks: 3 }));
  await assert.rejects(openRun(folder, other, 'text'), {
    exitStatus: 2,
    message: /it is of another scenario/,
  });
  await writeFile(folder.run, '{"schema":"stampede.run/1"');
  await assert.rejects(openRun(folder, scenario, 'text'), { exitStatus: 2, message: /run\.json is damaged/ });
  await rm(folder.run);
  await writeFile(join(folder.path, 'thesis.tex'), '');
  await assert.rejects(prepareFolder(folder), {
    exitStatus: 2,
    message: /holds "thesis.tex" and no run.json/,
  });
});

test('lockFolder lets one process in, and takes over from one that is gone', async (t) => {
  const folder = await scratchFolder(t);
  const lock = await lockFolder(folder.path);
  await assert.rejects(lockFolder(folder.path), { exitStatus: 2, message: /process \d+ on .* is running/ });
  await lock.release();
  await (await lockFolder(folder.path)).release();
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  // This process's id, but another start: the id was used again.
  const stale = { pid: process.pid, startTicks: '1', boot, host: 'here' };
  await writeFile(join(folder.path, '.lock'), JSON.stringify(stale));
  await (await lockFolder(folder.path)).release();
  await writeFile(join(folder.path, '.lock'), 'damaged');
  await (await lockFolder(folder.path)).release();
  assert.match((await startTicksOf(process.pid)) ?? '', /^\d+$/);
});
