/** What a run's ledger comes to: judged and reported, once there is something to judge. */

import type { Comparison } from '../protocol/comparison-record.ts';
import type { RunFolder } from '../protocol/run-folder.ts';
import type { Ledger } from './ledger.ts';
import { writeReports } from './report/write-reports.ts';

/** Null when nothing was committed. @throws {Failure} when the folder cannot be written to. */
export async function conclude(folder: RunFolder, ledger: Ledger): Promise<Comparison | null> {
  return ledger.committed.size === 0 ? null : await writeReports(folder);
}
