/** What a launcher and the process of a server under test say to each other, parsed on both sides. See launch.ts. */

import { z } from 'zod';
import { levelSchemas } from '../protocol/cell.ts';
import { ExitStatus, Failure } from '../protocol/failure.ts';
import { serverResultSchema } from '../protocol/messages.ts';
import { applications } from '../protocol/variant-catalogue.ts';

const count = z.int().min(0);
const address = z.union([z.ipv4(), z.ipv6()]);
const notes = z.record(z.string(), z.string());

const serverSpecSchema = z.strictObject({
  variant: levelSchemas.variant,
  application: z.enum(applications),
  messages: levelSchemas.messages,
  requestBytes: levelSchemas.requestBytes,
  responseBytes: levelSchemas.responseBytes,
  close: levelSchemas.close,
  cores: z.array(count).min(1).readonly(),
  namespace: z.string().nullable(),
  addresses: z.array(address).min(1).readonly(),
  port: z.int().min(0).max(65_535),
  readyMs: z.number().positive(),
  idleMs: z.number().positive().optional(),
  traceAccepts: z.boolean().optional(),
});
export type ParsedSpec = z.output<typeof serverSpecSchema>;

export const launcherMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('spec'), spec: serverSpecSchema }),
  z.strictObject({ kind: z.literal('begin') }),
  z.strictObject({ kind: z.literal('end') }),
  z.strictObject({ kind: z.literal('finish') }),
]);
export type LauncherMessage = z.input<typeof launcherMessageSchema>;

const failedSchema = z.strictObject({
  kind: z.literal('failed'),
  message: z.string(),
  exitStatus: z.enum(ExitStatus),
});

export const childMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ready'),
    port: z.int().min(1).max(65_535),
    notes,
    accepted: z.array(count).nullable(),
  }),
  z.strictObject({ kind: z.literal('accepted'), counts: z.array(count) }),
  z.strictObject({ kind: z.literal('result'), result: serverResultSchema }),
  failedSchema,
]);
export type ChildMessage = z.output<typeof childMessageSchema>;

export function failureOf(message: z.output<typeof failedSchema>): Failure {
  return new Failure(message.message, message.exitStatus);
}
