/** What an agent and the guard of its k6 tell each other, over Node's channel between a process and its child. */

import { z } from 'zod';

const monotonicNs = z.number().min(0);

export const toGuardSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('run'),
    /** Program and parameters. */
    argv: z.array(z.string()).min(1),
    environment: z.record(z.string(), z.string()),
    /** What it reads on stdin. */
    script: z.string(),
    leaseEndsAtNs: monotonicNs,
  }),
  /** Until when the load may go on, by CLOCK_MONOTONIC. */
  z.strictObject({ kind: z.literal('lease'), leaseEndsAtNs: monotonicNs }),
]);
export type ToGuard = z.infer<typeof toGuardSchema>;

/** k6 has ended: with a status, by a signal, or it could not be started. */
export const fromGuardSchema = z.strictObject({
  kind: z.literal('ended'),
  status: z.int().nullable(),
  how: z.string().max(500),
});
export type FromGuard = z.infer<typeof fromGuardSchema>;
