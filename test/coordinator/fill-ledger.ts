/** Commits trials into argv[2] until the disk is full; then tells, as JSON, what came of it. */

import { mkdir, readFile } from 'node:fs/promises';
import { Ledger } from '../../coordinator/ledger.ts';
import { messageOf } from '../../protocol/failure.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { trialRecordSchema } from '../../protocol/trial-record.ts';
import { sampleTrial } from './sample-trial.ts';

const folder = runFolder(process.argv[2] ?? '');
await mkdir(folder.histograms);
const ledger = await Ledger.open(folder);
let message = '';
for (let index = 1; message === '' && index < 10_000; index++) {
  const { record, histograms } = sampleTrial(`b01-c${index}`);
  try {
    await ledger.commit(record, { histograms, k6: null }, async () => {});
  } catch (error) {
    message = messageOf(error);
  }
}
const committed = ledger.committed.size;
await ledger.close();
const text = await readFile(folder.trials, 'utf8');
const lines = text.split('\n').slice(0, -1);
for (const line of lines) trialRecordSchema.parse(JSON.parse(line));
process.stdout.write(JSON.stringify({ committed, message, lines: lines.length, torn: !text.endsWith('\n') }));
