/**
 * What the roles say to each other. Orders go out as BullMQ jobs, one queue a member; everything else is an entry of a
 * Redis stream. The conversation of one attempt at one trial:
 *
 *   coordinator                          server                         agents
 *     │ ── ServerOrder (job) ────────────► │ fresh process               │
 *     │ ◄───────────────────── ready ───── │                             │
 *     │ ── ShareOrder (job) ─────────────────────────────────────────►   │ threads, rings
 *     │ ◄──────────────────────────────────────────────── prepared ───── │
 *     │ ── start(startAt) ───────────────► │ ──────────────────────────► │ barrier
 *     │ ◄──── report, a second each ─────  │ ◄── report, a second each ─ │
 *     │ ◄──────────────────────────────────────────────── result ─────── │
 *     │ ── finish ───────────────────────► │                             │
 *     │ ◄──────────────────── result ───── │ process ended               │
 *
 * Either side may say `failed` at any point, and the coordinator `abort`. Every message carries the epoch of its
 * attempt: what comes with an older one is refused (fencing), however late it wakes up.
 */

import { z } from 'zod';
import { cellSchema } from './cell.ts';
import { k6SummarySchema } from './k6.ts';
import { thresholdSchema } from './scenario.ts';
import { coreTimesSchema, failedSchema, serverCoreSchema, userLevelSchema } from './trial-record.ts';
import { applications } from './variant-catalogue.ts';

/** An order or a message over this many bytes is refused unread. */
export const maxOrderBytes = 16_384;
export const maxMessageBytes = 65_536;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const count = z.int().min(0);
const address = z.union([z.ipv4(), z.ipv6()]);
/** Microseconds since 1970 on the control clock, which is Redis' own (TIME). */
const controlMicroseconds = z.int().min(0);

/** Which attempt at which trial a message belongs to. */
const attemptFields = {
  run: name,
  trial: name,
  attempt: z.int().min(1),
  /** Greater for every attempt of every incarnation of a coordinator of the run. */
  epoch: z.int().min(1),
} as const;
export const attemptIdSchema = z.strictObject(attemptFields);
export type AttemptId = Readonly<z.infer<typeof attemptIdSchema>>;

const phases = { warmUpSeconds: z.number().min(0), measuredSeconds: z.number().positive() } as const;

/** A job for a server: start a fresh process of this variant and keep it until told to finish. */
export const serverOrderSchema = z.strictObject({
  ...attemptFields,
  ...phases,
  cell: cellSchema,
  application: z.enum(applications),
  cores: z.array(count).min(1),
  /** Addresses to listen on and the port; 0: any free port, the same on every address. */
  addresses: z.array(address).min(1),
  port: z.int().min(0).max(65_535),
  readySeconds: z.number().positive(),
});
export type ServerOrder = Readonly<z.infer<typeof serverOrderSchema>>;

/** A job for an agent: its share of the load of a trial. */
export const shareOrderSchema = z.strictObject({
  ...attemptFields,
  ...phases,
  /** Share `index` of `count`: what the agent does follows from these, the cell and the seed. */
  index: count,
  count: z.int().min(1),
  cell: cellSchema,
  application: z.enum(applications),
  target: z.strictObject({ addresses: z.array(address).min(1), port: z.int().min(1).max(65_535) }),
  sourceAddresses: z.array(address).max(1000),
  /** Of the block, so that every cell of a block sees the same arrivals. */
  seed: z.int().min(0).max(0xffff_ffff),
  connectSeconds: z.number().positive(),
  responseSeconds: z.number().positive(),
  /** The scenario's, as far as they are about this cell: for an engine that judges its own share (`k6`). */
  thresholds: z.array(thresholdSchema).max(64).optional(),
});
export type ShareOrder = Readonly<z.infer<typeof shareOrderSchema>>;

/** Coordinator → members, on the control stream of the run. */
export const controlMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('start'), ...attemptFields, startAt: controlMicroseconds }),
  z.strictObject({ kind: z.literal('finish'), ...attemptFields }),
  z.strictObject({ kind: z.literal('abort'), ...attemptFields, reason: z.string().max(500) }),
]);
export type ControlMessage = Readonly<z.infer<typeof controlMessageSchema>>;

const senderFields = { ...attemptFields, sender: name } as const;
const notes = z.record(z.string().max(100), z.string().max(500));
const histogram = z.string().max(12_000);

