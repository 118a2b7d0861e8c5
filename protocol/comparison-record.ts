/** `comparison.json`: every variant against the baseline, a row a metric. Field names are fixed. */

import { z } from 'zod';
import { circumstancesSchema } from './cell.ts';
import { metricNames } from './scenario.ts';
import { limitedBy } from './trial-record.ts';

export const comparisonSchemaName = 'stampede.comparison/1';
export const verdicts = ['better', 'worse', 'equivalent', 'inconclusive'] as const;
export type Verdict = (typeof verdicts)[number];

const figure = z.number().nullable();

export const comparisonRowSchema = z.strictObject({
  metric: z.enum(metricNames),
  cell: circumstancesSchema,
  variant: z.string(),
  baselineMedian: figure,
  median: figure,
  /** Variant over baseline, and the bounds of its confidence interval; null when there was nothing to compare. */
  ratio: figure,
  low: figure,
  high: figure,
  confidence: z.number(),
  /** Blocks in which both were measured. */
  blocks: z.int().min(0),
  verdict: z.enum(verdicts),
  /** Of the variant's trials in this cell, and of the baseline's: a generator's limit makes a figure a bound. */
  limitedBy: z.enum(limitedBy),
  baselineLimitedBy: z.enum(limitedBy),
  /** Of an inconclusive row: how many more blocks would probably decide it. */
  moreBlocks: z.int().min(1).nullable(),
  /** Why a figure is null, is a bound, or a verdict withheld. */
  notes: z.array(z.string()),
});

const measuredSchema = z.strictObject({
  connectionsPerSecond: figure,
  ratio: figure,
  /** Of the server's private caches, by hardware counters. */
  missesPerConnection: figure.default(null),
  /** Measured less modelled: what of the misses the model does not have (code, the application, what else ran there). */
  missesResidual: figure.default(null),
  /** Why misses were not measured. */
  missesReason: z.string().nullable().default(null),
});

/** What the simulator says of a variant on so many cores. Never a measurement, whatever stands beside it. */
export const modelRowSchema = z.strictObject({
  modelled: z.literal(true),
  variant: z.string(),
  /** The simulator's design that stands for it; null where there is none. */
  design: z.string().nullable(),
  cores: z.int().min(1),
  messages: z.int().min(1),
  responseBytes: z.int().min(1),
  connectionsPerSecond: figure,
  /** 95 % interval of it over seeds: the model's own chance, not its error. */
  low: figure,
  high: figure,
  /** Of connections/s, over the baseline's on as many cores. */
  ratio: figure,
  missesPerConnection: figure,
  lockWaitCyclesPerConnection: figure,
  objects: z.array(
    z.strictObject({
      object: z.string(),
      missesPerConnection: z.number(),
      lockWaitCyclesPerConnection: z.number(),
    }),
  ),
  /** Its one-core cost was calibrated on as many cores as these, in this run. */
  calibratedOnCores: z.int().min(1).nullable(),
  /** Medians over blocks, where the run had as many cores. */
  measured: measuredSchema.nullable(),
  /** Why a figure is null. */
  reason: z.string().nullable(),
});

export const comparisonSchema = z.strictObject({
  schema: z.literal(comparisonSchemaName),
  run: z.string(),
  baseline: z.string(),
  /** The answer in one sentence. */
  answer: z.string(),
  rows: z.array(comparisonRowSchema),
  thresholds: z.array(
    z.strictObject({
      metric: z.enum(metricNames),
      variant: z.string(),
      min: figure,
      max: figure,
      /** The median over blocks of the worst cell of that variant. */
      value: figure,
      holds: z.boolean(),
    }),
  ),
  model: z.array(modelRowSchema),
});

export type ComparisonRow = Readonly<z.infer<typeof comparisonRowSchema>>;
export type ModelRow = Readonly<z.infer<typeof modelRowSchema>>;
export type Comparison = Readonly<z.infer<typeof comparisonSchema>>;
