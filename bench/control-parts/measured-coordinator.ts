/**
 * A process that coordinates one long trial of a cluster, as `stampede run` would, and looks at itself meanwhile: which
 * reports came, how old they were, and what its own CPU and memory were from the first report to the last.
 */

import { readFileSync } from 'node:fs';
import { runScenario } from '../../coordinator/coordinator.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { scenarioSchema } from '../../protocol/scenario.ts';

export interface CoordinatorOrder {
  readonly redisUrl: string;
  readonly folder: string;
  readonly agents: number;
  readonly seconds: number;
}

export interface CoordinatorMeasured {
  readonly state: string;
  readonly reason: string | null;
  /** Reports of each sender, and how many of them were of a second that had been told of before. */
  readonly reports: Readonly<Record<string, number>>;
  readonly doubled: number;
  /** Gaps in the numbers that senders give, by the coordinator's own account. */
  readonly lost: number;
  readonly refused: number;
  readonly attempts: number;
  /** Of each report: from the end of its second to when the coordinator had it. */
  readonly lagsMs: readonly number[];
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** A second each. */
  readonly residentBytes: readonly number[];
}

const order = JSON.parse(process.argv[2] ?? '') as CoordinatorOrder;
const scenario = scenarioSchema.parse({
  name: 'control',
  lab: 'cluster',
  factors: { variant: 'reuseport', concurrency: 65_536 },
  warmUpSeconds: 0,
  measuredSeconds: order.seconds,
  blocks: 1,
  attempts: 1,
});
const folder = runFolder(order.folder);
const reports: Record<string, number> = {};
const seen = new Set<string>();
const arrivals: { readonly second: number; readonly atMs: number }[] = [];
const residentBytes: number[] = [];
let doubled = 0;
let first: { readonly cpu: NodeJS.CpuUsage; readonly atMs: number } | null = null;
let last = { cpuSeconds: 0, wallSeconds: 0 };

const outcome = await runScenario({
  // More agents than a scenario may ask for, where the limits are looked for.
  scenario: { ...scenario, agents: { ...scenario.agents, count: order.agents } },
  scenarioText: JSON.stringify(scenario),
  folder,
  redisUrl: order.redisUrl,
  memberCommand: [],
  signal: new AbortController().signal,
  onProgress: () => {},
  watchers: [
    { see: (event) => event.kind === 'message' && event.message.kind === 'report' && take(event.message) },
  ],
});

const events = readFileSync(folder.events, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as { event: string; startAt?: number });
const startAtMs = (events.find(({ event }) => event === 'start')?.startAt ?? Number.NaN) / 1000;
const { coverage } = JSON.parse(readFileSync(folder.run, 'utf8')) as {
  coverage: { lost: number; refused: Record<string, number> };
};
const measured: CoordinatorMeasured = {
  state: outcome.state,
  reason: outcome.reason,
  reports,
  doubled,
  lost: coverage.lost,
  refused: Object.values(coverage.refused).reduce((sum, count) => sum + count, 0),
  attempts: events.filter(({ event }) => event === 'attempt-begun').length,
  lagsMs: arrivals.map(({ second, atMs }) => atMs - startAtMs - (second + 1) * 1000),
  ...last,
  residentBytes,
};
process.stdout.write(JSON.stringify(measured), () => process.exit(0));

/** The control clock is Redis' own, on this machine the wall clock. */
function take({ sender, second }: { readonly sender: string; readonly second: number }): void {
  const atMs = Date.now();
  first ??= { cpu: process.cpuUsage(), atMs };
  if (arrivals.length === 0 || atMs - (residentBytes.length + 1) * 1000 >= first.atMs)
    residentBytes.push(process.memoryUsage.rss());
  arrivals.push({ second, atMs });
  const name = `${sender} ${second}`;
  if (seen.has(name)) doubled++;
  seen.add(name);
  reports[sender] = (reports[sender] ?? 0) + 1;
  const { user, system } = process.cpuUsage(first.cpu);
  last = { cpuSeconds: (user + system) / 1e6, wallSeconds: (atMs - first.atMs) / 1000 };
}
