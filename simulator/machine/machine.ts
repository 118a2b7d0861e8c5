/**
 * What a multicore machine is to the model: sockets, caches, how far a line is from a core, its network card, and what a
 * connection costs on one core alone.
 *
 * A machine is data, checked once. It knows no design and no paper: whoever has another machine writes another file of the
 * same shape. It refuses a description with a missing latency rather than guess one.
 */

import { z } from 'zod';

const cycles = z.number().positive().finite().max(1e7);

/** Cycles on one core alone, memory included: a connection costs `connection + transactions × transaction`. */
const costs = z.strictObject({ connection: cycles, transaction: cycles });

const latencies = z.strictObject({
  /** Hit in the core's own first cache: part of all work, the zero that the others are counted from. */
  l1: cycles,
  /** In the core's own second cache. */
  l2: cycles,
  /** In the socket's shared cache. */
  l3: cycles,
  /** Modified in another core's cache on the same socket. */
  otherCore: cycles,
  /** Modified in a cache on another socket, by hops: the first number is one hop. */
  otherSocket: z.array(cycles).min(1).max(8),
  memory: cycles,
  /** Memory of another node, by hops. */
  remoteMemory: z.array(cycles).min(1).max(8),
});

export const machineSchema = z.strictObject({
  name: z.string().min(1),
  about: z.string().default(''),
  sockets: z.int().min(1).max(64),
  coresPerSocket: z.int().min(1).max(256),
  clockGHz: z.number().positive().max(20),
  /** `moesi`: the owner of a line hands it to one reader after the other. `mesi`: each socket's shared cache serves its own. */
  protocol: z.enum(['mesi', 'moesi']),
  lineBytes: z.int().min(16).max(1024).default(64),
  privateCacheKiB: z.number().positive(),
  sharedCacheKiB: z.number().positive(),
  latencyCycles: latencies,
  /** Hops from socket to socket; without it every other socket is one hop away. */
  hops: z.array(z.array(z.int().min(0).max(8))).optional(),
  /** What one more core that polls a line adds to a transfer of it (c of the OLS'12 lock model). Default: `otherCore`. */
  pollerCycles: cycles.optional(),
  /** From a wake-up until the woken process runs. */
  wakeCycles: cycles.default(5_000),
  nic: z
    .strictObject({
      queues: z.int().min(1).max(1024).optional(),
      gigabits: z.number().positive().max(10_000).default(10),
      /** Packets sent before the card learns where a connection's process runs; absent: it never does. */
      flowDirectorSampling: z.int().min(1).optional(),
      /** Entries of the table that spreads flow hashes over queues. */
      rssTable: z.int().min(1).max(65_536).default(128),
      /** Absent: `spread`, each core has a queue. `one-core`: the first core takes all packets. */
      interrupts: z.enum(['spread', 'one-core']).optional(),
      /** Receive packet steering: the interrupted core only hands packets on to the core of their flow. */
      rps: z.boolean().optional(),
    })
    .refine(({ interrupts, rps }) => rps !== true || interrupts === 'one-core', {
      path: ['rps'],
      message: 'hands packets on from one core, so wants interrupts: one-core',
    })
    .default({ gigabits: 10, rssTable: 128 }),
  roundTripMicroseconds: z.number().positive().max(1e7).default(40),
  /** By kind of stack. Only `kernel` is needed; the others default to their ratio to it on the machines of the papers. */
  singleCore: z.strictObject({
    kernel: costs,
    megapipe: costs.optional(),
    fastsocket: costs.optional(),
    reuseport: costs.optional(),
    userLevel: costs.optional(),
  }),
  /** What the application does a request, on one core: an echo server, and a web server. */
  application: z.strictObject({ rpc: cycles, http: cycles }).default({ rpc: 1_000, http: 5_500 }),
  /** Whether the workers of a server are threads with one table of files, or processes with their own. */
  workers: z.enum(['threads', 'processes']).default('threads'),
  /** Lines of a connection that move a request when packets and process are on different cores: under its lock, and else. */
  movedLines: z
    .strictObject({ held: z.number().min(0).max(1e4), other: z.number().min(0).max(1e4) })
    .default({ held: 1.6, other: 2 }),
});

export type Machine = z.infer<typeof machineSchema>;
/** As written in a file: with what may be left out. */
export type MachineInput = z.input<typeof machineSchema>;
export type StackKind = keyof Machine['singleCore'];
export type Costs = z.infer<typeof costs>;

export const coresOf = (machine: Machine): number => machine.sockets * machine.coresPerSocket;
