/** The run folder, opened for one coordinator: locked, its incarnation raised, its ledger and logs whole. */

import type { RunFolder } from '../protocol/run-folder.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { Closers } from './closing.ts';
import { lockFolder } from './folder-lock.ts';
import { Ledger } from './ledger.ts';
import { AttemptLog, attemptLeftOpen, EventLog, type OpenAttempt } from './logs.ts';
import { openRun, prepareFolder, type RunRecord } from './run-state.ts';
import { Writings } from './writings.ts';

export interface RunFiles {
  readonly record: RunRecord;
  readonly ledger: Ledger;
  readonly attempts: AttemptLog;
  readonly events: EventLog;
  /** The attempt an earlier coordinator died in; it is in attempts.jsonl now. */
  readonly interrupted: OpenAttempt | null;
  /** Nothing was started: as it closes, what this start has written goes. False: the run is an earlier start's, and stays. */
  takeBack(): boolean;
}

/** @throws {Failure} when the folder is somebody else's, of another scenario, or damaged. */
export async function openRunFiles(
  folder: RunFolder,
  scenario: Scenario,
  scenarioText: string,
  closers: Closers,
): Promise<RunFiles> {
  const writings = await Writings.of(folder);
  await prepareFolder(folder);
  const lock = await lockFolder(folder.path);
  closers.add('the lock of the run folder', () => lock.release());
  let isTakenBack = false;
  closers.add('what this start has written', async () => {
    if (isTakenBack) await writings.remove();
  });
  const record = await openRun(folder, scenario, scenarioText);
  const ledger = await Ledger.open(folder);
  closers.add('trials.jsonl', () => ledger.close());
  const attempts = await AttemptLog.open(folder);
  closers.add('attempts.jsonl', () => attempts.close());
  const leftOpen = await attemptLeftOpen(folder);
  const events = await EventLog.open(folder, record.run, record.incarnation);
  closers.add('events.jsonl', () => events.close());
  events.write({ event: 'coordinator-started', pid: process.pid, committed: ledger.committed.size });
  if (ledger.repaired !== null) events.write({ event: 'ledger-repaired', reason: ledger.repaired });
  const interrupted = leftOpen !== null && !ledger.committed.has(leftOpen.trial) ? leftOpen : null;
  if (leftOpen !== null) await closeAttempt(leftOpen, interrupted !== null, attempts, events);
  const takeBack = (): boolean => {
    isTakenBack = record.incarnation === 1 && ledger.committed.size === 0;
    return isTakenBack;
  };
  return { record, ledger, attempts, events, interrupted, takeBack };
}

async function closeAttempt(
  left: OpenAttempt,
  lost: boolean,
  attempts: AttemptLog,
  events: EventLog,
): Promise<void> {
  const { trial, attempt, epoch } = left;
  const reason = lost ? 'its coordinator ended while it was under way' : null;
  events.write({
    event: 'attempt-ended',
    epoch,
    trial,
    attempt,
    outcome: lost ? 'void' : 'committed',
    reason,
  });
  if (reason === null || attempts.lastAttempt(trial) >= attempt) return;
  await attempts.add({
    trial,
    attempt,
    epoch,
    reason,
    startedAt: left.at,
    endedAt: new Date().toISOString(),
    // They were in the memory of the coordinator that ended.
    samples: [],
  });
}
