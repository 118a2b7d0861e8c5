/** A cell: one level of every factor. Its field names are fixed; records outside the project's reach carry them. */

import { z } from 'zod';
import { parseVariant, variantNames } from './variant-catalogue.ts';

export const engines = ['socket', 'packet', 'k6'] as const;
export const closeModes = ['client-fin', 'client-rst', 'server-fin'] as const;
export type Engine = (typeof engines)[number];
/** Who ends a connection, and how: it decides which side keeps TIME_WAIT (RFC 9293, section 3.6). */
export type CloseMode = (typeof closeModes)[number];

export const maxRequestBytes = 65_536;
export const maxResponseBytes = 1_048_576;

export const levelSchemas = {
  variant: z.string().refine((text) => parseVariant(text) !== null, {
    error: (issue) =>
      `no such variant "${String(issue.input).slice(0, 64)}"; wanted one of ${variantNames().join(', ')}`,
  }),
  cores: z.int().min(1).max(1024).describe('Cores the server has, one pinned thread each'),
  engine: z.enum(engines).describe('What makes the load'),
  messages: z.int().min(1).max(128).describe('Requests on one connection'),
  requestBytes: z.int().min(1).max(maxRequestBytes).describe('Bytes of one request (the body, for http)'),
  responseBytes: z.int().min(1).max(maxResponseBytes).describe('Bytes of one response (the body, for http)'),
  close: z.enum(closeModes).describe('Who ends the connection, and how'),
  concurrency: z
    .int()
    .min(1)
    .max(65_536)
    .describe('Closed loop: connections open at any time, over all agents'),
  rate: z
    .number()
    .positive()
    .max(10_000_000)
    .describe('Open loop: connections started a second, over all agents (Poisson)'),
} as const;

export const factorNames = Object.keys(levelSchemas) as readonly FactorName[];
export type FactorName = keyof typeof levelSchemas;

/** The levels of every factor but variant: what two variants are compared at. */
export const circumstancesSchema = z.strictObject({
  cores: levelSchemas.cores,
  engine: levelSchemas.engine,
  messages: levelSchemas.messages,
  requestBytes: levelSchemas.requestBytes,
  responseBytes: levelSchemas.responseBytes,
  close: levelSchemas.close,
  concurrency: levelSchemas.concurrency.nullable(),
  rate: levelSchemas.rate.nullable(),
});

export const cellSchema = z
  .strictObject({ variant: levelSchemas.variant, ...circumstancesSchema.shape })
  .refine((cell) => (cell.concurrency === null) !== (cell.rate === null), {
    error: 'a cell has either a concurrency (closed loop) or a rate (open loop), not both and not neither',
  });

export type Cell = Readonly<z.infer<typeof cellSchema>>;
