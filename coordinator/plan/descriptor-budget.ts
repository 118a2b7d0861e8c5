/**
 * Do the descriptors suffice? A connection takes one in the agent's process and one in the server's; io_uring's direct
 * descriptors are bound by the same limit (RLIMIT_NOFILE).
 */

import type { Scenario } from '../../protocol/scenario.ts';

/** What a process needs beside its connections: libraries, rings, epoll, Redis, logs. */
export const processDescriptors = 128;

export interface DescriptorBudget {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** @param limit RLIMIT_NOFILE of the processes to be started; null: not known. */
export function descriptorProblems(
  scenario: Pick<Scenario, 'factors' | 'agents'>,
  limit: number | null,
): DescriptorBudget {
  if (limit === null) {
    return {
      problems: [],
      warnings: ['The limit of open files is not known: /proc/self/limits does not say.'],
    };
  }
  const room = limit - processDescriptors;
  const { concurrency, rate } = scenario.factors;
  const most = Math.max(...(concurrency ?? [0]));
  if (most > room) {
    return {
      problems: [
        `Cannot hold ${most.toLocaleString('en-US')} connections open: the limit of open files is ${limit.toLocaleString('en-US')}, ` +
          `of which ${processDescriptors} are needed otherwise; wanted concurrency: ${Math.max(0, room)} at most, ` +
          `or "ulimit -n ${most + processDescriptors}" before the start.`,
      ],
      warnings: [],
    };
  }
  const fastest = Math.max(...(rate ?? [0]));
  return {
    problems: [],
    warnings:
      fastest > room
        ? [
            `If the server answers after 1 s, ${fastest.toLocaleString('en-US')} connections are open at a time, more than ` +
              `the limit of open files (${limit.toLocaleString('en-US')}) allows: those over it will be counted as noDescriptor or missed.`,
          ]
        : [],
  };
}
