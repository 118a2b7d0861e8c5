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

const meanAndMost = z.strictObject({ mean: z.number().min(0), most: count });

/** What a TCP below the kernel's tells of itself, over the measured interval, all cores together. */
export const userLevelSchema = z.strictObject({
  /** What the frames came over, e.g. `af_xdp native on srv0, srv1`. */
  link: z.string().max(2_000),
  /** Frames that came in one batch, empty ones left out. */
  framesPerBatch: meanAndMost,
  /** Frames sent, and how many of them many at a time past the kernel's socket buffers; absent from old records. */
  framesSent: z.strictObject({ all: count, together: count }).optional(),
  /** Established and not yet taken by the application, seen whenever a batch was handled. */
  acceptQueue: meanAndMost,
  /** Handshakes begun and not ended, seen at the same moments. */
  halfOpen: meanAndMost,
  retransmissions: z.strictObject({
    /** Of SYN+ACKs. */
    handshake: count,
    /** Of data or a FIN, because the retransmission timer ran out. */
    timeout: count,
    /** Of data, after three duplicate acknowledgements (RFC 5681, 3.2). */
    fast: count,
  }),
  /** SYN cookies (RFC 4987, 3.6): answers given without keeping state, and connections that came of them. */
  cookies: z.strictObject({ sent: count, accepted: count }),
  resets: z.strictObject({ sent: count, received: count }),
  /** Frames and segments that came and were not taken, by cause; a cause that did not occur is not listed. */
  drops: z.record(z.string().max(40), count),
});
export type UserLevelFigures = Readonly<z.infer<typeof userLevelSchema>>;

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
    /** Misses of the private caches of its cores, by hardware counters: of everything that ran there. */
    cacheMissesPerConnection: z.number().min(0).nullable().default(null),
    /** Of a server that brings its own TCP; left out for all others. */
    userLevel: userLevelSchema.nullable().optional(),
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
