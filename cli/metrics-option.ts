/** `--metrics [ADDRESS]`, the same for every role: the flag, and what its text means. */

import type { Command } from 'commander';
import { z } from 'zod';
import { type ListenAddress, parseListenAddress, tokenVariable } from '../protocol/access.ts';
import { messageOf } from '../protocol/failure.ts';

const defaultAddress = '127.0.0.1:9464';

export const metricsHelp = `
Metrics for Prometheus are at /metrics, health at /healthz. Off loopback they want a token: ${tokenVariable} in the environment
(openssl rand -hex 16), which Prometheus then sends as "Authorization: Bearer TOKEN".`;

export function metricsOption(command: Command): Command {
  return command.option(
    '--metrics [ADDRESS]',
    `serve metrics for Prometheus at [HOST:]PORT (default: ${defaultAddress})`,
  );
}

/** The value of the flag; without one, the default. @throws {Failure} exit status 2. */
export function metricsAddress(value: string | true | undefined): ListenAddress | null {
  return value === undefined ? null : parseListenAddress(value === true ? defaultAddress : value);
}

export const metricsSchema = z
  .union([z.literal(true), z.string()])
  .optional()
  .transform((value, context) => {
    try {
      return metricsAddress(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
      return z.NEVER;
    }
  });
