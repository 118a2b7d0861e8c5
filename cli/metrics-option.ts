/** `--metrics [ADDRESS]`, the same for every role: the flag, and what its text means. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { type ListenAddress, parseListenAddress, tokenVariable } from '../protocol/access.ts';
import { messageOf } from '../protocol/failure.ts';

const defaultAddress: ListenAddress = { host: '127.0.0.1', port: 9464 };

export const metricsHelp = `
Metrics for Prometheus are at /metrics, health at /healthz. Off loopback they want a token: ${tokenVariable} in the environment
(openssl rand -hex 16), which Prometheus then sends as "Authorization: Bearer TOKEN".`;

function option(): Option {
  const { host, port } = defaultAddress;
  return new Option(
    '--metrics [ADDRESS]',
    `serve metrics for Prometheus at [HOST:]PORT (default: ${host}:${port})`,
  );
}

/** Its value is left to `metricsSchema`. */
export function withMetrics(command: Command): Command {
  return command.addOption(option());
}

/** For a command that takes a scenario: where that was taken for the address, this is said, and not that it is missing. */
export function withMetricsBesideScenario(command: Command): Command {
  return command.addOption(
    option().argParser((text) => {
      try {
        return parseListenAddress(text);
      } catch (error) {
        throw new InvalidArgumentError(messageOf(error));
      }
    }),
  );
}

/** The flag without a value means the default. */
export function metricsAddress(value: ListenAddress | true | undefined): ListenAddress | null {
  return value === true ? defaultAddress : (value ?? null);
}

export const metricsSchema = z
  .union([z.literal(true), z.string()])
  .optional()
  .transform((value, context) => {
    try {
      return metricsAddress(typeof value === 'string' ? parseListenAddress(value) : value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
      return z.NEVER;
    }
  });
