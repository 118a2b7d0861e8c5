/** The run folder: one execution of a scenario, with all there is to know of it. Names are fixed. */

import { join } from 'node:path';

export interface RunFolder {
  readonly path: string;
  readonly scenario: string;
  readonly environment: string;
  /** Identity and outcome of the run: id, incarnations, plan, state. */
  readonly run: string;
  readonly trials: string;
  /** Attempts that were not committed: interrupted, failed, or beaten to the commit. */
  readonly attempts: string;
  /** Append-only log of what happened: run, epoch, sequence, monotonic time, actor. */
  readonly events: string;
  readonly histograms: string;
  /** What k6 says of itself, of trials that it made the load of. */
  readonly k6: string;
  readonly comparison: string;
  readonly reportHtml: string;
  readonly reportMarkdown: string;
  readonly junit: string;
}

export function runFolder(path: string): RunFolder {
  return {
    path,
    scenario: join(path, 'scenario.yaml'),
    environment: join(path, 'environment.json'),
    run: join(path, 'run.json'),
    trials: join(path, 'trials.jsonl'),
    attempts: join(path, 'attempts.jsonl'),
    events: join(path, 'events.jsonl'),
    histograms: join(path, 'histograms'),
    k6: join(path, 'k6'),
    comparison: join(path, 'comparison.json'),
    reportHtml: join(path, 'report.html'),
    reportMarkdown: join(path, 'report.md'),
    junit: join(path, 'junit.xml'),
  };
}
