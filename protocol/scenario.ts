/**
 * A scenario: what to compare, under which load, told as data. Parsed once, here; everything after trusts it.
 *
 * `scenario-file.ts` reads one from YAML with line numbers; `scenario.schema.json` (written from this file) lets
 * editors complete it.
 */

import { z } from 'zod';
import { type FactorName, levelSchemas } from './cell.ts';
import { misfitsOf } from './scenario-checks.ts';
import { applications, variantNames } from './variant-catalogue.ts';

export const labKinds = ['auto', 'loopback', 'namespaces', 'cluster'] as const;

/** Metrics that can be judged or bounded by a threshold: paths into a line of trials.jsonl. */
export const metricNames = [
  'connectionsPerSecond',
  'server.cpuMicrosecondsPerConnection',
  'server.acceptFairness',
  'latencySeconds.connect.p50',
  'latencySeconds.connect.p99',
  'latencySeconds.accept.p50',
  'latencySeconds.accept.p99',
  'latencySeconds.firstByte.p50',
  'latencySeconds.firstByte.p99',
  'latencySeconds.total.p50',
  'latencySeconds.total.p99',
] as const;
export type MetricName = (typeof metricNames)[number];

/** One level, or a list of different ones. Parsed to a list. */
const levels = <T extends z.ZodType<string | number>>(level: T, fallback?: z.output<T>) => {
  const list = z
    .union([level.transform((one) => [one]), z.array(level).min(1).max(64)])
    .refine((all) => new Set(all).size === all.length, {
      error: 'the same level stands twice; wanted each level once',
    });
  return fallback === undefined ? list : list.prefault(fallback as never);
};

export const thresholdSchema = z
  .strictObject({
    metric: z.enum(metricNames),
    variant: levelSchemas.variant.optional().describe('Only this variant; without it, every one'),
    min: z.number().optional(),
    max: z.number().optional(),
  })
  .refine((threshold) => threshold.min !== undefined || threshold.max !== undefined, {
    error: 'neither min nor max is there; wanted one, or both',
  });

const scenarioFields = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'wanted lower-case letters, digits and hyphens, at most 64'),
  question: z
    .string()
    .max(500)
    // Terminals obey what reports would only show.
    .refine((text) => !/[^\P{Cc}\s]/u.test(text), {
      error: 'holds a control character; wanted a sentence',
    })
    .transform((text) => text.trim().replace(/\s+/g, ' '))
    .optional()
    .describe('What the run is to answer, in a sentence'),
  seed: z
    .int()
    .min(0)
    .max(0xffff_ffff)
    .default(1)
    .describe('Seeds the order of trials and the arrival schedules'),
  lab: z
    .enum(labKinds)
    .default('auto')
    .describe('Where load and server meet; auto: namespaces where allowed, else loopback'),
  application: z.enum(applications).default('echo'),
  port: z.int().min(0).max(65_535).default(0).describe("The server's TCP port; 0: any free one"),
  factors: z.strictObject({
    variant: levels(levelSchemas.variant),
    cores: levels(levelSchemas.cores, 1),
    engine: levels(levelSchemas.engine, 'socket'),
    messages: levels(levelSchemas.messages, 1),
    requestBytes: levels(levelSchemas.requestBytes, 64),
    responseBytes: levels(levelSchemas.responseBytes, 64),
    close: levels(levelSchemas.close, 'client-fin'),
    concurrency: levels(levelSchemas.concurrency).optional(),
    rate: levels(levelSchemas.rate).optional(),
  }),
  baseline: levelSchemas.variant
    .optional()
    .describe('What the others are compared with; without it, the first variant'),
  metric: z.enum(metricNames).optional().describe('What the one-sentence answer is about'),
  warmUpSeconds: z.number().min(0).max(600).default(1),
  measuredSeconds: z.number().min(0.2).max(3600).default(5),
  blocks: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .describe('Randomised passes over the cells; 10 or more for a claim'),
  smallestDifference: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.05)
    .describe('The smallest relative difference that matters'),
  confidence: z.number().min(0.5).max(0.999).default(0.95),
  attempts: z
    .int()
    .min(1)
    .max(10)
    .default(3)
    .describe('How often one trial may be tried before the run gives it up'),
  agents: z
    .strictObject({
      count: z.int().min(1).max(256).default(1),
      sourceAddresses: z.int().min(1).max(1000).default(1).describe('Source addresses of each agent'),
    })
    .prefault({}),
  timeouts: z
    .strictObject({
      connectSeconds: z.number().min(0.05).max(60).default(3),
      responseSeconds: z.number().min(0.05).max(60).default(3),
      serverReadySeconds: z.number().min(0.1).max(120).default(10),
    })
    .prefault({}),
  thresholds: z.array(thresholdSchema).max(64).default([]),
});

/** Runs whatever is wrong with single values: every mistake is told at once. */
const fitTogether: z.core.$ZodCheck<z.output<typeof scenarioFields>> = new z.core.$ZodCheck({
  check: 'custom',
  when: ({ value, issues }) =>
    typeof value === 'object' &&
    value !== null &&
    !issues.some(({ code, path = [] }) => code === 'invalid_type' && path.length === 0),
});
fitTogether._zod.check = ({ value, issues }) => {
  // A key too many leaves the values beside it as well as they are.
  const faults = issues.filter(({ code }) => code !== 'unrecognized_keys').map(({ path = [] }) => path);
  for (const { path, message } of misfitsOf(value, faults))
    issues.push({ code: 'custom', path, message, input: value });
};

export const scenarioSchema = scenarioFields.check(fitTogether);

export type Scenario = Readonly<z.output<typeof scenarioSchema>>;
export type Threshold = Readonly<z.output<typeof thresholdSchema>>;
export type Levels = Readonly<Record<FactorName, readonly (string | number)[] | undefined>>;

/** Every variant is compared with this one. */
export function baselineOf(scenario: Scenario): string {
  return scenario.baseline ?? (scenario.factors.variant[0] as string);
}

/** What the one-sentence answer is about: capacity in a closed loop, the tail in an open one, unless told otherwise. */
export function headlineMetricOf(scenario: Scenario): MetricName {
  if (scenario.metric !== undefined) return scenario.metric;
  return scenario.factors.rate === undefined ? 'connectionsPerSecond' : 'latencySeconds.total.p99';
}

/** The keys that may stand in the map at a path: for "did you mean". */
export function scenarioKeys(path: readonly (string | number)[]): string[] {
  const { shape } = scenarioSchema;
  switch (path[0]) {
    case undefined:
      return Object.keys(shape);
    case 'factors':
      return Object.keys(shape.factors.shape);
    case 'agents':
      return Object.keys(shape.agents.unwrap().shape);
    case 'timeouts':
      return Object.keys(shape.timeouts.unwrap().shape);
    case 'thresholds':
      return Object.keys(thresholdSchema.shape);
    default:
      return [];
  }
}

/** The scenario as JSON Schema: what `scenario.schema.json` holds, for editors. */
export function scenarioJsonSchema(): Record<string, unknown> {
  return {
    title: 'Stampede scenario',
    ...z.toJSONSchema(scenarioSchema, {
      io: 'input',
      override: ({ zodSchema, jsonSchema }) => {
        if (zodSchema === (levelSchemas.variant as z.core.$ZodType)) jsonSchema.enum = variantNames();
      },
    }),
  };
}
