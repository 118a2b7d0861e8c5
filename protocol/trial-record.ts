/**
 * A line of `trials.jsonl`: one committed trial. Field names are fixed.
 *
 * A value that was not measured is null, and `notes` says why, under the path of the field: never 0.
 */

import { z } from 'zod';
import { cellSchema } from './cell.ts';

export const trialSchemaName = 'stampede.trial/1';

export const failureCauses = [
  'refused',
  'reset',
  'timedOut',
  'noPort',
  'noDescriptor',
  'shortResponse',
  'wrongContent',
  'other',
] as const;
export type FailureCause = (typeof failureCauses)[number];

export const latencyNames = ['connect', 'accept', 'firstByte', 'total'] as const;
export type LatencyName = (typeof latencyNames)[number];

export const limitedBy = ['server', 'generator', 'network', 'control', 'undetermined'] as const;
export type LimitedBy = (typeof limitedBy)[number];

const count = z.int().min(0);
const fraction = z.number().min(0).max(1);

export const failedSchema = z.strictObject(
  Object.fromEntries(failureCauses.map((cause) => [cause, count])) as Record<FailureCause, typeof count>,
);
export type FailedByCause = z.infer<typeof failedSchema>;

/** Fractions of the core's time over the measured interval; they sum to 1 with what a hypervisor stole. */
export const coreTimesSchema = z.strictObject({
  core: count,
  user: fraction,
  system: fraction,
  softirq: fraction,
  idle: fraction,
});
export type CoreTimes = Readonly<z.infer<typeof coreTimesSchema>>;

export const serverCoreSchema = coreTimesSchema.extend({ accepted: count.nullable() });
export type ServerCore = Readonly<z.infer<typeof serverCoreSchema>>;

const seconds = z.number().min(0).nullable();
export const latencySchema = z.strictObject({
  count,
  mean: seconds,
  p50: seconds,
  p90: seconds,
  p99: seconds,
  p999: seconds,
  max: seconds,
});

export const trialRecordSchema = z.strictObject({
  schema: z.literal(trialSchemaName),
  trial: z.string(),
  block: count,
  attempt: z.int().min(1),
  cell: cellSchema,
  measuredSeconds: z.number().positive(),
  connections: z.strictObject({
    /** Started in the measured interval: completed, or failed with a cause. */
    attempted: count,
    completed: count,
    failed: failedSchema,
    /** Open loop: starts that fell due when no slot was free. Counted, never replayed. */
    missed: count,
  }),
  connectionsPerSecond: z.number().min(0),
  latencySeconds: z.strictObject({
    connect: latencySchema.nullable(),
    accept: latencySchema.nullable(),
    firstByte: latencySchema.nullable(),
    total: latencySchema.nullable(),
  }),
  server: z.strictObject({
    cores: z.array(serverCoreSchema).nullable(),
    cpuMicrosecondsPerConnection: z.number().min(0).nullable(),
    /** Jain's index over the accepts of each core: 1 when even, 1/cores when one core took all. */
    acceptFairness: fraction.nullable(),
    listenOverflows: count.nullable(),
    listenDrops: count.nullable(),
    /** Share of connections accepted on the core that had processed their packets (SO_INCOMING_CPU). */
    locality: fraction.nullable(),
  }),
  generator: z.strictObject({
    cores: z.array(coreTimesSchema).nullable(),
    /** The least idle fraction of any load core: under 0.2 the figures are a lower bound. */
    headroom: fraction.nullable(),
    /** What made the load, e.g. "io_uring" or "epoll (io_uring: operation not permitted)". */
    backend: z.string(),
  }),
  limitedBy: z.enum(limitedBy),
  /** Path of a field → why it is null, or how it must be read. */
  notes: z.record(z.string(), z.string()),
  startedAt: z.iso.datetime(),
});

export type TrialRecord = Readonly<z.infer<typeof trialRecordSchema>>;