export const loadCountsSchema = z.strictObject({
  attempted: count,
  completed: count,
  failed: failedSchema,
  missed: count,
});
/** Connections by outcome. */
export type LoadCounts = Readonly<z.infer<typeof loadCountsSchema>>;

/** What an agent measured in the measured interval of one trial. */
export const loadResultSchema = z.strictObject({
  /** Closed loop: connections that ended in the measured interval; open loop: that were due in it. */
  counts: loadCountsSchema,
  /** Connections that completed during the measured interval, whenever they were due: what a rate is made of. */
  completedMeanwhile: count,
  /** Over the whole trial, warm-up and drain included: what the server's own count is audited against. */
  lifetime: loadCountsSchema,
  measuredSeconds: z.number().positive(),
  histograms: z.strictObject({ connect: histogram, firstByte: histogram, total: histogram }),
  cores: z.array(coreTimesSchema).nullable(),
  /** e.g. "io_uring", or "epoll (io_uring: operation not permitted)". */
  backend: z.string().max(300),
  /** Of the engine `k6`: its own summary; left out for all others. */
  k6: k6SummarySchema.optional(),
  notes,
});
export type LoadResult = Readonly<z.infer<typeof loadResultSchema>>;

/** What a server measured in the measured interval of one trial. */
export const serverResultSchema = z.strictObject({
  measuredSeconds: z.number().positive(),
  cores: z.array(serverCoreSchema).nullable(),
  /** In the measured interval, all cores. */
  accepted: count.nullable(),
  /** From the start of the process to its end. */
  lifetimeAccepted: count.nullable(),
  listenOverflows: count.nullable(),
  listenDrops: count.nullable(),
  /** Of the private caches of all its cores, by hardware counters; null where there are none. */
  cacheMisses: z.number().min(0).nullable().default(null),
  locality: z.number().min(0).max(1).nullable(),
  /** Last ACK of the handshake → accepted by the application; null where it could not be known. */
  accept: histogram.nullable(),
  /** Of a server that brings its own TCP; left out for all others. */
  userLevel: userLevelSchema.nullable().optional(),
  notes,
});
export type ServerResult = Readonly<z.infer<typeof serverResultSchema>>;

/** Members → coordinator, on the report stream of the run. `sequence` counts a sender's messages of an attempt from 1. */
export const memberMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ready'),
    ...senderFields,
    sequence: count,
    port: z.int().min(1).max(65_535),
    notes,
  }),
  z.strictObject({
    kind: z.literal('prepared'),
    ...senderFields,
    sequence: count,
    backend: z.string().max(300),
  }),
  z.strictObject({
    kind: z.literal('report'),
    ...senderFields,
    sequence: count,
    /** The second of the trial that this report is of, counted from its start (warm-up included). */
    second: count,
    load: loadCountsSchema.optional(),
    accepted: count.optional(),
    cores: z.array(coreTimesSchema).max(1024).optional(),
  }),
  z.strictObject({
    kind: z.literal('result'),
    ...senderFields,
    sequence: count,
    load: loadResultSchema.optional(),
    server: serverResultSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('failed'),
    ...senderFields,
    sequence: count,
    stage: z.enum(['prepare', 'warm-up', 'measure', 'finish']),
    reason: z.string().max(2000),
    /** True when trying again cannot help (bad order, refused target, missing right): the run then ends. */
    final: z.boolean(),
  }),
]);
export type MemberMessage = Readonly<z.infer<typeof memberMessageSchema>>;

/** A member of the cluster, renewed every second under a key that expires: its lease. */
export const memberSchema = z.strictObject({
  role: z.enum(['agent', 'server']),
  name,
  /** New for every process: a member that was restarted is another one. */
  instance: name,
  host: z.string().max(255),
  pid: z.int().min(1),
  cores: z.array(count).min(1),
  /** Where it may send load (CIDR); empty for a server. */
  allow: z.array(z.string()).max(64),
  /** Its source addresses; empty: the kernel chooses. */
  sourceAddresses: z.array(address).max(1000),
  /** Of a server: the addresses agents reach it under. */
  addresses: z.array(address).max(64),
  /** Control clock minus this member's clock, in microseconds, with the bound of its error. */
  clock: z.strictObject({ offsetMicroseconds: z.number(), boundMicroseconds: z.number().min(0) }),
});
export type Member = Readonly<z.infer<typeof memberSchema>>;
