/**
 * What coordinator and agents must agree on of the program k6: where it may be named, how to get it, how much of it one
 * agent carries, and what it says of itself at its end (kept in `k6/TRIAL.json`, never judged).
 */

import { z } from 'zod';

/** Names the program, where it is not on the PATH. */
export const k6Variable = 'K6_BIN';

/** The end of every sentence that says that it is missing. */
export const howToGetK6 =
  `install it (where Go is: "go install go.k6.io/k6@latest", which puts it into ~/go/bin), or name it with ` +
  `${k6Variable}=/path/to/k6`;

/**
 * Of one k6: each is a JavaScript runtime of its own. Measured with k6 1.8.1: about 0.1 MB and 0.6 ms of start each, and
 * a start may take no longer than an agent has to prepare.
 */
export const mostVirtualUsers = 4_096;

/** Of warm-up and measured time together: k6 refuses a shorter scenario. */
export const shortestK6Seconds = 1;

/** Longer ones are left out of the message that carries them: a result has 64 KiB for all it holds. */
export const mostSummaryCharacters = 8_192;

const figures = z.record(z.string().max(24), z.number());

/** As k6 gives it: times in milliseconds, over its whole run, warm-up included. */
export const k6SummarySchema = z.strictObject({
  /** e.g. "k6 v1.8.1 (go1.26.8, linux/amd64)". */
  version: z.string().max(100),
  /** Metric → statistic → value. */
  metrics: z.record(z.string().max(64), figures),
  /** Of the scenario, as far as k6 can judge them: expression → whether it held in this agent's share. */
  thresholds: z.record(z.string().max(100), z.boolean()),
});
export type K6Summary = Readonly<z.infer<typeof k6SummarySchema>>;
