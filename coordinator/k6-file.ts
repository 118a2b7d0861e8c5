/**
 * `k6/TRIAL.json`: what each k6 that made load in a trial says of itself, kept as it was said. Its times are k6's own, over
 * its whole run, and nothing is judged by them: figures come from `trials.jsonl` and the histograms.
 */

import { z } from 'zod';
import { k6SummarySchema } from '../protocol/k6.ts';
import type { LoadResult } from '../protocol/messages.ts';

export const k6TrialSchema = z.strictObject({
  schema: z.literal('stampede.k6/1'),
  trial: z.string(),
  unit: z.literal('ms'),
  /** By the agents' shares: the first has share 0. */
  agents: z.array(k6SummarySchema.nullable()),
});
export type K6TrialFile = Readonly<z.infer<typeof k6TrialSchema>>;

/** Null when none of the loads is k6's. */
export function k6TrialFile(trial: string, loads: readonly LoadResult[]): K6TrialFile | null {
  if (loads.every(({ k6 }) => k6 === undefined)) return null;
  return { schema: 'stampede.k6/1', trial, unit: 'ms', agents: loads.map(({ k6 }) => k6 ?? null) };
}
