/**
 * The flags that both roles have, and how their texts become values: each is parsed by a schema, and what is wrong with it
 * is said under its name, before anything is started.
 */

import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { parseRedisUrl } from '../control/redis-url.ts';
import { allowedCores } from '../coordinator/plan/machine.ts';
import { readCpuTimes } from '../linux/cpu-times.ts';
import { badInput, messageOf } from '../protocol/failure.ts';
import { metricsSchema, withMetrics } from './metrics-option.ts';

export const redisVariable = 'STAMPEDE_REDIS_URL';
const mostAddresses = 1000;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export function roleOptions(command: Command): Command {
  return withMetrics(command)
    .option(
      '--redis <URL>',
      `where the coordinator's Redis is; better in the environment (${redisVariable}), where "ps" does not show it`,
    )
    .option('--name <NAME>', 'the name of this member, unique in its role (default: the host name)')
    .option('--cores <LIST>', 'the cores it may use, like 0-3,6 (default: all that this process may run on)')
    .option('--namespace <PATH>', 'the network namespace to work in, like /proc/PID/ns/net')
    .option('--die-with-parent [PID]', 'end when the process that started this one ends; PID: that process')
    .option(
      '--log-level <LEVEL>',
      `${logLevels.join(', ')}: what is logged to stderr, as JSON lines`,
      'info',
    );
}

/** `0-3,6` → 0, 1, 2, 3, 6: cores this machine has. */
const coresSchema = z.string().transform((text, context) => {
  const present = readCpuTimes().map(({ core }) => core);
  const cores = text.split(',').flatMap((part) => coresOf(part.trim()));
  const missing = cores.filter((core) => !present.includes(core));
  if (cores.length === 0 || cores.includes(Number.NaN)) {
    context.addIssue({ code: 'custom', message: 'wanted core numbers, like 0-3,6' });
  } else if (missing.length > 0) {
    context.addIssue({
      code: 'custom',
      message: `core ${missing.join(', ')} is not there; wanted some of ${present.join(', ')}`,
    });
  }
  return [...new Set(cores)].sort((one, other) => one - other);
});

function coresOf(part: string): number[] {
  const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
  if (match === null) return [Number.NaN];
  const first = Number(match[1]);
  const last = Number(match[2] ?? first);
  return last < first ? [Number.NaN] : Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Addresses, or IPv4 ranges like `198.19.0.1-198.19.0.64`, separated by commas. */
export const addressesSchema = z.string().transform((text, context) => {
  const addresses = text.split(',').flatMap((part) => addressesOf(part.trim()) ?? [null]);
  if (addresses.includes(null)) {
    context.addIssue({
      code: 'custom',
      message: 'wanted addresses or ranges, like 198.19.0.1-198.19.0.64,192.0.2.7',
    });
  } else if (addresses.length > mostAddresses) {
    context.addIssue({
      code: 'custom',
      message: `these are ${addresses.length} addresses; wanted at most ${mostAddresses}`,
    });
  }
  return [...new Set(addresses.filter((address) => address !== null))];
});

function addressesOf(part: string): string[] | null {
  const [first = '', last, ...rest] = part.split('-');
  if (rest.length > 0) return null;
  if (last === undefined) {
    const isAddress =
      ipaddr.IPv4.isValidFourPartDecimal(first) ||
      (first.includes(':') && !first.includes('%') && ipaddr.IPv6.isValid(first));
    return isAddress ? [ipaddr.parse(first).toString()] : null;
  }
  const [from, to] = [first, last.trim()].map(toNumber);
  // One more than is allowed is enough to be refused: a range of all addresses must not be written out.
  if (from == null || to == null || to < from) return null;
  return Array.from({ length: Math.min(to - from, mostAddresses) + 1 }, (_, index) =>
    fromNumber(from + index),
  );
}

function toNumber(text: string): number | null {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) return null;
  return ipaddr.IPv4.parse(text).octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

function fromNumber(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

export const roleSchema = z.object({
  redis: z
    .string({
      error: `neither --redis nor ${redisVariable} is there; wanted the URL of the coordinator's Redis`,
    })
    .min(1, 'it is empty; wanted a URL')
    .superRefine((url, context) => {
      try {
        parseRedisUrl(url);
      } catch (error) {
        context.addIssue({ code: 'custom', message: messageOf(error) });
      }
    }),
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      'wanted letters, digits, dots, hyphens and underscores, at most 64, the first a letter or digit',
    )
    .default(() => hostname().slice(0, 64)),
  cores: coresSchema.default(allowedCores),
  namespace: z
    .string()
    .refine(
      (path) => existsSync(path),
      'there is no such file; wanted a network namespace, like /proc/PID/ns/net',
    )
    .nullable()
    .default(null),
  dieWithParent: z
    .union(
      [
        z.literal(true),
        z
          .string()
          .regex(/^[1-9]\d{0,9}$/)
          .transform(Number),
      ],
      {
        error: 'wanted a process id, or nothing',
      },
    )
    .optional(),
  metrics: metricsSchema,
  logLevel: z.enum(logLevels, { error: `wanted one of ${logLevels.join(', ')}` }),
});

/**
 * The flags as values. The Redis URL is taken out of the environment, so that no process started later inherits it.
 *
 * @throws {Failure} exit status 2, naming every flag that is wrong.
 */
export function parseFlags<Flags>(role: string, schema: z.ZodType<Flags>, options: object): Flags {
  const given = { redis: process.env[redisVariable], ...options };
  delete process.env[redisVariable];
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => flagMessage(String(path[0]), given, message));
  throw badInput(`Cannot start the ${role}: ${issues.join('; ')}`);
}

function flagMessage(key: string, given: Readonly<Record<string, unknown>>, message: string): string {
  const flag = `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const value = given[key];
  // A URL may hold a password.
  return value === undefined || key === 'redis'
    ? `${flag}: ${message}`
    : `${flag} "${String(value)}": ${message}`;
}
