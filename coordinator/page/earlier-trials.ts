/** The histograms of trials that were committed before this program began: read from the run folder, one at a time. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunFolder } from '../../protocol/run-folder.ts';
import type { TrialRecord } from '../../protocol/trial-record.ts';
import { type Latencies, parseTrialHistograms } from '../histogram-file.ts';

/** What is missing or damaged is passed over: the report says so. */
export async function forEarlierTrials(
  folder: RunFolder,
  committed: readonly TrialRecord[],
  take: (trial: string, latencies: Latencies) => void,
): Promise<void> {
  for (const { trial } of committed) {
    const path = join(folder.histograms, `${trial}.json`);
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) continue;
    try {
      take(trial, parseTrialHistograms(JSON.parse(text)));
    } catch {}
  }
}
