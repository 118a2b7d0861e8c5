/** `histograms/TRIAL.json`: the merged histograms of one trial, so that percentiles are never averaged. */

import { z } from 'zod';
import { LatencyHistogram } from '../measurement/histogram.ts';
import { maxDecodedCharacters } from '../measurement/histogram-encoding.ts';
import { type LatencyName, latencyNames, latencySchema } from '../protocol/trial-record.ts';

export const histogramsSchemaName = 'stampede.histograms/1';

const oneSchema = z.strictObject({
  /** HdrHistogram V2, deflated, in base64; values are nanoseconds. */
  hdr: z.string().max(maxDecodedCharacters),
  /** Digits every value is known to: 3, or fewer where an agent had to coarsen. */
  significantDigits: z.int().min(1).max(3),
  /** In seconds: what the histogram says, for readers without an HDR library. */
  summary: latencySchema,
});

export const trialHistogramsSchema = z.strictObject({
  schema: z.literal(histogramsSchemaName),
  trial: z.string(),
  unit: z.literal('ns'),
  /** Null: not measured; the trial's notes say why. */
  latencies: z.strictObject(
    Object.fromEntries(latencyNames.map((name) => [name, oneSchema.nullable()])) as Record<
      LatencyName,
      z.ZodNullable<typeof oneSchema>
    >,
  ),
});
export type TrialHistograms = Readonly<z.infer<typeof trialHistogramsSchema>>;

export type Latencies = Readonly<Record<LatencyName, LatencyHistogram | null>>;

export function trialHistograms(trial: string, latencies: Latencies): TrialHistograms {
  const one = (histogram: LatencyHistogram | null) =>
    histogram === null
      ? null
      : {
          hdr: histogram.encode(),
          significantDigits: histogram.significantDigits,
          summary: histogram.summary(),
        };
  return {
    schema: histogramsSchemaName,
    trial,
    unit: 'ns',
    latencies: {
      connect: one(latencies.connect),
      accept: one(latencies.accept),
      firstByte: one(latencies.firstByte),
      total: one(latencies.total),
    },
  };
}

/** @throws when `value` is not what `trialHistograms` makes, or a histogram in it is damaged. */
export function parseTrialHistograms(value: unknown): Latencies {
  const { latencies } = trialHistogramsSchema.parse(value);
  const one = (entry: { readonly hdr: string } | null) =>
    entry === null ? null : LatencyHistogram.decode(entry.hdr);
  return {
    connect: one(latencies.connect),
    accept: one(latencies.accept),
    firstByte: one(latencies.firstByte),
    total: one(latencies.total),
  };
}
